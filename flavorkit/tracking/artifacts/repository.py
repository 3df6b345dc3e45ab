"""What every place of artifacts can do.

Paths below the root of a repository are :class:`~flavorkit.tracking.artifacts.paths.ArtifactPath`;
a repository trusts nothing else it is given.

Errors: ``NotFoundError`` for what is not there or is no plain file, ``InvalidArgumentError`` for a
path that cannot be used so, ``StorageFullError`` where there is no room, ``StoreUnavailableError``
for a store that does not answer or does not let us in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.entities import FileInfo

CHUNK_BYTES = 1024 * 1024

Listing = list[FileInfo]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: its size in bytes, and the sha256 of it as 64 hexadecimal digits."""

    size: int
    sha256: str


class Source(Protocol):
    """What bytes are read from, such as a file."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none at the end."""

    def close(self) -> None:
        """Let go of it."""


class ArtifactReader:
    """An artifact that is open for reading; close it, or use it as a context manager.

    Args:
        source: of the bytes.
        size: of the artifact, None where the store does not say.
        sha256: of the artifact, None where the store does not say.
        guard: turns the errors of the store into ours.
    """

    def __init__(
        self,
        source: Source,
        size: int | None,
        sha256: str | None = None,
        guard: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> None:
        self.size, self.sha256 = size, sha256
        self._source, self._guard = source, guard

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        if self._guard is None:
            return self._source.read(size)
        with self._guard():
            return self._source.read(size)

    def close(self) -> None:
        """Let go of the artifact."""
        self._source.close()

    def __iter__(self) -> Iterator[bytes]:
        """All of it in pieces."""
        while chunk := self.read():
            yield chunk

    def __enter__(self) -> ArtifactReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ArtifactWriter:
    """An artifact that is being written, and is nowhere to be seen until all of it is there.

    Args:
        write: takes the bytes.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write, self._digest, self._size = write, hashlib.sha256(), 0

    def write(self, chunk: bytes) -> None:
        """Add to what is there."""
        self._write(chunk)
        self._digest.update(chunk)
        self._size += len(chunk)

    @property
    def stored(self) -> Stored:
        """What has been written until now."""
        return Stored(self._size, self._digest.hexdigest())


class ArtifactRepository(Protocol):
    """A place of artifacts."""

    @property
    def uri(self) -> str:
        """The URI of its root."""

    def stat(self, path: ArtifactPath) -> FileInfo | None:
        """What is at ``path``; None if there is nothing. The root is always a folder."""

    def list(self, path: ArtifactPath = ROOT) -> Listing:
        """What stands directly in a folder, by name; nothing if there is no such folder.

        The paths are relative to the root of the repository. Links, devices and the like, names
        that no :class:`ArtifactPath` has, and what is unfinished are left out.
        """

    def walk(self, path: ArtifactPath = ROOT) -> Iterator[FileInfo]:
        """All files in a folder and in its folders, or the file at ``path`` itself."""

    def open(self, path: ArtifactPath) -> ArtifactReader:
        """A file, for reading."""

    def put(self, path: ArtifactPath, chunks: Iterable[bytes], size: int | None = None) -> Stored:
        """Write a file, or replace one; it appears when the last chunk is as safe as the store can.

        An error that ``chunks`` raises is passed on, and nothing appears. Of several who write the
        same file at a time one wins with all of it; others may be told that it was not theirs.

        Args:
            path: of the file.
            chunks: what is written. Over a network, what can be gone through again is sent again
                where the first time failed.
            size: of all chunks together, where it is known.
        """

    def delete(self, path: ArtifactPath) -> None:
        """Delete a file, or a folder with all that is in it.

        Raises:
            NotFoundError: there is nothing at ``path``, and it is not the root.
        """


class ArtifactStorage(ArtifactRepository, Protocol):
    """A place that takes what is written piece by piece, as a server needs it."""

    def writing(self, path: ArtifactPath) -> AbstractContextManager[ArtifactWriter]:
        """The same as ``put`` for who is handed the chunks.

        The file appears when the block ends; if it ends with an error, nothing does.
        """


def put(storage: ArtifactStorage, path: ArtifactPath, chunks: Iterable[bytes]) -> Stored:
    """What ``put`` does in a storage."""
    with storage.writing(path) as writer:
        for chunk in chunks:
            writer.write(chunk)
    return writer.stored
