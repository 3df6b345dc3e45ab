"""Images of one scikit-learn model: how large they are, how long they take to build and to answer.

python benchmarks/docker.py [--rounds 3] [--json]

Needs a Docker engine that has ``python:X.Y-slim`` of this Python. Both stand on it, both have the
same packages of the model, and MLflow is told to use no other environment (``--env-manager
local``), which is its smallest image. Builds take turns and use nothing of earlier ones; figures
are medians.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import BIN, ENV, Figure, show, table

BASE = f"python:{'.'.join(platform.python_version_tuple()[:2])}-slim"
OURS, THEIRS = "flavorkit-bench:ours", "flavorkit-bench:theirs"
OUR_BASE = "flavorkit-bench:base"
# MLflow's image stands on the very patch of Python that the model was saved with.
THEIR_BASE = f"python:{platform.python_version()}-slim"
PACKAGES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
STARTS = 3
"""In each round; the first one of an image finds none of its files in memory."""

LARGEST = """
import collections, os, sys
top = os.path.dirname(os.path.dirname(__import__("numpy").__file__))
sizes = collections.Counter()
for folder, _, files in os.walk(top):
    part = os.path.relpath(folder, top).split(os.sep)[0]
    for file in files:
        sizes[part] += os.lstat(os.path.join(folder, file)).st_size
print(*(f"{size / 1e6:.0f} {part}" for part, size in sizes.most_common(12)), sep="\\n")
"""


@dataclass(frozen=True)
class Side:
    """One of the two.

    Args:
        image: what its images are called.
        save: writes a model that predicts with this regularisation.
        build: the command that makes the image of a folder.
    """

    image: str
    save: Callable[[Path, float], None]
    build: Callable[[Path], list[str]]


def figures(rounds: int = 3) -> list[Figure]:
    """All of them."""
    sides = {
        "ours": Side(OURS, _save_ours, _build_ours),
        "theirs": Side(THEIRS, _save_theirs, _build_theirs),
    }
    with tempfile.TemporaryDirectory() as scratch, _own_base():
        try:
            return _measured(sides, Path(scratch), rounds)
        finally:
            _remove(OURS, THEIRS)


def _measured(sides: dict[str, Side], scratch: Path, rounds: int) -> list[Figure]:
    seconds: dict[str, dict[str, list[float]]] = {
        what: {name: [] for name in sides} for what in ("build", "rebuild", "answer")
    }
    for number in range(rounds):
        _renew_base()
        for name, side in sides.items():
            for what in ("build", "rebuild"):
                folder = scratch / f"{name}-{what}-{number}"
                side.save(folder, 1.0 + number + (what == "rebuild") / 2)
                seconds[what][name].append(_timed(side.build(folder)))
        for _ in range(STARTS):
            for name, side in sides.items():
                seconds["answer"][name].append(_seconds_to_first_answer(side.image))
        print(f"round {number + 1} of {rounds}: {_last(seconds)}", file=sys.stderr, flush=True)
    base = _size(BASE)
    above = {name: (_size(side.image) - base) / 1e6 for name, side in sides.items()}
    print(f"the largest parts of ours, in MB:\n{_largest(OURS)}", file=sys.stderr)
    median = {
        what: {name: statistics.median(taken) for name, taken in both.items()}
        for what, both in seconds.items()
    }
    build, again, answer = median["build"], median["rebuild"], median["answer"]
    size = above["theirs"]
    return [
        Figure("image, above its base", above["ours"], "MB", size * 0.4, size),
        Figure("building it", build["ours"], "s", build["theirs"] * 0.4, build["theirs"]),
        Figure("building it again for another model", again["ours"], "s", 3.0, again["theirs"]),
        Figure(
            "`docker run` to the first answer",
            *(answer["ours"], "s", answer["theirs"] * 0.5, answer["theirs"]),
        ),
    ]


def _last(seconds: dict[str, dict[str, list[float]]]) -> str:
    return ", ".join(
        f"{what} {both['ours'][-1]:.1f} and {both['theirs'][-1]:.1f} s"
        for what, both in seconds.items()
    )


@contextlib.contextmanager
def _own_base() -> Iterator[None]:
    """Give our base the name that MLflow insists on, and give that name back in the end."""
    before = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", THEIR_BASE],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    try:
        yield
    finally:
        if before:
            docker("tag", before, THEIR_BASE)
        else:
            _remove(THEIR_BASE)
        _remove(OUR_BASE)


def _renew_base() -> None:
    """Make a base that equals the other and that nothing was built on, so that no cache helps."""
    # BuildKit knows a base by its layers, the older builder by its labels too.
    write = json.dumps(["python3", "-c", f"open('/made', 'w').write('{time.time_ns()}')"])
    text = f"FROM {BASE}\nRUN {write}\n"
    command = ["docker", "build", "--quiet", "--tag", OUR_BASE, "--tag", THEIR_BASE, "-"]
    subprocess.run(command, input=text, text=True, check=True, capture_output=True)


def _model(strength: float) -> tuple[Any, Any]:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, species = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(C=strength, max_iter=1000).fit(rows, species), rows


def _pins() -> list[str]:
    from importlib import metadata

    return [f"{name}=={metadata.version(name)}" for name in PACKAGES]


def _save_ours(folder: Path, strength: float) -> None:
    import flavorkit

    model, rows = _model(strength)
    flavorkit.save_model(model, folder, input_example=rows[:2], pip_requirements=_pins())


def _save_theirs(folder: Path, strength: float) -> None:
    import mlflow

    model, rows = _model(strength)
    # Left to itself it lists every package that is imported here, PyTorch among them.
    needed = [f"mlflow=={mlflow.__version__}", *_pins()]
    with warnings.catch_warnings(action="ignore"):
        mlflow.sklearn.save_model(
            model, str(folder), input_example=rows[:2], pip_requirements=needed
        )


def _build_ours(folder: Path) -> list[str]:
    command = [str(BIN / "flavorkit"), "build-docker", "-m", str(folder), "-t", OURS]
    return [*command, "--base-image", OUR_BASE]


def _build_theirs(folder: Path) -> list[str]:
    command = [str(BIN / "mlflow"), "models", "build-docker", "-m", str(folder)]
    return [*command, "-n", THEIRS, "--env-manager", "local"]


def _timed(command: list[str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - begun


def _seconds_to_first_answer(image: str) -> float:
    begun = time.perf_counter()
    container = docker("run", "--detach", image)
    try:
        address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        url = f"http://{docker('inspect', '--format', address, container)}:8080/ping"
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
                return time.perf_counter() - begun
            time.sleep(0.02)
    finally:
        docker("rm", "--force", container)


def _size(image: str) -> int:
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


def _largest(image: str) -> str:
    return docker("run", "--rm", "--entrypoint", "/opt/venv/bin/python", image, "-c", LARGEST)


def _remove(*images: str) -> None:
    subprocess.run(["docker", "image", "rm", "--force", *images], capture_output=True, check=False)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"docker {arguments[0]} failed: {done.stderr}")
    return done.stdout.strip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = options.parse_args()
    found = figures(given.rounds)
    show(found)
    if given.json:
        print(json.dumps([vars(figure) for figure in found]))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
