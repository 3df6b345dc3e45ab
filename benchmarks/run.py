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
from harness import Figure, show, shown

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
    table = _table(rows)
    text = README.read_text()
    pattern = re.escape(MARKS[0]) + ".*" + re.escape(MARKS[1])
    README.write_text(re.sub(pattern, lambda _: MARKS[0] + table + MARKS[1], text, flags=re.DOTALL))
    print(f"\n{table}\nwritten into benchmarks/README.md")


def _table(figures: list[Figure]) -> str:
    lines = [
        f"Python {platform.python_version()}, {os.cpu_count()} cores, flavorkit"
        f" {version('flavorkit')}, MLflow {version('mlflow')}, scikit-learn"
        f" {version('scikit-learn')}:\n\n",
        "| what | flavorkit | budget | | MLflow | ratio |\n|---|--:|--:|---|--:|--:|\n",
    ]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}"
        met = {True: "met", False: "**missed**", None: ""}[figure.is_met]
        cells = (
            figure.what,
            shown(figure.ours, figure.unit),
            shown(figure.budget, figure.unit),
            met,
            shown(figure.theirs, figure.unit),
            ratio,
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
