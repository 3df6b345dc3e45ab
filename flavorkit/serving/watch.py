"""What a worker and the process that watches it tell each other.

It stands in memory that both share, so that it can be read when the worker can do nothing any more,
as when a model's call never lets go of the interpreter.
"""

from __future__ import annotations

from flavorkit.web.board import Board

WIDTH = 3
_BUSY_UNTIL, _FAILING, _HURRIED = range(WIDTH)


class Watch:
    """The row of one worker."""

    def __init__(self, row: memoryview[float] | None = None) -> None:
        self._row = Board(1, WIDTH).row(0) if row is None else row

    def begin(self, deadline: float) -> None:
        """A call begins that ought to end by ``deadline``, a :func:`time.monotonic`."""
        self._row[_BUSY_UNTIL] = deadline

    def end(self) -> None:
        """The call has ended."""
        self._row[_BUSY_UNTIL] = 0.0

    @property
    def busy_until(self) -> float:
        """The deadline of the call that runs, or 0."""
        return self._row[_BUSY_UNTIL]

    @property
    def is_failing(self) -> bool:
        """Whether workers end again and again, soon after they were started."""
        return bool(self._row[_FAILING])

    @is_failing.setter
    def is_failing(self, value: bool) -> None:
        self._row[_FAILING] = float(value)

    @property
    def is_hurried(self) -> bool:
        """Whether to stop without giving those who send requests here the time to notice."""
        return bool(self._row[_HURRIED])

    @is_hurried.setter
    def is_hurried(self, value: bool) -> None:
        self._row[_HURRIED] = float(value)
