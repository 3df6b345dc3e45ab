"""How quick a model has been lately."""

from __future__ import annotations


class Pace:
    """Whether a call is worth handing to a thread.

    It is a credit that quick calls add to and slow ones eat. A slow call costs what it took, so
    that a moment of a busy machine changes little and a slow model is back on its thread at once.
    One that was slow at a size never seen quick says nothing about the smaller ones.
    """

    QUICK_SECONDS = 0.001
    """What the event loop may be kept busy with; handing work to a thread costs a fifth of it."""

    ENOUGH, MOST = 32, 64
    """The credit, in quick calls, from which the next is expected to be quick, and its limit."""

    def __init__(self) -> None:
        self._credit = 0.0
        self._largest_quick = -1

    def expects_quick(self, rows: int) -> bool:
        """Whether a call with so many rows will probably be quick."""
        return self._credit >= self.ENOUGH and rows <= self._largest_quick

    def saw(self, rows: int, seconds: float) -> None:
        """Learn from a call."""
        if seconds <= self.QUICK_SECONDS:
            self._credit = min(self._credit + 1, self.MOST)
            self._largest_quick = max(self._largest_quick, rows)
        elif rows <= self._largest_quick:
            self._credit = max(self._credit - seconds / self.QUICK_SECONDS, 0)
