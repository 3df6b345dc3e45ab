"""Artifacts in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from flavorkit.errors import (
    InvalidArgumentError,
    NotFoundError,
    StorageFullError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts import beneath, unfinished
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import (
    ArtifactReader,
    ArtifactWriter,
    Listing,
    Stored,
    put,
)
from flavorkit.tracking.entities import FileInfo

_MANY = 1000


class LocalArtifactRepository:
    """Artifacts in a folder.

    Args:
        folder: the root. It need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._swept: set[ArtifactPath] = set()

    @property
    def uri(self) -> str:
        """The URI of its root."""
        return self.folder.as_uri()

    def stat(self, path: ArtifactPath) -> FileInfo | None:
        """What is at ``path``; None if there is nothing."""
        if path == ROOT:
            return FileInfo("", is_dir=True, file_size=None)
        try:
            with _errors(path), beneath.folder(self.folder, path.parent.segments) as inside:
                found = beneath.status(inside, path.name)
        except NotFoundError:
            return None
        return None if found is None else _info(path, found)

    def list(self, path: ArtifactPath = ROOT) -> Listing:
        """What stands directly in a folder."""
        try:
            with _errors(path), beneath.folder(self.folder, path.segments) as inside:
                return [_info(child, status) for child, status in _children(path, inside)]
        except NotFoundError:
            return []

    def walk(self, path: ArtifactPath = ROOT) -> Iterator[FileInfo]:
        """All files in a folder and in its folders, or the file itself."""
        found = self.stat(path)
        if found is not None and not found.is_dir:
            yield found
            return
        for child in self.list(path):
            if child.is_dir:
                yield from self.walk(ArtifactPath.parse(child.path))
            else:
                yield child

    def open(self, path: ArtifactPath) -> ArtifactReader:
        """A file, for reading."""
        with _errors(path), beneath.folder(self.folder, path.parent.segments) as inside:
            descriptor = beneath.plain_file(inside, _name(path))
            size = os.fstat(descriptor).st_size
            return ArtifactReader(os.fdopen(descriptor, "rb", buffering=0), size)

    def put(self, path: ArtifactPath, chunks: Iterable[bytes], size: int | None = None) -> Stored:
        """Write a file, or replace one."""
        return put(self, path, chunks)

    @contextlib.contextmanager
    def writing(self, path: ArtifactPath) -> Iterator[ArtifactWriter]:
        """The same for who is handed the chunks."""
        final = _name(path)
        with contextlib.ExitStack() as stack:
            with _errors(path, writing=True):
                inside = stack.enter_context(
                    beneath.folder(self.folder, path.parent.segments, make=True)
                )
                self._sweep(path.parent, inside)
                name, descriptor = unfinished.create(inside)
                stack.callback(os.close, descriptor)

            def write(chunk: bytes) -> None:
                with _errors(path, writing=True):
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]

            try:
                yield ArtifactWriter(write)
                with _errors(path, writing=True):
                    # What is there may be read by those who may look into its folder.
                    os.fchmod(descriptor, os.fstat(inside).st_mode & 0o666)
                    os.fsync(descriptor)
                    os.rename(name, final, src_dir_fd=inside, dst_dir_fd=inside)
                    os.fsync(inside)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=inside)
                raise

    def delete(self, path: ArtifactPath) -> None:
        """Delete a file, or a folder with all that is in it."""
        if path == ROOT:
            with (
                contextlib.suppress(NotFoundError),
                _errors(path),
                beneath.folder(self.folder, ()) as inside,
            ):
                for name in os.listdir(inside):  # noqa: PTH208 - pathlib takes no descriptor
                    _remove(inside, name)
                with contextlib.suppress(OSError):  # a link, or the current folder
                    self.folder.rmdir()
            return
        with _errors(path), beneath.folder(self.folder, path.parent.segments) as inside:
            _remove(inside, path.name)
            os.fsync(inside)

    def _sweep(self, path: ArtifactPath, inside: int) -> None:
        """Clear a folder once of what this process cannot be writing yet."""
        if path in self._swept:
            return
        if len(self._swept) >= _MANY:
            self._swept.clear()
        self._swept.add(path)
        unfinished.sweep(inside)


def _children(path: ArtifactPath, inside: int) -> Iterator[tuple[ArtifactPath, os.stat_result]]:
    for name, status in beneath.entries(inside):
        if not unfinished.is_unfinished(name):
            with contextlib.suppress(InvalidArgumentError):  # no artifact has such a name
                yield ArtifactPath((*path.segments, name)), status


def _remove(inside: int, name: str) -> None:
    found = os.stat(name, dir_fd=inside, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        shutil.rmtree(name, dir_fd=inside)
    else:
        os.unlink(name, dir_fd=inside)


def _info(path: ArtifactPath, found: os.stat_result) -> FileInfo:
    is_dir = stat.S_ISDIR(found.st_mode)
    return FileInfo(str(path), is_dir, None if is_dir else found.st_size)


def _name(path: ArtifactPath) -> str:
    if path == ROOT:
        raise InvalidArgumentError("the root of the artifacts is a folder; name a file in it")
    return path.name


@contextlib.contextmanager
def _errors(path: ArtifactPath, *, writing: bool = False) -> Iterator[None]:
    try:
        yield
    except beneath.NoPlainFileError:
        raise NotFoundError(
            f"{path} is not a plain file: links, files with a second name, and devices are not read"
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        if writing:
            raise InvalidArgumentError(
                f"{path} cannot be written: a file or link is in the way"
            ) from None
        raise NotFoundError(f"there is no artifact at {path}") from None
    except IsADirectoryError:
        raise InvalidArgumentError(f"{path} is a folder; name a file") from None
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageFullError(f"there is no room for {path}: {exc.strerror}") from exc
        if exc.errno == errno.ELOOP:
            raise NotFoundError(f"there is no artifact at {path}: a link is in the way") from None
        if exc.errno == errno.ENAMETOOLONG:
            raise InvalidArgumentError(f"{path} is too long for this disk") from None
        raise StoreUnavailableError(f"{path} cannot be used: {exc.strerror}") from exc
