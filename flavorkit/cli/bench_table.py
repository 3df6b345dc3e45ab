"""The figures of ``flavorkit bench``, for people."""

from __future__ import annotations

from typing import Any

from flavorkit.cli.options import printable

_MESSAGE_LENGTH = 200


def show(figures: dict[str, Any]) -> None:
    """Print what was measured, and what came of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Without a title, which would be no wider than the table and wrap.
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for section in (_subject(figures), _speed(figures), _outcomes(figures)):
        for name, value in section:
            table.add_row(Text(printable(name)), Text(printable(value)))
        table.add_section()
    Console().print(table)


def _subject(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured."""
    load, connections = f"{figures['loop']} loop", f"{figures['connections']:,}"
    if figures["loop"] == "open":
        load += f", {figures['rate_asked']:,g} requests / s"
        connections = f"{figures['connections_used']:,} of at most {connections}"
    size = _count(figures["payload_bytes"], "byte")
    if figures["rows_per_request"] is not None:
        size += f", {_count(figures['rows_per_request'], 'row')}"
    duration = f"{figures['seconds']:,.1f} s after {figures['warm_up_seconds']:g} s of warm-up"
    if figures["interrupted"]:
        duration += ", interrupted"
    known = [
        ("target", figures["target"]),
        ("model", figures["model"]),
        ("workers", figures["workers"]),
        ("load", load),
        ("connections", connections),
        ("payload", f"{figures['payload']}: {size}"),
        ("duration", duration),
    ]
    return [(name, str(value)) for name, value in known if value]


def _speed(figures: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("requests / s", f"{figures['requests_per_second']:>12,.1f}")]
    if figures["rows_per_second"] is not None and figures["rows_per_request"] != 1:
        rows.append(("rows / s", f"{figures['rows_per_second']:>12,.1f}"))
    for name, value in figures["latency_ms"].items():
        if value is not None:
            rows.append((f"latency {name}", f"{value:>12,.2f} ms"))
    return rows


def _outcomes(figures: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("answered", f"{figures['answered']:>12,}")]
    for outcome, message in figures["failures"].items():
        said = f"  {message[:_MESSAGE_LENGTH]}" if message else ""
        rows.append((outcome, f"{figures['outcomes'][outcome]:>12,}{said}"))
    if figures["unsent"]:
        rows.append(("due but not sent", f"{figures['unsent']:>12,}"))
    return rows


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
