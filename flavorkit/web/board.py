"""Numbers that several processes share: each writes a row of its own, anybody adds the rows up.

A row outlives its process. The one that replaces it goes on counting where it ended, so sums never
fall; nothing is left on disk, and a write is one store into memory.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence


class Board:
    """A table of doubles, one row for each worker.

    Made before the workers are forked. A store of eight aligned bytes is atomic on the processors
    that Python runs on, so a reader sees the old number or the new one.

    Args:
        rows: how many workers there are.
        width: how many numbers each of them keeps.
    """

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width
        self._numbers = memoryview(mmap.mmap(-1, max(rows * width, 1) * 8)).cast("d")

    def row(self, number: int) -> memoryview[float]:
        """The numbers of one worker, to read and write."""
        return self._numbers[number * self.width : (number + 1) * self.width]

    def column(self, place: int) -> list[float]:
        """The numbers of all workers at one place."""
        return [self._numbers[row * self.width + place] for row in range(self.rows)]

    def totals(self, places: Sequence[int]) -> list[float]:
        """The sum over all workers at each of ``places``."""
        return [sum(self.column(place)) for place in places]
