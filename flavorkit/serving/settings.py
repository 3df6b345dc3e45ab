"""What an operator can set of a scoring server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The limits of one scoring server; each has an option of ``flavorkit serve``."""

    timeout_seconds: float = 60.0
    """How long a request may take, from its first byte to the answer."""

    max_body_bytes: int = 64 * 1024 * 1024
    """How large the body of a request may be."""

    max_waiting: int = 256
    """How many requests may wait for the model; one more is told to come back later."""

    grace_seconds: float = 30.0
    """How long requests that have begun may go on after the server was told to stop."""

    log_requests: bool = False
    """Whether every request gets a line in the log, or only those that fail."""
