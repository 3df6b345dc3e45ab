"""Run every benchmark, print the table, and write it into README.md beside this file.

``make bench`` compiles the byte code of the environment first; without it a start looks slower than
it is, of the larger package most.
"""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import invocations
import memory
import predict
import predict_files
import save
import start
import tracking
from harness import Figure, show, table

README = Path(__file__).parent / "README.md"
BENCHMARKS = (start, save, memory, invocations, predict, predict_files, tracking)
MARKS = ("<!-- table -->\n", "<!-- end of table -->\n")


def main() -> None:
    rows = []
    for benchmark in BENCHMARKS:
        print(f"{benchmark.__name__} ...", flush=True)
        figures = benchmark.figures()
        show(figures)
        rows += figures
    written = _table(rows)
    text = README.read_text()
    pattern = re.escape(MARKS[0]) + ".*" + re.escape(MARKS[1])
    README.write_text(
        re.sub(pattern, lambda _: MARKS[0] + written + MARKS[1], text, flags=re.DOTALL)
    )
    print(f"\n{written}\nwritten into benchmarks/README.md")


def _table(figures: list[Figure]) -> str:
    machine = (
        f"Python {platform.python_version()}, {os.cpu_count()} cores, flavorkit"
        f" {version('flavorkit')}, MLflow {version('mlflow')}, scikit-learn"
        f" {version('scikit-learn')}:\n\n"
    )
    return machine + table(figures)


if __name__ == "__main__":
    main()
