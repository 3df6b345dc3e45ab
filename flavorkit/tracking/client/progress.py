"""How far a transfer has come, shown to those who watch a terminal for more than a few seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from flavorkit.tracking import environ

_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.2
_WIDTH = 30
_MEGABYTE = 1e6


class Progress:
    """A line on standard error that is written anew, once a transfer takes some time.

    Args:
        what: is being done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_wanted = sys.stderr.isatty() and environ.flag(
            "ENABLE_ARTIFACTS_PROGRESS_BAR", True
        )
        self._next = time.monotonic() + _PATIENCE_SECONDS
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            sys.stderr.write("\n")

    def __call__(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` bytes have come."""
        now = time.monotonic()
        if not self._is_wanted or now < self._next:
            return
        self._next, self._is_shown = now + _PAUSE_SECONDS, True
        sys.stderr.write(f"\r{line(self._what, done, total)}")
        sys.stderr.flush()


def line(what: str, done: int, total: int | None) -> str:
    """What is shown."""
    if not total:
        return f"{what}: {done / _MEGABYTE:,.1f} MB"
    filled = _WIDTH * min(done, total) // total
    bar = "#" * filled + "." * (_WIDTH - filled)
    return f"{what}: [{bar}] {done / _MEGABYTE:,.1f} of {total / _MEGABYTE:,.1f} MB"
