"""How quick a model has been lately."""

from __future__ import annotations

import math


class Pace:
    """Whether a call is worth handing to a thread.

    It is a credit that quick calls add to and slow ones eat. A slow call costs what it took, so
    that a moment of a busy machine changes little and a slow model is back on its thread at once.
    One that was slow at a size never seen quick says nothing about the smaller ones.

    A larger call is expected to take as much longer as it has more rows. Where that proves wrong,
    calls of such a size are not tried again for a long time.
    """

    QUICK_SECONDS = 0.001
    """What the event loop may be kept busy with; handing work to a thread costs a fifth of it."""

    ENOUGH, MOST = 32, 64
    """The credit, in quick calls, from which the next is expected to be quick, and its limit."""

    LONG = 1000
    """After how many calls a size that was expected to be quick and was not is tried again."""

    def __init__(self) -> None:
        self._credit = 0.0
        self._largest_quick = -1
        self._seconds_of_largest = 0.0
        self._refuted = math.inf
        self._calls_since = 0

    def expects_quick(self, rows: int) -> bool:
        """Whether a call with so many rows will probably be quick."""
        return self._credit >= self.ENOUGH and (
            rows <= self._largest_quick or self._should_be_quick(rows)
        )

    def saw(self, rows: int, seconds: float) -> None:
        """Learn from a call."""
        self._calls_since += 1
        if self._calls_since > self.LONG:
            self._refuted = math.inf
        if seconds <= self.QUICK_SECONDS:
            self._credit = min(self._credit + 1, self.MOST)
            if rows >= self._largest_quick:
                self._largest_quick, self._seconds_of_largest = rows, seconds
        elif rows <= self._largest_quick:
            self._credit = max(self._credit - seconds / self.QUICK_SECONDS, 0)
        elif self._should_be_quick(rows):
            self._refuted, self._calls_since = rows, 0

    def _should_be_quick(self, rows: int) -> bool:
        if self._largest_quick <= 0 or rows >= self._refuted:
            return False
        return self._seconds_of_largest * rows <= self.QUICK_SECONDS * self._largest_quick
