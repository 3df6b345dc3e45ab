"""Artifacts in an object store or on an SFTP server, through fsspec."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flavorkit.atomic import PARTIAL_PREFIX
from flavorkit.errors import (
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts.filesystems import RemoteRoot, connect
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import (
    ArtifactReader,
    ArtifactWriter,
    Listing,
    Stored,
    put,
)
from flavorkit.tracking.entities import FileInfo

# Memory for each transfer; S3 takes 10,000 of these, so a file has at most 160 GB.
_BLOCK_BYTES = 16 * 1024 * 1024
_THREADS = 8


class RemoteArtifactRepository:
    """Artifacts in an object store or on an SFTP server.

    Args:
        root: where.
    """

    def __init__(self, root: RemoteRoot) -> None:
        self.root = root
        self._connected: tuple[int, Any] | None = None

    @property
    def uri(self) -> str:
        """The URI of its root."""
        return self.root.uri

    def stat(self, path: ArtifactPath) -> FileInfo | None:
        """What is at ``path``; None if there is nothing."""
        if path == ROOT:
            return FileInfo("", is_dir=True, file_size=None)
        try:
            with _errors(path):
                found = self._files.info(self._place(path))
        except NotFoundError:
            return None
        return _info(path, found)

    def list(self, path: ArtifactPath = ROOT) -> Listing:
        """What stands directly in a folder."""
        place = self._place(path)
        try:
            with _errors(path):
                found = self._files.ls(place, detail=True)
        except NotFoundError:
            return []
        return [each for each in self._infos(found) if each.path != str(path)]

    def walk(self, path: ArtifactPath = ROOT) -> Iterator[FileInfo]:
        """All files in a folder and in its folders, or the file itself."""
        place = self._place(path)
        with _errors(path):
            found = self._files.find(place, detail=True)
            # Of a path that is a file itself, some libraries say no more than its name.
            details = found if isinstance(found, dict) else dict.fromkeys(found)
            known = [each or self._files.info(name) for name, each in details.items()]
        yield from (each for each in self._infos(known) if not each.is_dir)

    def open(self, path: ArtifactPath) -> ArtifactReader:
        """A file, for reading."""
        place = self._file(path)
        with _errors(path):
            found = self._files.info(place)
            if found["type"] != "file":
                raise IsADirectoryError
            if self.root.scheme == "sftp":
                file = self._files.open(place, "rb")
            else:
                file = self._files.open(
                    place, "rb", block_size=_BLOCK_BYTES, cache_type="readahead"
                )
        return ArtifactReader(file, found["size"], guard=lambda: _errors(path))

    def put(self, path: ArtifactPath, chunks: Iterable[bytes], size: int | None = None) -> Stored:
        """Write a file, or replace one."""
        return put(self, path, chunks)

    @contextlib.contextmanager
    def writing(self, path: ArtifactPath) -> Iterator[ArtifactWriter]:
        """The same for who is handed the chunks."""
        place = self._file(path)
        published = self._renamed if self.root.scheme == "sftp" else self._committed
        with published(path, place) as file:

            def write(chunk: bytes) -> None:
                with _errors(path):
                    file.write(chunk)

            writer = ArtifactWriter(write)
            yield writer
        with _errors(path):
            size = self._files.info(place)["size"]
        if size != writer.stored.size:
            raise StoreUnavailableError(
                f"{path} has {size} bytes in the store, not the {writer.stored.size} that were"
                " sent; send it again"
            )

    def delete(self, path: ArtifactPath) -> None:
        """Delete a file, or a folder with all that is in it."""
        place = self._place(path)
        with _errors(path):
            names = list(self._files.find(place))
            if not names and path != ROOT and not self._files.exists(place):
                raise NotFoundError(f"there is no artifact at {path}")
            # One by one: the call for many would take a name with a star for a pattern.
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self._files.rm_file, names))
            if self.root.scheme == "sftp" and self._files.isdir(place):
                self._files.rm(place, recursive=True)

    @contextlib.contextmanager
    def _committed(self, path: ArtifactPath, place: str) -> Iterator[Any]:
        """A file of an object store, which appears when it is closed."""
        with _errors(path):
            file = self._files.open(place, "wb", block_size=_BLOCK_BYTES)
        try:
            yield file
            with _errors(path):
                file.close()
        except BaseException:
            # Closing would publish what is there, and so would the garbage collector.
            file.closed = True
            with contextlib.suppress(Exception):
                file.discard()
            raise

    @contextlib.contextmanager
    def _renamed(self, path: ArtifactPath, place: str) -> Iterator[Any]:
        """A file on a server with folders, which appears when it is renamed."""
        folder = place.rpartition("/")[0]
        unfinished = f"{folder}/{PARTIAL_PREFIX}{secrets.token_hex(8)}"
        with _errors(path):
            self._files.makedirs(folder, exist_ok=True)
            file = self._files.open(unfinished, "wb")
        try:
            yield file
            with _errors(path):
                file.close()
                self._files.mv(unfinished, place)
        except BaseException:
            with contextlib.suppress(Exception):
                file.close()
                self._files.rm_file(unfinished)
            raise

    @property
    def _files(self) -> Any:
        """The file system; a child of a fork has its own."""
        if self._connected is None or self._connected[0] != os.getpid():
            with _errors(ROOT):
                self._connected = os.getpid(), connect(self.root)
        return self._connected[1]

    def _file(self, path: ArtifactPath) -> str:
        if path == ROOT:
            raise InvalidArgumentError("the root of the artifacts is a folder; name a file in it")
        return self._place(path)

    def _place(self, path: ArtifactPath) -> str:
        """Where fsspec finds ``path``.

        Raises:
            InvalidArgumentError: the library of this store would take it for something else, such
                as a version of another file.
        """
        place = "/".join((self.root.folder, *path.segments))
        files = self._files
        is_kept = files._strip_protocol(place) == place  # noqa: SLF001 - no public way to ask
        if is_kept and self.root.container:
            parts = files.split_path(place)
            is_kept = "/".join(part for part in parts if part) == place
        if not is_kept:
            raise InvalidArgumentError(
                f"{path} cannot be kept at {self.root.scheme}://: its library would read a part of"
                " the name as something else; choose another name"
            )
        return place

    def _infos(self, found: Iterable[dict[str, Any]]) -> Listing:
        prefix = f"{self.root.folder}/"
        infos = []
        for each in found:
            name = str(each["name"])
            if each["type"] not in {"file", "directory"} or not name.startswith(prefix):
                continue
            text = name[len(prefix) :]
            if each["type"] == "directory":
                text = text.removesuffix("/")
            with contextlib.suppress(InvalidArgumentError):  # no artifact has such a name
                infos.append(_info(ArtifactPath.parse(text), each))
        return sorted(infos, key=lambda info: info.path)


def _info(path: ArtifactPath, found: dict[str, Any]) -> FileInfo:
    is_dir = found["type"] == "directory"
    return FileInfo(str(path), is_dir, None if is_dir else int(found["size"]))


@contextlib.contextmanager
def _errors(path: ArtifactPath) -> Iterator[None]:
    """Whatever the library of a store raises, as one of our errors."""
    try:
        yield
    except FlavorkitError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"there is no artifact at {path}") from None
    except IsADirectoryError:
        raise InvalidArgumentError(f"{path} is a folder; name a file") from None
    except Exception as exc:
        raise StoreUnavailableError(
            f"the store of the artifact {str(path)!r} does not let us at it:"
            f" {type(exc).__name__}: {exc}"
        ) from exc
