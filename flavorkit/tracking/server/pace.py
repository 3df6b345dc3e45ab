"""Where a call of the store is made: on the event loop while it is quick, on a thread otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

QUICK_SECONDS = 0.005
"""The way to a thread and back takes a sixth of a millisecond of the processor, as much as one row
into SQLite. Whoever waits behind a call on the loop waits no longer than for a thread's turn."""
_NEEDED = 20
"""How many calls in a row must have been quick."""


class Pace:
    """How quick the calls of one endpoint have been.

    Args:
        may_be_quick: whether they are of a kind that ever is.
    """

    __slots__ = ("_may_be_quick", "_quick")

    def __init__(self, *, may_be_quick: bool) -> None:
        self._may_be_quick, self._quick = may_be_quick, 0

    @property
    def is_quick(self) -> bool:
        """Whether the next call may be made on the event loop."""
        return self._quick >= _NEEDED

    def timed(self, function: Callable[[], T]) -> T:
        """What the function returns, and note how long it took."""
        begun = time.perf_counter()
        try:
            return function()
        finally:
            is_quick = self._may_be_quick and time.perf_counter() - begun < QUICK_SECONDS
            self._quick = self._quick + 1 if is_quick else 0
