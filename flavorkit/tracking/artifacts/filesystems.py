"""The object stores and servers that artifacts may be kept in: a closed list.

A URI of an artifact never reaches the openers of fsspec, which would follow it to any of some fifty
protocols, chained ones among them. It is read here, by a grammar of our own, and the class of its
scheme is made with the operator's credentials. Those come from where the libraries look for them:
``AWS_*`` and its files, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_*``, ``~/.ssh``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit.errors import InvalidArgumentError, MissingDependencyError
from flavorkit.tracking import environ
from flavorkit.tracking.artifacts.paths import ArtifactPath

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_CONTAINER = re.compile(r"[a-z0-9$][a-z0-9-]{2,62}")
_ACCOUNT = re.compile(
    r"([a-z0-9]{3,24})\.(?:dfs|blob)\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)"
)
_SFTP = re.compile(r"(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*)(?::(\d{1,5}))?")
_URI = re.compile(r"([a-z0-9]+)://([^/]+)(?:/(.*))?", re.DOTALL)

# Listings are never taken from a cache: another process may have written.
_FRESH = {"use_listings_cache": False, "skip_instance_cache": True}


@dataclass(frozen=True, slots=True)
class RemoteRoot:
    """Where a remote repository begins.

    Args:
        scheme: of its URI.
        container: the bucket or container; empty for sftp.
        host: the account of Azure, or the host of sftp with its user and port; may be empty.
        prefix: the folder in it.
    """

    scheme: str
    container: str
    host: str
    prefix: ArtifactPath

    @classmethod
    def parse(cls, uri: str) -> RemoteRoot:
        """The root that a URI names. Nothing is connected to.

        Raises:
            InvalidArgumentError: its scheme is not in the list, or it is malformed.
        """
        match = _URI.fullmatch(uri)
        if match is None or match[1] not in SCHEMES or "::" in uri:
            known = ", ".join(f"{name}://" for name in SCHEMES)
            raise _refusal(uri, f"artifacts are kept at {known}, in folders, or by a server")
        scheme, authority, rest = match[1], match[2], (match[3] or "").removesuffix("/")
        if set(rest) & set("?#"):
            raise _refusal(uri, "it has a query or a fragment")
        prefix = ArtifactPath.parse_folder(rest)
        if scheme in {"s3", "gs"}:
            return cls(scheme, _matching(_BUCKET, authority, uri, "bucket"), "", prefix)
        if scheme == "sftp":
            _matching(_SFTP, authority, uri, "host")
            if authority not in _sftp_hosts():
                raise _refusal(
                    uri,
                    "name its host in FLAVORKIT_SFTP_HOSTS, as it is written in the URI, to allow"
                    " it",
                )
            return cls(scheme, "", authority, prefix)
        container, at, account = authority.partition("@")
        if at:
            _matching(_ACCOUNT, account, uri, "account")
        return cls(scheme, _matching(_CONTAINER, container, uri, "container"), account, prefix)

    @property
    def uri(self) -> str:
        """The same as a URI."""
        authority = self.container
        if self.host:
            authority = f"{self.container}@{self.host}" if self.container else self.host
        return f"{self.scheme}://{authority}/{self.prefix}".removesuffix("/")

    @property
    def folder(self) -> str:
        """The root as fsspec writes paths: without a scheme."""
        return "/".join((self.container, *self.prefix.segments))


def connect(root: RemoteRoot) -> Any:
    """The file system of fsspec that a root is in.

    Raises:
        MissingDependencyError: its library is not installed.
        InvalidArgumentError: a variable of the environment is malformed.
    """
    return SCHEMES[root.scheme](root)


def _s3(root: RemoteRoot) -> Any:
    try:
        from s3fs import S3FileSystem
    except ImportError:
        raise MissingDependencyError("keeping artifacts in S3", "s3fs", extra="s3") from None
    client: dict[str, Any] = {}
    if environ.flag("S3_IGNORE_TLS", default=False):
        client["verify"] = False
    config = {}
    if style := environ.text("BOTO_CLIENT_ADDRESSING_STYLE"):
        config["s3"] = {"addressing_style": style}
    return S3FileSystem(
        endpoint_url=environ.text("S3_ENDPOINT_URL"),
        client_kwargs=client,
        config_kwargs=config,
        s3_additional_kwargs=_upload_arguments(),
        **_FRESH,
    )


def _upload_arguments() -> dict[str, Any]:
    text = environ.text("S3_UPLOAD_EXTRA_ARGS")
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidArgumentError(
            "FLAVORKIT_S3_UPLOAD_EXTRA_ARGS is a JSON object, such as"
            ' {"ServerSideEncryption": "aws:kms"}'
        )
    return arguments


def _gcs(root: RemoteRoot) -> Any:
    try:
        from gcsfs.core import GCSFileSystem  # speaks JSON only, and to one host
    except ImportError:
        raise MissingDependencyError(
            "keeping artifacts in Google Cloud Storage", "gcsfs", extra="gcs"
        ) from None
    return GCSFileSystem(**_FRESH)


def _azure(root: RemoteRoot) -> Any:
    try:
        from adlfs import AzureBlobFileSystem
    except ImportError:
        raise MissingDependencyError("keeping artifacts in Azure", "adlfs", extra="azure") from None
    account: dict[str, Any] = {}
    if match := _ACCOUNT.fullmatch(root.host):
        account = {
            "account_name": match[1],
            "account_host": f"{match[1]}.blob.core.{match[2]}",
        }
    return AzureBlobFileSystem(anon=False, **account, **_FRESH)


def _sftp(root: RemoteRoot) -> Any:
    try:
        from sshfs import SSHFileSystem
    except ImportError:
        raise MissingDependencyError(
            "keeping artifacts on an SFTP server", "sshfs", extra="sftp"
        ) from None
    match = _SFTP.fullmatch(root.host)
    assert match is not None
    user, host, port = match.groups()
    # Left to itself, sshfs takes any key for that of the host.
    known = environ.text("SFTP_KNOWN_HOSTS") or str(Path.home() / ".ssh" / "known_hosts")
    arguments: dict[str, Any] = {"known_hosts": known, "connect_timeout": 15}
    if user:
        arguments["username"] = user
    if port:
        arguments["port"] = int(port)
    if key := environ.text("SFTP_KEY"):
        arguments["client_keys"] = [key]
    return SSHFileSystem(host, **arguments, skip_instance_cache=True)


SCHEMES: dict[str, Callable[[RemoteRoot], Any]] = {
    "s3": _s3,
    "gs": _gcs,
    "abfs": _azure,
    "abfss": _azure,
    "sftp": _sftp,
}


def _sftp_hosts() -> set[str]:
    return {host.strip() for host in (environ.text("SFTP_HOSTS") or "").split(",")}


def _matching(pattern: re.Pattern[str], text: str, uri: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise _refusal(uri, f"{text!r} is no {what}")
    return text


def _refusal(uri: str, problem: str) -> InvalidArgumentError:
    text = ascii(uri)
    shown = text if len(text) <= 200 else f"{text[:197]}..."
    return InvalidArgumentError(f"artifacts cannot be kept at {shown}: {problem}")
