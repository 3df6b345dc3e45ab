"""When a worker that has ended is started again."""

from __future__ import annotations

from collections import deque

SETTLED_SECONDS = 1.0
"""A worker that was ready for so long has not failed to start."""
LONGEST_DELAY = 10.0
MANY, WINDOW_SECONDS = 5, 60.0
"""So many ends in so long are a loop: no server that should be sent requests."""


class Restarts:
    """Decides it from the times at which workers ended; times are of :func:`time.monotonic`."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._ends: deque[float] = deque()

    def ended(self, now: float, ready_for: float) -> float:
        """When to start the next worker.

        Args:
            now: when the worker ended.
            ready_for: for how many seconds it had been ready, 0 if it never was.

        Returns:
            At once, for one that had settled; later and later for those that fail in a row.
        """
        self._ends.append(now)
        if ready_for >= SETTLED_SECONDS:
            self._in_a_row = 0
            return now
        self._in_a_row += 1
        return now + min(0.25 * 2.0 ** (self._in_a_row - 1), LONGEST_DELAY)

    def is_failing(self, now: float) -> bool:
        """Whether workers end again and again."""
        while self._ends and self._ends[0] < now - WINDOW_SECONDS:
            self._ends.popleft()
        return len(self._ends) >= MANY
