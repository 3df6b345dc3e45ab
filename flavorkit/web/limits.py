"""What one connection, and all of them together, may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """The limits of the connections of one process. Times are in seconds."""

    max_body_bytes: int
    """How large the body of a request may be."""

    body_seconds: float
    """How long a body may take to arrive."""

    max_header_bytes: int
    """How large the request line and the headers may be together."""

    max_headers: int
    """How many headers a request may have."""

    header_seconds: float
    """How long the request line and the headers may take to arrive."""

    idle_seconds: float
    """How long a connection may stay open between two requests."""

    max_connections: int
    """How many there may be; beyond it, the one that waits for its client longest is closed."""

    @classmethod
    def of(cls, settings: object) -> Limits:
        """Those of a server, whose settings have them under the same names."""
        return cls(**{one.name: getattr(settings, one.name) for one in fields(cls)})


class Watcher(Protocol):
    """Is told what happens to connections."""

    def connected(self, count: int) -> None:
        """There are so many connections now."""

    def answered(self, status: int) -> None:
        """A request was answered before it became one."""
