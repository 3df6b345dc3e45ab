"""CSV text cut where a row ends, so that each piece can be read by itself."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from flavorkit.tables.chunks import Limits

# A field is quoted if the quote is its first character; within it, a quote is doubled. What follows
# the closing quote belongs to the field, and quotes in it are text: so pandas and Excel read it.
_QUOTED = re.compile(rb'(?:\A|(?<=[,\r\n]))"[^"]*(?:""[^"]*)*("|\Z)')
# A line of spaces is no row to pandas. A carriage return at the end may be half of a line end.
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*+(?:\n|\r\n|\r(?=[^\n])))*+")
_NEWLINE, _RETURN = 10, 13
_READ_BYTES = 1024 * 1024


def pieces(stream: BinaryIO, limits: Limits) -> Iterator[tuple[bytes, int]]:
    """The first row, which holds the names, then pieces of whole rows; with each its line number.

    A mark of the encoding and blank lines above the names are left out; the lines are counted.

    Args:
        stream: the text; read from where it stands.
        limits: how many rows, and how many bytes, a piece holds at most. A row that is longer than
            that is a piece of its own.

    Raises:
        OSError: the stream cannot be read.
    """
    next_limits = Limits(1, limits.size_bytes)
    begun, line = _names(stream, next_limits)
    is_end = False
    while not is_end:
        text, is_end = _read(stream, begun, next_limits)
        ends = _row_ends(text)
        start = row = 0
        while start < len(text):
            # What is whole; the last row of what has been read may go on.
            last = min(row + next_limits.rows, len(ends))
            fitting = int(
                np.searchsorted(ends, min(start + next_limits.size_bytes, len(text)), "right")
            )
            stop = min(last, max(fitting, row + 1))
            is_full = stop - row >= next_limits.rows or len(text) - start > next_limits.size_bytes
            if stop > row and stop <= len(ends) and is_full:
                end, row = int(ends[stop - 1]), stop
            elif is_end:
                end = len(text)
            else:
                break
            piece = text[start:end]
            yield piece, line
            line += lines_in(piece)
            start = end
            next_limits = limits
        begun = text[start:]


def _names(stream: BinaryIO, limits: Limits) -> tuple[bytes, int]:
    """What has been read, from the line of names on; and how many blank lines stand above it."""
    begun, is_end = _read(stream, b"", limits)
    while len(begun) < len(codecs.BOM_UTF8) and not is_end:
        begun, is_end = _read(stream, begun, limits)
    begun = begun.removeprefix(codecs.BOM_UTF8)
    line = 0
    while True:
        text = _BLANK_LINES.sub(b"", begun, count=1)
        line += lines_in(begun[: len(begun) - len(text)])
        if is_end or text.strip(b" \t\r\n"):
            return text, line
        begun, is_end = _read(stream, text, limits)


def _read(stream: BinaryIO, begun: bytes, limits: Limits) -> tuple[bytes, bool]:
    """What was ``begun`` and more, at least twice as much; and whether that is all there is."""
    wanted = max(_READ_BYTES, min(len(begun), limits.size_bytes))
    more = stream.read(wanted)
    return begun + more, not more


def lines_in(text: bytes) -> int:
    """How many lines end in ``text``: with a newline, a carriage return, or both."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def _row_ends(text: bytes) -> NDArray[np.intp]:
    """The positions after each line end that ends a row.

    A carriage return that is the last character ends none yet: a newline may follow it.
    """
    characters = np.frombuffer(text, dtype=np.uint8)
    is_end = characters == _NEWLINE
    if b"\r" in text:
        is_end[:-1] |= (characters[:-1] == _RETURN) & ~is_end[1:]
    ends = np.flatnonzero(is_end)
    if b'"' in text and len(ends):
        quoted = np.array([match.span() for match in _QUOTED.finditer(text)], dtype=np.intp)
        if len(quoted):
            # The last quoted field that begins before a line end is the one that it may stand in.
            field = np.searchsorted(quoted[:, 0], ends) - 1
            ends = ends[(field < 0) | (ends >= quoted[field, 1])]
    return ends + 1
