"""Open files by their descriptors: whole reads, whole writes, and what the system refuses."""

from __future__ import annotations

import errno
import os

from flavorkit.errors import InvalidArgumentError, StoreUnavailableError

_PIECE = 1 << 20


def content_of(descriptor: int, size: int, limit: int | None) -> bytes:
    """What a file of that size holds, or its first ``limit`` bytes."""
    wanted = size if limit is None else limit
    pieces, length = [], 0
    while length < wanted and (piece := os.read(descriptor, min(wanted - length, _PIECE))):
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def line_break(descriptor: int) -> bytes:
    """What has to come first if a process was stopped in the middle of a line."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def write(descriptor: int, content: bytes) -> None:
    """Write all of it."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def explained(exc: OSError, path: str) -> InvalidArgumentError | StoreUnavailableError:
    """What the system refused, in our words."""
    if exc.errno == errno.ENAMETOOLONG:
        return InvalidArgumentError(f"{path}: the name is too long for a file")
    if exc.errno in {errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST}:
        return InvalidArgumentError(
            f"{path}: a file stands where a folder would have to be, or the other way round. In a"
            " store of files a/b is the file b in the folder a, so that there cannot be an a too"
        )
    return StoreUnavailableError(f"{path}: {exc.strerror or exc}")
