"""Which repository a URI of artifacts means."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.artifacts.filesystems import SCHEMES, RemoteRoot
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.remote import RemoteArtifactRepository
from flavorkit.tracking.artifacts.repository import ArtifactRepository, ArtifactStorage

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_PROXY = re.compile(r"mlflow-artifacts:(?://([^/]*))?(?:/(.*))?", re.DOTALL)
_ENDPOINT = "/api/2.0/mlflow-artifacts/artifacts"


def repository(uri: str | Path, tracking_uri: str | None = None) -> ArtifactRepository:
    """The repository that a URI means. Nothing is connected to yet.

    Args:
        uri: a path, or a URI of ``file:``, ``s3:``, ``gs:``, ``abfs:``, ``abfss:``, ``sftp:`` or
            ``mlflow-artifacts:``.
        tracking_uri: of the server that gave the URI, if one did; it keeps what is at
            ``mlflow-artifacts:``.

    Raises:
        InvalidArgumentError: artifacts are not kept there, or there is no such server.
    """
    text = str(uri)
    server = tracking_uri if tracking_uri and _is_http(tracking_uri) else None
    if isinstance(uri, str) and server is not None and _is_endpoint(text, server):
        parts = urlsplit(text)
        text = f"mlflow-artifacts:{parts.path.partition(_ENDPOINT)[2]}"
    if isinstance(uri, str) and (match := _PROXY.fullmatch(text)):
        from flavorkit.tracking.artifacts import proxied

        if server is None:
            raise InvalidArgumentError(
                f"{uri!a} is kept by a tracking server, and the tracking URI names none: set"
                " it to http(s)://..."
            )
        return proxied.behind(server, match[1] or "", match[2] or "")
    return storage(uri)


def storage(uri: str | Path) -> ArtifactStorage:
    """The same of a place that no server is in front of, such as a server itself keeps files in.

    Raises:
        InvalidArgumentError: artifacts are not kept there.
    """
    folder = local_folder(uri)
    if folder is not None:
        return LocalArtifactRepository(folder)
    return RemoteArtifactRepository(RemoteRoot.parse(str(uri)))


def local_folder(uri: str | Path) -> Path | None:
    """The folder of this machine that a URI means; None if it means none.

    Raises:
        InvalidArgumentError: it is a ``file:`` URI of another machine.
    """
    if isinstance(uri, Path):
        return uri
    match = _SCHEME.match(uri)
    if match is None:
        if not uri or "\0" in uri or "://" in uri:
            raise InvalidArgumentError(f"{uri!a} is no path of a folder")
        return Path(uri)
    if match[1].lower() != "file" or "::" in uri:
        return None
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or "\0" in path:
        raise InvalidArgumentError(
            f"{uri!a} names no folder of this machine; write file:///path, with %23 for # and"
            " %3F for ?"
        )
    return Path(path or ".")


def is_known(uri: str) -> bool:
    """Whether the scheme of a URI is one of a repository; nothing else is looked at."""
    match = _SCHEME.match(uri)
    return match is None or match[1].lower() in {"file", "mlflow-artifacts", *SCHEMES}


def _is_http(uri: str) -> bool:
    return uri.lower().startswith(("http://", "https://"))


def _is_endpoint(uri: str, server: str) -> bool:
    """Whether a URL is that of the artifacts of the server itself."""
    if not _is_http(uri):
        return False
    ours, theirs = urlsplit(server), urlsplit(uri)
    root = f"{ours.path.rstrip('/')}{_ENDPOINT}"
    return (
        ours.scheme == theirs.scheme
        and ours.netloc.rpartition("@")[2] == theirs.netloc
        and (theirs.path == root or theirs.path.startswith(f"{root}/"))
        and not theirs.query
        and not theirs.fragment
    )
