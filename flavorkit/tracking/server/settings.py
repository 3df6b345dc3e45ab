"""What an operator can set of a tracking server."""

from __future__ import annotations

from dataclasses import dataclass

from flavorkit.tracking.stores import DEFAULT_URI
from flavorkit.web.limits import MEBIBYTE, Limits

GIBIBYTE = 1024 * MEBIBYTE

PROXY_ROOT = "mlflow-artifacts:/"
"""The root of the artifacts that a server keeps for its clients."""


@dataclass(frozen=True)
class Settings:
    """The places and limits of a server; the defaults fit a machine of one team."""

    store_uri: str = DEFAULT_URI
    """Where runs and models are remembered."""
    artifacts_destination: str = "./mlartifacts"
    """Where the artifacts are kept that clients send through this server."""
    serves_artifacts: bool = True
    """Whether clients send artifacts through this server."""
    default_artifact_root: str | None = None
    """Where experiments that name no place keep their artifacts; with this server if None."""
    artifacts_only: bool = False
    """Whether there is nothing but the artifacts."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 5000
    """The port; 0 takes any free one."""
    workers: int = 1
    """How many processes answer."""
    static_prefix: str = ""
    """What comes before every path, where a proxy keeps it."""
    accepts_no_auth: bool = False
    """Whether an operator has said that an address other than of this machine is meant."""
    allowed_hosts: tuple[str, ...] = ()
    """The names that clients may call this server by, besides those that it knows itself."""
    allowed_origins: tuple[str, ...] = ()
    """The origins of other web pages that may call this server from a browser."""
    frame_options: str = "SAMEORIGIN"
    """The header X-Frame-Options; NONE for none."""

    max_body_bytes: int = 4 * MEBIBYTE
    """How large the body of a request may be."""
    max_upload_bytes: int = 5 * GIBIBYTE
    """How large an artifact may be that comes through this server."""
    body_seconds: float = 60.0
    """How long a body may take to arrive, and of an artifact the next piece."""
    max_header_bytes: int = 32 * 1024
    """How large the request line and the headers may be together."""
    max_headers: int = 64
    """How many headers a request may have."""
    header_seconds: float = 10.0
    """How long the request line and the headers may take to arrive."""
    idle_seconds: float = 75.0
    """How long a connection may stay open between two requests."""
    max_connections: int = 1024
    """How many connections a worker holds; beyond it, the one that waits longest is closed."""
    max_calls: int = 8
    """How many calls of the store a worker makes at once."""
    max_waiting: int = 256
    """How many requests may wait for one."""
    max_transfers: int = 32
    """How many artifacts come and go at once in a worker."""
    grace_seconds: float = 30.0
    """How long begun requests may take when the server stops."""
    log_format: str = "text"
    """The form of the log's lines: ``text`` or ``json``."""

    @property
    def artifact_root(self) -> str:
        """The root of the artifacts of experiments that name no place."""
        if self.default_artifact_root is not None:
            return self.default_artifact_root
        return PROXY_ROOT if self.serves_artifacts else self.artifacts_destination

    @property
    def is_database(self) -> bool:
        """Whether runs are kept in a database, and not in a folder."""
        return "://" in self.store_uri and not self.store_uri.startswith("file:")

    @property
    def limits(self) -> Limits:
        """Those that every connection keeps."""
        return Limits.of(self)
