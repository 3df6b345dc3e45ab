"""Which files there are, and a part of one: some of its rows, and where in the file they stand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Kind = Literal["json", "csv", "parquet", "arrow", "jsonl"]

SUFFIXES: dict[str, Kind] = {
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

ROWS_PER_CHUNK = 100_000
BYTES_PER_CHUNK = 16 * 1024 * 1024
"""How large a chunk may get, as it stands in the file; a longer row is a chunk of its own."""


@dataclass(frozen=True)
class Limits:
    """Where a chunk ends."""

    rows: int
    size_bytes: int

    @classmethod
    def of(cls, rows: int | None = None) -> Limits:
        """The limits for chunks of ``rows``, or those that are right for most files."""
        return cls(rows or ROWS_PER_CHUNK, BYTES_PER_CHUNK)

    @classmethod
    def none(cls) -> Limits:
        """The whole file in one chunk."""
        return cls(sys.maxsize, sys.maxsize)


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, one after the other."""

    first_row: int
    """The number of its first row in the file, from 0."""

    rows: int

    data: Any
    """A frame, or where the file holds JSON values, a list of records."""

    all_columns: Callable[[], pd.DataFrame]
    """Makes a frame of all columns as the file has them, those that no model knows among them."""

    done: int
    """How much of the file has been read with this chunk, in the unit of :attr:`Source.total`."""

    @property
    def last_row(self) -> int:
        """The number of its last row in the file."""
        return self.first_row + self.rows - 1


@dataclass(frozen=True)
class Source:
    """A file that is open for reading."""

    chunks: Iterator[Chunk]
    """Reads on. A file without rows has one chunk without rows, if its columns can be known."""

    total: int | None
    """How much there is to read, in :attr:`unit`; None where nobody can know, as of a pipe."""

    unit: Literal["rows", "bytes"]
