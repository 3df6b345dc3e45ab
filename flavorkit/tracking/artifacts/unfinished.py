"""Files that are being written: nobody else may read them, and no listing shows them.

Their writer holds a lock on each. One without a lock was left by a process that was killed, and is
removed by whoever writes beside it next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time

from flavorkit.atomic import PARTIAL_PREFIX

_OLD_SECONDS = 24 * 3600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}


def create(inside: int) -> tuple[str, int]:
    """A new file in an open folder: its name, and a descriptor to write with, locked."""
    while True:
        name = f"{PARTIAL_PREFIX}{secrets.token_hex(8)}"
        descriptor = os.open(name, _NEW, 0o600, dir_fd=inside)
        try:
            _lock(descriptor, wait=True)
            if os.fstat(descriptor).st_nlink:  # else it was swept before we had locked it
                return name, descriptor
        except OSError as exc:
            if exc.errno in _WITHOUT_LOCKS:
                return name, descriptor
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=inside)
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_unfinished(name: str) -> bool:
    """Whether a name is one of these, or of an unfinished model folder."""
    return name.startswith(PARTIAL_PREFIX)


def sweep(inside: int) -> None:
    """Remove what killed processes have left unfinished in an open folder."""
    with os.scandir(inside) as scanned:
        names = [entry.name for entry in scanned if is_unfinished(entry.name)]
    for name in names:
        with contextlib.suppress(OSError):
            _remove_abandoned(inside, name)


def _remove_abandoned(inside: int, name: str) -> None:
    descriptor = os.open(name, _OTHERS, dir_fd=inside)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return
        try:
            _lock(descriptor, wait=False)
        except OSError as exc:
            # A disk without locks does not say who writes; nobody writes one file for a day.
            if exc.errno not in _WITHOUT_LOCKS or time.time() - found.st_mtime < _OLD_SECONDS:
                return
        os.unlink(name, dir_fd=inside)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
