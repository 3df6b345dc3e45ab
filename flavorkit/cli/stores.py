"""What the commands about runs and registered models share: which store, how much, how shown."""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from flavorkit.cli import options

if TYPE_CHECKING:
    from flavorkit.tracking.entities import PagedList


class Entity(Protocol):
    """What can be shown as JSON."""

    def to_dictionary(self) -> Any:
        """All it has."""


T = TypeVar("T")
E = TypeVar("E", bound=Entity)
_PAGE = 1_000
_WIDE = 10_000


def client(*, registry: bool = False) -> options.Decorator:
    """``--tracking-uri``, and perhaps ``--registry-uri``; the function gets a client of these."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(
            *, tracking_uri: str | None, registry_uri: str | None = None, **others: Any
        ) -> Any:
            from flavorkit.tracking.client import FlavorkitClient

            return function(FlavorkitClient(tracking_uri, registry_uri), **others)

        if registry:
            command = click.option(
                "--registry-uri",
                metavar="URI",
                help="Where registered models are: FLAVORKIT_REGISTRY_URI when not given, else"
                " where runs are.",
            )(command)
        return click.option(
            "--tracking-uri",
            metavar="URI",
            help="Where runs are: a database, a folder, or a server; FLAVORKIT_TRACKING_URI when"
            " not given.",
        )(command)

    return decorate


def searching(*, most: int = _PAGE) -> options.Decorator:
    """``--filter-string``, ``--order-by`` and ``--max-results`` of a search."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            max_results(most),
            click.option(
                "--order-by",
                multiple=True,
                metavar="KEY [ASC|DESC]",
                help="What comes first; may be given several times.",
            ),
            click.option(
                "--filter-string", metavar="FILTER", help="Only what this filter lets through."
            ),
        ):
            function = option(function)
        return function

    return decorate


def max_results(most: int = _PAGE) -> options.Decorator:
    """``--max-results``."""
    return click.option(
        "--max-results",
        type=options.COUNT,
        default=most,
        show_default=True,
        help="How many to show at most.",
    )


def view() -> options.Decorator:
    """``--view``: what is there, what is in the bin, or both; the function gets a number."""
    names = ["active_only", "deleted_only", "all"]
    return click.option(
        "--view",
        "-v",
        "view_type",
        type=click.Choice(names, case_sensitive=False),
        default="active_only",
        show_default=True,
        callback=lambda _, __, value: names.index(value) + 1,
        help="What is there, what is in the bin, or both.",
    )


def at_most(most: int, page: Callable[[int, str | None], PagedList[T]]) -> list[T]:
    """What a search finds, page by page; says so on standard error if there is more."""
    from flavorkit.tracking.fluent.paging import all_pages

    found = all_pages(page, _PAGE, most + 1)
    if len(found) > most:
        click.echo(f"there are more than these {most:,}; see --max-results", err=True)
    return found[:most]


def show_json(value: Any) -> None:
    """Print JSON; numbers that it has not, NaN and the infinite, as text."""
    click.echo(json.dumps(_finite(value), indent=2, allow_nan=False))


def show_list(
    found: Sequence[E],
    as_json: bool,
    columns: Sequence[str],
    row: Callable[[E], Sequence[str]],
) -> None:
    """Print entities: as JSON with all they have, or as a table with a row for each."""
    if as_json:
        show_json([one.to_dictionary() for one in found])
    else:
        show_table(columns, map(row, found))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table, which is never cut where no terminal is: each row is then a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(options.printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, width=width).print(table)


def show_lines(lines: Iterable[tuple[str, str | None]]) -> None:
    """Print what is known of one thing, a line for each; what is None or empty is left out."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for label, value in lines:
        if value:
            shown = escape(options.printable(value))
            console.print(f"[bold]{label:<12}[/bold]  {shown}", soft_wrap=True)


def moment(milliseconds: int | None) -> str:
    """A time in UTC, to the second; empty where nobody knows."""
    if not milliseconds:
        return ""
    try:
        return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # somebody counted in other units
        return str(milliseconds)


def pairs(values: Mapping[str, Any]) -> str:
    """``a=1, b=2``."""
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
