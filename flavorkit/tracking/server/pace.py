"""Where a call of the store is made: on the event loop while it is quick, on a thread otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

QUICK_SECONDS = 0.005
"""The way to a thread and back takes a sixth of a millisecond of the processor, as much as one row
into SQLite. Whoever waits behind a call on the loop waits no longer than for a thread's turn."""
_NEEDED, _MOST = 20, 100
"""How many quick calls it takes to be trusted, and how many are remembered."""


class Pace:
    """How quick the calls of one endpoint have been.

    A call that is not quick costs as much trust as it has taken time: one that the system or a
    checkpoint of the database has held up for a few milliseconds changes nothing where a hundred
    were quick before it, one of 25 ms ends it.

    Args:
        may_be_quick: whether they are of a kind that ever is.
    """

    __slots__ = ("_may_be_quick", "_trust")

    def __init__(self, *, may_be_quick: bool) -> None:
        self._may_be_quick, self._trust = may_be_quick, 0.0

    @property
    def is_quick(self) -> bool:
        """Whether the next call may be made on the event loop."""
        return self._trust >= _NEEDED

    def timed(self, function: Callable[[], T]) -> T:
        """What the function returns, and note how long it took."""
        begun = time.perf_counter()
        try:
            return function()
        finally:
            if self._may_be_quick:
                self._note(time.perf_counter() - begun)

    def _note(self, seconds: float) -> None:
        if seconds < QUICK_SECONDS:
            self._trust = min(self._trust + 1, _MOST)
        else:
            self._trust = max(self._trust - _NEEDED * seconds / QUICK_SECONDS, 0)
