"""What an operator can set of a scoring server."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from flavorkit.web.limits import MEBIBYTE, Limits


@dataclass(frozen=True)
class Settings:
    """The limits of one scoring server; each has an option of ``flavorkit serve``.

    Times are in seconds.
    """

    timeout_seconds: float = 60.0
    """How long a request may take, from its last byte to the answer; a client may ask for less."""

    max_waiting: int = 256
    """How many requests may wait for the model in one worker; one more is told to come back."""

    batch_rows: int = 4096
    """How many rows of several requests the model is called with at once; 1 merges none."""

    batch_wait_seconds: float = 0.0
    """How long to wait for more requests to merge; those that already wait are merged anyway."""

    max_body_bytes: int = 64 * MEBIBYTE
    """How large the body of a request may be."""

    body_seconds: float = 60.0
    """How long a body may take to arrive."""

    max_header_bytes: int = 16 * 1024
    """How large the request line and the headers may be together."""

    max_headers: int = 64
    """How many headers a request may have."""

    header_seconds: float = 10.0
    """How long the request line and the headers may take to arrive."""

    idle_seconds: float = 15.0
    """How long a connection may stay open between two requests."""

    max_connections: int = 1024
    """How many connections one worker holds; beyond it, the one that waits longest is closed."""

    max_json_depth: int = 64
    """How deep lists and objects in a body may be nested."""

    max_rows: int = 10_000_000
    """How many rows one request may have."""

    max_columns: int = 10_000
    """How many columns one request may have."""

    grace_seconds: float = 30.0
    """How long requests that have begun may go on after the server was told to stop."""

    drain_seconds: float = 1.0
    """How long new requests are still answered after that, though the server is not ready."""

    overrun_seconds: float = 5.0
    """How long a call of the model may go on after the time of its requests is up; then its worker
    is replaced."""

    log_requests: bool = False
    """Whether every request gets a line in the log, or only those that fail."""

    log_format: Literal["text", "json"] = "text"
    """The form of the log's lines."""

    @property
    def limits(self) -> Limits:
        """Those of its connections."""
        return Limits.of(self)


UNLIMITED = Settings(max_rows=sys.maxsize, max_columns=sys.maxsize)
"""For data of the caller's own."""
