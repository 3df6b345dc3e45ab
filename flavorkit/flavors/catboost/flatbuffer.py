"""FlatBuffers, read within their bounds.

A FlatBuffer is used in place: its tables point at vectors, text and other tables by offsets, and
the code that a schema is compiled to follows them without looking. Here nothing is read that does
not lie in the buffer, where a value of its type may lie.

Reference: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.flavors.forged import require

# A builder may let tables share what they point at. What many share is copied for each of them when
# it is read, so there is a limit to that.
_SHARING = 16


@dataclass
class _Buffer:
    content: bytes
    budget: int = field(init=False)

    def __post_init__(self) -> None:
        self.budget = _SHARING * len(self.content)

    def check(self, at: int, size: int, alignment: int) -> None:
        """Refuse a place that is not in the buffer, or where such a value may not lie."""
        require(at >= 0 and at + size <= len(self.content), "an offset out of bounds")
        require(at % alignment == 0, "a value that is not aligned")
        self.budget -= size
        require(self.budget >= 0, "parts that too many others share")

    def number(self, code: str, at: int) -> Any:
        size = struct.calcsize(code)
        self.check(at, size, size)
        return struct.unpack_from(f"<{code}", self.content, at)[0]

    def target(self, at: int) -> int:
        """Where the offset at ``at`` leads."""
        return at + int(self.number("I", at))

    def vector(self, at: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The elements of the vector at ``at``; a view of the buffer."""
        start = at + 4
        count = int(self.number("I", at))
        alignment = max(
            (dtype[name].itemsize for name in dtype.names or ()), default=dtype.itemsize
        )
        self.check(start, count * dtype.itemsize, alignment)
        return np.frombuffer(self.content, dtype, count, start)


class Table:
    """A table of a FlatBuffer. Fields have the number of their place in the schema.

    Raises:
        ForgedStateError: it, or what is asked of it, does not lie in the buffer.
    """

    def __init__(self, buffer: _Buffer, at: int) -> None:
        self._buffer = buffer
        self._at = at
        layout = at - int(buffer.number("i", at))
        size, own_size = (int(buffer.number("H", layout + shift)) for shift in (0, 2))
        require(size >= 4 and size % 2 == 0 and own_size >= 4, "a table of no size")
        buffer.check(layout, size, 2)
        buffer.check(at, own_size, 4)
        self._fields = struct.unpack_from(f"<{size // 2 - 2}H", buffer.content, layout + 4)
        self._size = own_size

    def number(self, place: int, code: str, default: float = 0) -> Any:
        """A number; of the type that ``code`` has in :mod:`struct`."""
        at = self._place(place, struct.calcsize(code))
        return default if at is None else self._buffer.number(code, at)

    def text(self, place: int) -> bytes | None:
        """A text, which may be in no encoding."""
        at = self._place(place, 4)
        return None if at is None else self._text(self._buffer.target(at))

    def table(self, place: int) -> Table:
        """Another table, which has to be there."""
        at = self._place(place, 4)
        require(at is not None, "a part that is missing")
        return Table(self._buffer, self._buffer.target(at or 0))

    def vector(self, place: int, dtype: Any) -> NDArray[Any]:
        """Numbers or structs; none if there is no such field."""
        at = self._place(place, 4)
        dtype = np.dtype(dtype)
        return np.empty(0, dtype) if at is None else self._vector(at, dtype)

    def tables(self, place: int) -> list[Table]:
        """Other tables; none if there is no such field."""
        return [Table(self._buffer, target) for target in self._targets(place)]

    def texts(self, place: int) -> list[bytes]:
        """Texts; none if there is no such field."""
        return [self._text(target) for target in self._targets(place)]

    def has(self, place: int) -> bool:
        """Whether there is such a field."""
        return self._place(place, 1) is not None

    def _place(self, place: int, size: int) -> int | None:
        offset = self._fields[place] if place < len(self._fields) else 0
        require(not offset or 4 <= offset <= self._size - size, "a field out of its table")
        return self._at + offset if offset else None

    def _vector(self, at: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        return self._buffer.vector(self._buffer.target(at), dtype)

    def _targets(self, place: int) -> list[int]:
        at = self._place(place, 4)
        if at is None:
            return []
        start = self._buffer.target(at) + 4
        offsets = self._vector(at, np.dtype("<u4"))
        return [start + 4 * number + int(offset) for number, offset in enumerate(offsets)]

    def _text(self, at: int) -> bytes:
        text = self._buffer.vector(at, np.dtype("u1")).tobytes()
        end = at + 4 + len(text)
        self._buffer.check(end, 1, 1)
        require(self._buffer.content[end] == 0, "a text without its end")
        return text


def root(content: bytes) -> Table:
    """The table that ``content``, a whole FlatBuffer, begins with.

    Raises:
        ForgedStateError: it does not lie in it.
    """
    buffer = _Buffer(content)
    return Table(buffer, buffer.target(0))
