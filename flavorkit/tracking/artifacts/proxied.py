"""Artifacts that a tracking server keeps: ours, or one of MLflow's."""

from __future__ import annotations

import base64
import binascii
import contextlib
import mimetypes
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from flavorkit.errors import (
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import ArtifactReader, ArtifactWriter, Listing, Stored
from flavorkit.tracking.entities import FileInfo
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.http.credentials import Credentials
from flavorkit.tracking.wire import artifacts as wire

_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


class ProxiedArtifactRepository:
    """Artifacts that a server keeps.

    Args:
        connection: to the server.
        base: the folder of the server that is the root.
    """

    def __init__(self, connection: Connection, base: ArtifactPath = ROOT) -> None:
        self._connection, self._base = connection, base

    @property
    def uri(self) -> str:
        """The URI of its root."""
        return f"mlflow-artifacts:/{self._base}"

    def stat(self, path: ArtifactPath) -> FileInfo | None:
        """What is at ``path``; None if there is nothing."""
        if path == ROOT:
            return FileInfo("", is_dir=True, file_size=None)
        beside = (each for each in self.list(path.parent) if each.path == str(path))
        return next(beside, None)

    def list(self, path: ArtifactPath = ROOT) -> Listing:
        """What stands directly in a folder."""
        place = self._base / path
        try:
            answer = self._connection.call(wire.PROXY_LIST, {"path": str(place)})
        except NotFoundError:
            return []
        except InvalidArgumentError:  # so MLflow's say that it is a file
            return []
        found = [_info(path, each) for each in answer.get("files") or ()]
        infos = sorted(filter(None, found), key=lambda info: info.path)
        # Servers in front of an object store list a file as what is in it.
        itself = path != ROOT and [info.path for info in infos] == [f"{path}/{path.name}"]
        return [] if itself and self._is_file(path) else infos

    def walk(self, path: ArtifactPath = ROOT) -> Iterator[FileInfo]:
        """All files in a folder and in its folders, or the file itself."""
        children = self.list(path)
        if not children and path != ROOT:
            found = self.stat(path)
            if found is not None and not found.is_dir:
                yield found
        for child in children:
            if child.is_dir:
                yield from self.walk(ArtifactPath.parse(child.path))
            else:
                yield child

    def open(self, path: ArtifactPath) -> ArtifactReader:
        """A file, for reading."""
        answer = self._connection.transfer(wire.DOWNLOAD, {"artifact_path": self._file(path)})
        size = answer.headers.get("Content-Length", "")
        return ArtifactReader(
            answer,
            int(size) if size.isdecimal() else None,
            _sha256(answer),
            guard=lambda: self._reading(path),
        )

    def put(self, path: ArtifactPath, chunks: Iterable[bytes], size: int | None = None) -> Stored:
        """Write a file, or replace one."""
        headers = {"Content-Type": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
        if size is not None:
            headers["Content-Length"] = str(size)
        is_repeatable = iter(chunks) is not chunks
        sent = _Repeatable(chunks) if is_repeatable else _Sent(chunks)
        try:
            answer = self._connection.transfer(
                wire.UPLOAD, {"artifact_path": self._file(path)}, sent, headers
            )
        except FlavorkitError:
            if sent.error is not None:
                raise sent.error from None
            raise
        answer.drain_conn()
        answer.close()
        stored, kept = sent.stored, _sha256(answer)
        if kept not in {None, stored.sha256} or size not in {None, stored.size}:
            raise StoreUnavailableError(
                f"the server keeps something else at {path} than was sent; send it again"
            )
        return stored

    def delete(self, path: ArtifactPath) -> None:
        """Delete a file, or a folder with all that is in it."""
        place = self._base / path
        if place == ROOT:
            raise InvalidArgumentError("a server's artifacts are not deleted all at once")
        # MLflow's server says nothing of what was not there.
        if path != ROOT and self.stat(path) is None:
            raise NotFoundError(f"there is no artifact at {path}")
        with contextlib.suppress(NotFoundError):
            self._connection.transfer(wire.DELETE, {"artifact_path": str(place)}).close()

    def _file(self, path: ArtifactPath) -> str:
        if path == ROOT:
            raise InvalidArgumentError("the root of the artifacts is a folder; name a file in it")
        return str(self._base / path)

    def _is_file(self, path: ArtifactPath) -> bool:
        found = self.stat(path)
        return found is not None and not found.is_dir

    @contextlib.contextmanager
    def _reading(self, path: ArtifactPath) -> Iterator[None]:
        try:
            yield
        except (HTTPError, OSError) as exc:
            raise StoreUnavailableError(
                f"the server stopped in the middle of {path}: {exc}; fetch it again"
            ) from exc


def behind(server: str, authority: str, path: str) -> ProxiedArtifactRepository:
    """The artifacts at ``mlflow-artifacts://authority/path``, as a server's client sees them.

    Args:
        server: the URL of the tracking server.
        authority: another host and port, if they are kept there; empty if not.
        path: of the folder that is the root.

    Raises:
        InvalidArgumentError: the path or the host is malformed.
    """
    base = ArtifactPath.parse_folder(path.strip("/"))
    credentials = Credentials.from_environment(server)
    parts = urlsplit(server)
    if authority in {"", parts.netloc.rpartition("@")[2]}:
        return ProxiedArtifactRepository(_connection(server, credentials), base)
    # Another server gets nothing of what this one knows us by.
    there = f"{parts.scheme}://{authority}{parts.path}"
    anonymous = Credentials(None, credentials.verifies, credentials.server_certificates)
    return ProxiedArtifactRepository(_connection(there, anonymous), base)


@lru_cache(maxsize=16)
def _connection(uri: str, credentials: Credentials) -> Connection:
    """Connections are kept for as long as the process is likely to need them."""
    return Connection(uri, credentials)


class _Sent:
    """Chunks that are sent once, and what was sent."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._measured = ArtifactWriter(lambda _: None)
        self.error: BaseException | None = None

    @property
    def stored(self) -> Stored:
        return self._measured.stored

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)  # type: ignore[call-overload]
        except StopIteration:
            raise
        except BaseException as exc:
            # Else it would be taken for one of the connection.
            self.error = exc
            raise
        self._measured.write(chunk)
        return bytes(chunk)


class _Repeatable:
    """The same of chunks that may be sent again."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._last = _Sent(iter(()))

    @property
    def error(self) -> BaseException | None:
        return self._last.error

    @property
    def stored(self) -> Stored:
        return self._last.stored

    def __iter__(self) -> Iterator[bytes]:
        self._last = _Sent(iter(self._chunks))
        return self._last


def _info(folder: ArtifactPath, content: Any) -> FileInfo | None:
    """What a server lists, by a path that we have looked at; None if it cannot be an artifact."""
    try:
        found = wire.from_json(content)
        path = folder / ArtifactPath.parse(found.path)
    except (InvalidArgumentError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return FileInfo(str(path), found.is_dir, found.file_size)


def _sha256(answer: Any) -> str | None:
    """The digest of the file that a server says, as RFC 9530 has it."""
    match = _DIGEST.search(answer.headers.get("Repr-Digest", ""))
    try:
        return base64.b64decode(match[1]).hex() if match else None
    except binascii.Error:
        return None
