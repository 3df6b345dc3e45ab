"""A reader of Universal Binary JSON that takes nobody's word for a length.

It reads what XGBoost writes: objects and arrays whose lengths are known before, numbers, strings,
and arrays of one type, which become arrays of numpy. Every length is compared with what is left of
the content before it is used, and what two readers could understand in two ways, such as a key that
stands twice, is refused. So another reader of the same bytes sees what this one has seen.

Reference: https://ubjson.org, draft 12.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

MAX_DEPTH = 16
"""How deep objects and arrays may be nested; XGBoost's own are nested to 8."""

_DTYPES = {
    ord(marker): np.dtype(code)
    for marker, code in (
        *(("i", "i1"), ("U", "u1"), ("I", ">i2"), ("l", ">i4"), ("L", ">i8")),
        *(("d", ">f4"), ("D", ">f8")),
    )
}
_NUMBERS = {
    ord(marker): struct.Struct(code)
    for marker, code in (
        *(("i", ">b"), ("U", ">B"), ("I", ">h"), ("l", ">i"), ("L", ">q")),
        *(("d", ">f"), ("D", ">d")),
    )
}
_CONSTANTS = {ord("Z"): None, ord("T"): True, ord("F"): False}
_LENGTH = struct.Struct(">Bq")  # the marker of its type, which is always int64, and the number
_INT64, _STRING, _TYPE, _COUNT = ord("L"), ord("S"), ord("$"), ord("#")
_OBJECT, _OBJECT_END, _ARRAY = ord("{"), ord("}"), ord("[")


class UbjsonError(ValueError):
    """The content is not what the format promises; the message says where."""


def loads(content: bytes) -> Any:
    """The value in ``content``: dicts, lists, 1-d arrays (big-endian), numbers, strings.

    Raises:
        UbjsonError: it is cut off, has something behind it, promises more than it holds, is nested
            too deep, or has a key twice.
    """
    try:
        value, end = _value(content, 0, 0)
    except (IndexError, struct.error):
        raise UbjsonError("it is cut off") from None
    except UnicodeDecodeError:
        raise UbjsonError("it holds text that is not UTF-8") from None
    if end != len(content):
        raise UbjsonError(f"something stands behind the end, at byte {end}")
    return value


def _value(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins at ``at``, and where it ends."""
    marker = content[at]
    if marker == _ARRAY:
        return _array(content, at + 1, depth + 1)
    if marker == _STRING:
        start, end = _extent(content, at + 1, 1)
        return content[start:end].decode(), end
    if marker == _OBJECT:
        return _object(content, at + 1, depth + 1)
    if (number := _NUMBERS.get(marker)) is not None:
        return number.unpack_from(content, at + 1)[0], at + 1 + number.size
    if marker in _CONSTANTS:
        return _CONSTANTS[marker], at + 1
    raise UbjsonError(f"no value begins as the one at byte {at} does")


def _object(content: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    _check_depth(at, depth)
    found: dict[str, Any] = {}
    while content[at] != _OBJECT_END:
        start, end = _extent(content, at, 1)
        key = content[start:end].decode()
        if key in found:
            raise UbjsonError(f"a key stands twice, at byte {at}")
        found[key], at = _value(content, end, depth)
    return found, at + 1


def _array(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    if content[at] == _TYPE:
        dtype = _DTYPES.get(content[at + 1])
        if dtype is None or content[at + 2] != _COUNT:
            raise UbjsonError(f"an array of unknown type, at byte {at}")
        start, end = _extent(content, at + 3, dtype.itemsize)
        return np.frombuffer(content, dtype, (end - start) // dtype.itemsize, start), end
    if content[at] != _COUNT:
        raise UbjsonError(f"an array without a length, at byte {at}")
    _check_depth(at, depth)
    start, end = _extent(content, at + 1, 1)  # an item takes a byte at least
    found, at = [], start
    for _ in range(end - start):
        item, at = _value(content, at, depth)
        found.append(item)
    return found, at


def _extent(content: bytes, at: int, size: int) -> tuple[int, int]:
    """Where items of ``size`` bytes begin and end, whose number stands at ``at``."""
    marker, count = _LENGTH.unpack_from(content, at)
    start = at + 9
    end: int = start + count * size
    if marker != _INT64 or not start <= end <= len(content):
        raise UbjsonError(f"more is promised than is there, at byte {at}")
    return start, end


def _check_depth(at: int, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UbjsonError(f"nested too deep, at byte {at}")
