"""The files in which values wait for their store, one for each process and store.

A value is with the operating system before the call that logged it returns, so a killed process
loses none. Whoever writes a file holds a lock on it; a file without a lock is of a dead process,
and whoever comes next delivers what it holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from flavorkit.tracking import defaults, environ
from flavorkit.tracking.spool.records import Record, line_of, line_of_delivered, undelivered

_logger = logging.getLogger(__name__)
_SUFFIX = ".spool"


def folder_of(tracking_uri: str) -> Path:
    """Where values wait for the store at a URI.

    The name of the folder tells nothing of the URI, which may hold a password.
    """
    where = defaults.absolute(tracking_uri) or ""
    return _root() / hashlib.sha256(where.encode()).hexdigest()[:32]


def _root() -> Path:
    named = environ.text("SPOOL_DIR")
    if named:
        return Path(named)
    from platformdirs import user_state_path

    return user_state_path("flavorkit") / "spool"


class SpoolFile:
    """The file of this process.

    Args:
        folder: where it stands; made if it is missing, for its owner only.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd, self.path = _created(folder)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self._fd).st_size

    def append(self, record: Record) -> None:
        """Keep a record."""
        self._write(line_of(record))

    def note_delivered(self, count: int) -> None:
        """Note that the store has the next ``count`` records."""
        self._write(line_of_delivered(count))

    def clear(self) -> None:
        """Forget all of it, as the store has it."""
        os.ftruncate(self._fd, 0)

    def remove(self) -> None:
        """Close the file and, if nothing waits in it, remove it."""
        if self.size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)

    def abandon(self) -> None:
        """Let go of a file that is of the process that this one was forked from."""
        os.close(self._fd)

    def _write(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written != len(line):
            # What is torn would hide what follows it.
            os.ftruncate(self._fd, self.size - written)
            raise OSError(f"{self.path} cannot be written to its end: is the disk full?")


def left_over(folder: Path) -> Iterator[list[Record]]:
    """What dead processes have left in ``folder``; each file is removed when the next is asked for.

    A file stays if delivering what it holds fails.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(_SUFFIX))
    except OSError:  # usually there is none, and whoever may not look has left nothing there
        return
    for name in names:
        path = folder / name
        with contextlib.ExitStack() as stack:
            try:
                # For writing too: over NFS the lock is one that asks for that.
                stream = stack.enter_context(path.open("r+b"))
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (FileNotFoundError, BlockingIOError):
                continue
            except OSError as exc:
                _logger.warning("%s is left as it is: %s", path, exc)
                continue
            if not os.fstat(stream.fileno()).st_nlink:
                continue
            try:
                records = list(undelivered(stream))
            except (ValueError, TypeError) as exc:
                _logger.warning("%s is damaged, and was put aside: %s", path, exc)
                path.replace(path.with_suffix(".damaged"))
                continue
            if records:
                yield records
            path.unlink(missing_ok=True)


def _created(folder: Path) -> tuple[int, Path]:
    """A new file, open and locked."""
    while True:
        path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd, path
        os.close(fd)  # taken for one of a dead process before it was locked
