"""The figures of a run as the tables of README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

README = Path(__file__).parent / "README.md"
OURS, CEILING = "flavorkit", "empty"

Cells = dict[tuple[str, str, int, int], dict[str, Any]]


def write(found: list[dict[str, Any]]) -> None:
    """Put the tables where README.md has their marks."""
    cells: Cells = {
        (row["model"], row["server"], row["rows"], row["connections"]): row for row in found
    }
    servers = list(dict.fromkeys(row["server"] for row in found))
    tables = {
        "throughput": ["Requests per second:", "", *_throughput(cells, servers)],
        "latency": ["Latency, p50 / p99 in ms:", "", *_latency(cells, servers)],
        "process": [
            "Time to the first answer, and the memory of all processes under load:",
            "",
            *_process(cells, servers),
        ],
    }
    text = README.read_text()
    for name, lines in tables.items():
        marks = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        pattern = re.escape(marks[0]) + ".*" + re.escape(marks[1])
        body = marks[0] + "\n".join(lines) + "\n" + marks[1]
        text = re.sub(pattern, lambda _, body=body: body, text, flags=re.DOTALL)
    README.write_text(text)


def _throughput(cells: Cells, servers: list[str]) -> Iterator[str]:
    rivals = [name for name in servers if name not in {OURS, CEILING}]
    yield _row(["model", "rows", "connections", *servers, "to the best rival", "of the empty one"])
    yield _row(["---", *["--:"] * (len(servers) + 4)])
    for model, rows, connections in _places(cells):
        rates = {name: cells[model, name, rows, connections]["rate"] for name in servers}
        best = max(rates[name] for name in rivals)
        figures = [f"{rates[name]:,.0f}" for name in servers]
        more = [f"{rates[OURS] / best:.1f}", f"{rates[OURS] / rates[CEILING]:.0%}"]
        yield _row([model, str(rows), str(connections), *figures, *more])


def _latency(cells: Cells, servers: list[str]) -> Iterator[str]:
    yield _row(["model", "rows", "connections", *servers])
    yield _row(["---", *["--:"] * (len(servers) + 2)])
    for model, rows, connections in _places(cells):
        of = [cells[model, name, rows, connections] for name in servers]
        figures = [f"{one['p50']:.2f} / {one['p99']:.2f}" for one in of]
        yield _row([model, str(rows), str(connections), *figures])


def _process(cells: Cells, servers: list[str]) -> Iterator[str]:
    yield _row(["model", *servers])
    yield _row(["---", *["--:"] * len(servers)])
    for model in dict.fromkeys(key[0] for key in cells):
        figures = []
        for name in servers:
            rows = [row for key, row in cells.items() if key[:2] == (model, name)]
            memory = max(row["memory_mb"] for row in rows)
            figures.append(f"{rows[0]['first_answer']:.2f} s, {memory:,.0f} MB")
        yield _row([model, *figures])


def _places(cells: Cells) -> Iterable[tuple[str, int, int]]:
    return dict.fromkeys((model, rows, connections) for model, _, rows, connections in cells)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
