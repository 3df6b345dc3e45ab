"""CSV text cut where a row ends, so that each piece can be read by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from flavorkit.tables.chunks import Limits

# A field is quoted if the quote is its first character; within it, a quote is doubled. What follows
# the closing quote belongs to the field, and quotes in it are text: so pandas and Excel read it.
_QUOTED = re.compile(rb'(?:\A|(?<=[,\r\n]))"[^"]*(?:""[^"]*)*("|\Z)')
_NEWLINE = 10
_READ_BYTES = 1024 * 1024


def pieces(stream: BinaryIO, limits: Limits) -> Iterator[tuple[bytes, int]]:
    """The first row, which holds the names, then pieces of whole rows; with each its line number.

    Args:
        stream: the text; read from where it stands.
        limits: how many rows, and how many bytes, a piece holds at most. A row that is longer than
            that is a piece of its own.

    Raises:
        OSError: the stream cannot be read.
    """
    head, rest, is_end = _cut(stream, b"", Limits(1, limits.size_bytes))
    yield head, 0
    line = head.count(b"\n")
    while rest or not is_end:
        piece, rest, is_end = _cut(stream, rest, limits)
        if piece:
            yield piece, line
        line += piece.count(b"\n")


def _cut(stream: BinaryIO, begun: bytes, limits: Limits) -> tuple[bytes, bytes, bool]:
    """One piece, what has been read beyond it, and whether that is all there is."""
    text, is_end = begun, False
    wanted = _READ_BYTES
    while True:
        ends = _row_ends(text)
        if len(ends) and (len(ends) >= limits.rows or len(text) > limits.size_bytes):
            fitting = int(np.searchsorted(ends, limits.size_bytes, side="right"))
            end = int(ends[min(limits.rows, max(fitting, 1)) - 1])
            return text[:end], text[end:], False
        if is_end:
            return text, b"", True
        # Twice as much each time: a quoted field that never ends is looked through few times.
        more = stream.read(wanted)
        wanted = max(wanted, min(len(text), 2**30))
        is_end = not more
        text += more


def _row_ends(text: bytes) -> NDArray[np.intp]:
    """The positions after each newline that ends a row."""
    characters = np.frombuffer(text, dtype=np.uint8)
    newlines = np.flatnonzero(characters == _NEWLINE)
    if b'"' in text and len(newlines):
        quoted = np.array([match.span() for match in _QUOTED.finditer(text)], dtype=np.intp)
        if len(quoted):
            # The last quoted field that begins before a newline is the one that it may stand in.
            field = np.searchsorted(quoted[:, 0], newlines) - 1
            newlines = newlines[(field < 0) | (newlines >= quoted[field, 1])]
    return newlines + 1
