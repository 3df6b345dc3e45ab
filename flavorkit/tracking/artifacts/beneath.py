"""Files and folders below a folder that is open, where no link leads out of it.

Every step is made from the descriptor of the folder before, and follows no link, so that what is
exchanged while we walk changes where we end by nothing but an error. What is opened is looked at
through its own descriptor: only a plain file that has no second name is read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NoPlainFileError(OSError):
    """A link, a second name, a device or the like stands where a file or a folder should."""

    def __init__(self) -> None:
        super().__init__(errno.ELOOP, "a link, a device or the like stands there")


@contextlib.contextmanager
def folder(root: Path, segments: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder that is reached from ``root`` by these names.

    Args:
        root: may itself be reached over links; whoever chose it chose them.
        segments: the names.
        make: make what is missing, and flush its name to the disk.

    Raises:
        OSError: it is not there, or a link or a file stands on the way.
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, _FOLDER)
    try:
        for name in segments:
            inner = _enter(descriptor, name, make=make)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def plain_file(inside: int, name: str) -> int:
    """A descriptor of a file in an open folder, for reading.

    Raises:
        IsADirectoryError: it is a folder.
        NoPlainFileError: it is no plain file, or one with several names.
        OSError: it is not there or cannot be read.
    """
    # Opening a device can do things; this spares those that were put there. It decides nothing
    # else, since what has that name may change until it is open.
    _require_plain(os.stat(name, dir_fd=inside, follow_symlinks=False))
    try:
        descriptor = os.open(name, _FILE, dir_fd=inside)
    except OSError as exc:
        if exc.errno in {errno.ELOOP, errno.ENXIO, errno.ENODEV}:  # a link; a socket; a device
            raise NoPlainFileError from None
        raise
    try:
        _require_plain(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def status(inside: int, name: str) -> os.stat_result | None:
    """What stands in an open folder under that name; None of what is no folder or plain file."""
    try:
        found = os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found if stat.S_ISDIR(found.st_mode) or _is_plain(found) else None


def entries(inside: int) -> list[tuple[str, os.stat_result]]:
    """The folders and plain files of an open folder, by name."""
    with os.scandir(inside) as scanned:
        names = sorted(entry.name for entry in scanned)
    found = ((name, status(inside, name)) for name in names)
    return [(name, each) for name, each in found if each is not None]


def _enter(inside: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=inside)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=inside)
        os.fsync(inside)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=inside)


def _is_plain(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _require_plain(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not _is_plain(found):
        raise NoPlainFileError
