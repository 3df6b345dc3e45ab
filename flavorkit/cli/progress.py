"""How far a long command has come, for those who watch it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

PATIENCE_SECONDS = 2


class RowProgress:
    """A bar on standard error, if that is a terminal and the work takes longer than a moment.

    Args:
        total: how much there is to do, in the unit of :meth:`advance`; None where nobody knows.
        is_wanted: whether to show anything at all.
        unit: what is counted beside that.
        patience: after how many seconds to show it; none where it is known to take longer.
        clock: seconds since some moment.
    """

    def __init__(
        self,
        total: int | None,
        *,
        is_wanted: bool,
        unit: str = "rows",
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._unit, self._clock = total, unit, clock
        self._patience = patience
        self._is_wanted = is_wanted and sys.stderr.isatty()
        self._begun = clock()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> RowProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, done: int, rows: int) -> None:
        """Show that ``done`` of the total is done, and how many ``rows``, or other units."""
        seconds = self._clock() - self._begun
        if not self._is_wanted or seconds < self._patience:
            return
        if self._bar is None:
            self._start()
        speed = f"{rows:,} {self._unit}, {rows / (seconds or 1):,.0f} {self._unit}/s"
        self._bar.update(self._task, completed=done, speed=speed)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%" if self._total else ""),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._total, speed="")
        self._bar.start()


@contextlib.contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show ``text`` on standard error for as long as it takes, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(text)):
        yield
