"""`flavorkit predict` on files: rows in a second beside MLflow, and memory on a large file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import model
from harness import ENV, Figure, show

ROWS = 5_000_000
SHARED_ROWS = 500_000
"""What MLflow gets too; it reads a file whole."""

_MAKE = """
import sys
import numpy as np, pandas as pd
path, rows, *names = sys.argv[1:]
chance = np.random.default_rng(0)
frame = pd.DataFrame(chance.uniform(0, 8, (int(rows), len(names))).round(3), columns=names)
frame.to_csv(path + ".csv", index=False)
frame.to_parquet(path + ".parquet")
"""


def figures() -> list[Figure]:
    folder = model.folder()
    names = list(model.classifier()[1].columns)
    with tempfile.TemporaryDirectory() as scratch:
        small, large = str(Path(scratch, "small")), str(Path(scratch, "large"))
        for path, rows in ((small, SHARED_ROWS), (large, ROWS)):
            subprocess.run([sys.executable, "-c", _MAKE, path, str(rows), *names], check=True)
        out = str(Path(scratch, "out"))
        command = ["predict", "-m", str(folder), "-i", f"{small}.csv", "-t", "csv", "-o", out]
        ours, our_memory = _measured(["flavorkit", *command])
        theirs, their_memory = _measured(["mlflow", "models", *command, "--env-manager", "local"])
        found = [
            Figure(
                f"`predict` on a CSV of {SHARED_ROWS:,} rows, JSON out, process start to end",
                SHARED_ROWS / ours,
                "rows/s",
                None,
                SHARED_ROWS / theirs,
                more_is_better=True,
            ),
            Figure("the same: peak memory", our_memory, "MB", None, their_memory),
        ]
        for kind in ("csv", "parquet"):
            files = ["-i", f"{large}.{kind}", "-o", f"{out}.{kind}"]
            seconds, memory = _measured(["flavorkit", "predict", "-m", str(folder), *files])
            what = f"`predict` on {kind} of {ROWS:,} rows, {kind} out"
            found.append(Figure(what, ROWS / seconds, "rows/s"))
            found.append(Figure("the same: peak memory", memory, "MB", 500))
    return found


def _measured(command: list[str]) -> tuple[float, float]:
    """Seconds from start to end, and the peak of the largest of its processes in MB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1000


if __name__ == "__main__":
    show(figures())
