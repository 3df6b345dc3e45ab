"""Folders and files that appear whole or not at all, also after ``kill -9`` or on a full disk.

They are built in a hidden folder beside their target, flushed to the disk, renamed, and the rename
flushed too. All the while their owner holds a lock on that folder, so whoever publishes next beside
it can tell an abandoned one from one at work, and removes it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from flavorkit.errors import PathOccupiedError

PARTIAL_PREFIX = ".flavorkit-partial-"
_FOREIGN_MAX_AGE_SECONDS = 24 * 3600
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h; see renameat2(2)


@contextlib.contextmanager
def publish(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """An empty folder to fill; it becomes ``target`` when the block ends without an error.

    Args:
        target: where the folder appears. Missing parents are made.
        overwrite: replace what stands at ``target``, in one step where the system can.

    Raises:
        PathOccupiedError: ``target`` is not an empty folder and ``overwrite`` is not set, or it is
            a file or a link.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - resolve() would follow a link at the end
    _refuse_occupied(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    scratch, lock = _claim(target.parent)
    try:
        # Nobody else may look into the scratch folder; what is published gets the usual rights.
        folder = scratch / target.name
        folder.mkdir()
        yield folder
        _flush_tree(folder)
        _move(folder, target, overwrite=overwrite)
        _flush(target.parent)
    except OSError as exc:
        exc.add_note(f"nothing half-written is left at {target}")
        raise
    finally:
        # After a swap the scratch folder holds the old one; after a failure, the unfinished one.
        shutil.rmtree(scratch, ignore_errors=True)
        os.close(lock)


@contextlib.contextmanager
def publish_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write; it becomes ``target`` when the block ends without an error.

    A file that stands there is replaced in one step and lends its rights to the new one. What is no
    file, such as a pipe or a terminal, cannot be replaced: it is written to as it is.

    Args:
        target: where the file appears; of a link, what it leads to. Its folder must exist.

    Raises:
        OSError: it cannot be written; what stood at ``target`` still does.
    """
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target))
    sweep(target.parent)
    scratch, lock = _claim(target.parent)
    try:
        unfinished = scratch / target.name
        with unfinished.open("w+b") as stream:
            yield stream
            stream.flush()
            if target.exists():
                os.fchmod(stream.fileno(), target.stat().st_mode & 0o777)
            os.fsync(stream.fileno())
        unfinished.replace(target)
        _flush(target.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        os.close(lock)


def copy(source: Path, target: Path, *, leaving_out: Sequence[str] = ()) -> None:
    """Copy a file or a folder to ``target``, a place inside a folder that is about to be published.

    Of a folder that holds this very place, neither the place where all is going to appear is
    copied, nor what is unfinished.

    Args:
        source: what to copy.
        target: where to; its parents are made.
        leaving_out: patterns of names that are not copied.

    Raises:
        OSError: it cannot be read or written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        shutil.copyfile(source, target)
        return
    published = _published(target)
    unwanted = shutil.ignore_patterns(f"{PARTIAL_PREFIX}*", *leaving_out)

    def ignore(folder: str, names: list[str]) -> set[str]:
        replaced = [name for name in names if _is_same(Path(folder, name), published)]
        return {*unwanted(folder, names), *replaced}

    shutil.copytree(source, target, ignore=ignore)


def sweep(parent: Path) -> None:
    """Remove what killed processes have left unfinished in ``parent``."""
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PARTIAL_PREFIX)]
    for name in names:
        abandoned = parent / name
        # A lock says nothing about a process on another machine that shares this disk.
        if not name.startswith(_own_prefix()):
            with contextlib.suppress(OSError):
                if time.time() - abandoned.stat().st_mtime > _FOREIGN_MAX_AGE_SECONDS:
                    shutil.rmtree(abandoned, ignore_errors=True)
            continue
        with contextlib.suppress(OSError):
            lock = _lock(abandoned, wait=False)
            try:
                shutil.rmtree(abandoned, ignore_errors=True)
            finally:
                os.close(lock)


def _refuse_occupied(target: Path, *, overwrite: bool) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise PathOccupiedError(target, "not a folder; choose another path")
    if not overwrite and target.is_dir() and any(target.iterdir()):
        raise PathOccupiedError(
            target, "the folder is not empty; pass overwrite=True to replace it"
        )


def _published(path: Path) -> Path | None:
    """Where the folder appears that is being filled and that ``path`` is in."""
    for folder in path.parents:
        if folder.parent.name.startswith(PARTIAL_PREFIX):
            return folder.parent.parent / folder.name
    return None


def _is_same(path: Path, other: Path | None) -> bool:
    try:
        return other is not None and path.samefile(other)
    except OSError:  # one of them is not there
        return False


def _own_prefix() -> str:
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
    return f"{PARTIAL_PREFIX}{host}-"


def _claim(parent: Path) -> tuple[Path, int]:
    """A new hidden folder in ``parent``, locked by us. The lock falls with the process."""
    while True:
        scratch = parent / f"{_own_prefix()}{secrets.token_hex(6)}"
        scratch.mkdir(mode=0o700)
        try:
            lock = _lock(scratch, wait=True)
        except FileNotFoundError:
            continue  # another process swept it before we had locked it
        if os.fstat(lock).st_nlink and scratch.exists():
            return scratch, lock
        os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as exc:
        if wait and exc.errno in {errno.ENOLCK, errno.ENOTSUP}:
            return descriptor  # a disk without locks: it is built all the same, never swept
        os.close(descriptor)
        raise
    return descriptor


def _flush_tree(folder: Path) -> None:
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            _flush(Path(parent, name))
        _flush(Path(parent))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(folder: Path, target: Path, *, overwrite: bool) -> None:
    try:
        folder.rename(target)  # rename(2) replaces an empty folder, and no other
    except OSError as exc:
        if exc.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        if not overwrite:
            raise PathOccupiedError(target, "another process has made it in the meantime") from exc
        _swap(folder, target)


def _swap(one: Path, other: Path) -> None:
    """Exchange two folders in one step; where the system has no such step, in two."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        with contextlib.suppress(AttributeError):  # a C library older than the call
            done = libc.renameat2(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
            )
            if done == 0:
                return
            code = ctypes.get_errno()
            if code not in {errno.ENOSYS, errno.EINVAL}:
                raise OSError(code, os.strerror(code), str(other))
    # Not a name that is swept: a kill between the two steps must not cost the old folder.
    aside = other.parent / f".{other.name}.previous-{secrets.token_hex(6)}"
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
