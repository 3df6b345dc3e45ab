"""Numbers that several processes share: each writes a row of its own, anybody adds the rows up."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path

_BYTES = 8


class Board:
    """A table of doubles in a file, of which this process has one row.

    The row is claimed by a lock on its bytes, which the system takes back when the process ends;
    whoever claims it next goes on counting where it ended. A store of eight aligned bytes is atomic
    on the processors that Python runs on, so a reader sees the old number or the new one.

    Args:
        path: of the file, which :func:`make` has made; None for numbers of this process alone.
        rows: how many processes there may be.
        width: how many numbers each of them keeps.
    """

    def __init__(self, path: Path | None, rows: int, width: int) -> None:
        self._rows, self._width = rows, width
        size = rows * width * _BYTES
        if path is None:
            self._file, memory, row = None, mmap.mmap(-1, size), 0
        else:
            self._file = path.open("r+b", buffering=0)
            memory = mmap.mmap(self._file.fileno(), size)
            row = self._claim(self._file.fileno())
        self._numbers = memoryview(memory).cast("d")
        self.own: memoryview[float] = self._numbers[row * width : (row + 1) * width]

    def totals(self) -> list[float]:
        """The sums over all rows."""
        rows = [
            self._numbers[row * self._width : (row + 1) * self._width].tolist()
            for row in range(self._rows)
        ]
        return [sum(column) for column in zip(*rows, strict=True)]

    def _claim(self, descriptor: int) -> int:
        import fcntl

        for row in range(self._rows):
            with contextlib.suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
                return row
        raise RuntimeError(f"more than {self._rows} processes share one board")


def make(path: Path, rows: int, width: int) -> None:
    """The file of a board, all zeros."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.ftruncate(descriptor, rows * width * _BYTES)
    finally:
        os.close(descriptor)
