"""A folder that is open: what is in it is reached by name, step by step, and never through a link.

Links are nothing that MLflow writes, and whoever may put files into a store could lead us out of it
with one: a link counts as not there when it is read, and as an error where something is written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.files.descriptors import content_of, explained, line_break, write

UNFINISHED = ".flavorkit-new"
"""What is not finished stands under this name. Whoever has the lock of the folder around it owns
it, so that a killed process leaves one such thing behind, and the next one replaces it."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a pipe would wait for whoever writes into it.
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_UNLOCKABLE = frozenset({errno.ENOLCK, errno.ENOTSUP})
_MAX_DEPTH = 128  # what the longest key needs


class Folder:
    """An open folder; close it, or use it as a context manager.

    Names that are given here are single steps of a path. What the system refuses is an
    ``InvalidArgumentError`` where the name is at fault, and a ``StoreUnavailableError`` otherwise.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def at(cls, path: Path, *, make: bool = False) -> Folder:
        """The folder at ``path``, which may be a link.

        Args:
            path: of the folder.
            make: make it if nothing is there.
        """
        try:
            if make:
                path.mkdir(parents=True, exist_ok=True)
            return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), str(path))
        except OSError as exc:
            raise explained(exc, str(path)) from exc

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; what is in it stays open."""
        os.close(self.descriptor)

    @property
    def identity(self) -> tuple[int, int]:
        """What no other folder has, wherever this one is moved."""
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino

    def find(self, *names: str) -> Folder | None:
        """A folder below this one; None if there is none."""
        try:
            return self._walk(names)
        except OSError as exc:
            if exc.errno in _ABSENT:
                return None
            raise explained(exc, self._path_of(*names)) from exc

    def make(self, *names: str) -> Folder:
        """A folder below this one, made where it is missing."""
        try:
            return self._walk(names, make=True)
        except OSError as exc:
            raise explained(exc, self._path_of(*names)) from exc

    def parent(self) -> Folder:
        """The folder that this one is in, wherever it has been moved."""
        try:
            return Folder(os.open("..", _FOLDER, dir_fd=self.descriptor), f"{self.path}/..")
        except OSError as exc:
            raise explained(exc, self.path) from exc

    def has(self, name: str) -> bool:
        """Whether anything of that name is in here."""
        try:
            os.stat(_step(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise explained(exc, self._path_of(name)) from exc
        return True

    def folders(self) -> list[str]:
        """The names of the folders in here, in order."""
        return sorted(entry.name for entry in self._entries() if _is_folder(entry))

    def files(self, *, depth: int = _MAX_DEPTH) -> Iterator[tuple[str, ...]]:
        """All files below this folder, each as the names that lead to it, in order."""
        for entry in sorted(self._entries(), key=lambda entry: entry.name):
            if entry.is_file(follow_symlinks=False):
                yield (entry.name,)
            elif depth and _is_folder(entry) and (inner := self.find(entry.name)) is not None:
                with inner:
                    found = inner.files(depth=depth - 1)
                    yield from ((entry.name, *names) for names in found)

    def read(self, *names: str, limit: int | None = None) -> bytes | None:
        """What a file holds, or its first ``limit`` bytes; None if there is no such file."""
        try:
            with self._opened(names) as (folder, name):
                descriptor = os.open(name, os.O_RDONLY | _FILE, dir_fd=folder)
                try:
                    status = os.fstat(descriptor)
                    if not stat.S_ISREG(status.st_mode):
                        return None
                    return content_of(descriptor, status.st_size, limit)
                finally:
                    os.close(descriptor)
        except OSError as exc:
            if exc.errno in _ABSENT:
                return None
            raise explained(exc, self._path_of(*names)) from exc

    def check(self, *names: str) -> None:
        """See that a file can be written, as far as its name and those of its folders go."""
        try:
            with self._opened(names) as (folder, name):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise explained(exc, self._path_of(*names)) from exc
        if stat.S_ISDIR(status.st_mode):
            raise explained(OSError(errno.EISDIR, ""), self._path_of(*names))

    def append(self, names: Sequence[str], content: bytes) -> None:
        """Append to a file in one step, so that lines of several processes never mix."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | _FILE
        try:
            with self._opened(names, make=True) as (folder, name):
                descriptor = os.open(name, flags, 0o666, dir_fd=folder)
                try:
                    write(descriptor, line_break(descriptor) + content)
                finally:
                    os.close(descriptor)
        except OSError as exc:
            raise explained(exc, self._path_of(*names)) from exc

    def replace(self, names: Sequence[str], content: bytes, *, durable: bool = False) -> None:
        """Write a file, which appears whole in place of what was there; with the lock only.

        Args:
            names: lead to the file; folders that are missing are made.
            content: of the file.
            durable: wait until it would survive a loss of power.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FILE
        try:
            descriptor = os.open(f"{UNFINISHED}-file", flags, 0o666, dir_fd=self.descriptor)
            try:
                write(descriptor, content)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            with self._opened(names, make=True) as (folder, name):
                self._rename(f"{UNFINISHED}-file", folder, name)
                if durable:
                    os.fsync(folder)
        except OSError as exc:
            raise explained(exc, self._path_of(*names)) from exc

    def move(self, name: str, target: Folder, new_name: str) -> bool:
        """Move a file or a folder; False if a folder with something in it stands there."""
        try:
            self._rename(_step(name), target.descriptor, _step(new_name))
        except OSError as exc:
            if exc.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return False
            raise explained(exc, self._path_of(name)) from exc
        return True

    def remove(self, *names: str) -> bool:
        """Remove a file; False if there is none."""
        try:
            with self._opened(names) as (folder, name):
                os.unlink(name, dir_fd=folder)
        except OSError as exc:
            if exc.errno in {*_ABSENT, errno.EISDIR}:
                return False
            raise explained(exc, self._path_of(*names)) from exc
        return True

    def remove_all(self, *, keeping: str | None = None) -> None:
        """Remove what is in here, but for the folder ``keeping`` if something is in that."""
        for entry in self._entries():
            try:
                if entry.name == keeping and _is_folder(entry):
                    self.remove_empty(entry.name)
                elif _is_folder(entry):
                    shutil.rmtree(entry.name, dir_fd=self.descriptor)
                else:
                    os.unlink(entry.name, dir_fd=self.descriptor)
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise explained(exc, self._path_of(entry.name)) from exc

    def remove_empty(self, name: str) -> None:
        """Remove a folder unless something is in it."""
        with contextlib.suppress(OSError):
            os.rmdir(_step(name), dir_fd=self.descriptor)

    @contextlib.contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Keep others, in this process and elsewhere, from locking the folder inside the block."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError as exc:
            if exc.errno not in _UNLOCKABLE:  # a disk without locks is used by one process at best
                raise explained(exc, self.path) from exc
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def _walk(self, names: Sequence[str], *, make: bool = False) -> Folder:
        current = os.dup(self.descriptor) if not names else self.descriptor
        try:
            for name in names:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(_step(name), dir_fd=current)
                inner = os.open(_step(name), _FOLDER, dir_fd=current)
                if current != self.descriptor:
                    os.close(current)
                current = inner
        except BaseException:
            if current != self.descriptor:
                os.close(current)
            raise
        return Folder(current, self._path_of(*names))

    @contextlib.contextmanager
    def _opened(self, names: Sequence[str], *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that a file is in, and the file's name."""
        *parents, name = names
        if not parents:
            yield self.descriptor, _step(name)
            return
        with self._walk(parents, make=make) as folder:
            yield folder.descriptor, _step(name)

    def _rename(self, name: str, folder: int, new_name: str) -> None:
        os.rename(name, new_name, src_dir_fd=self.descriptor, dst_dir_fd=folder)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.descriptor) as entries:
                return list(entries)
        except OSError as exc:
            raise explained(exc, self.path) from exc

    def _path_of(self, *names: str) -> str:
        return "/".join((self.path, *names))


def _step(name: str) -> str:
    if not name or name in {".", ".."} or "/" in name or "\0" in name:
        raise InvalidArgumentError(f"{name!r} cannot be the name of a file")
    return name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)
