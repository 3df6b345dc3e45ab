"""Ports for servers that have to be told theirs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """A port of loopback that nobody else is given until the end, and that a server may bind.

    A port that was looked up and let go of is somebody else's before a slow server binds it, as
    often as not a server of the test beside. This one stays bound; it does not listen, so whoever
    asks for the very port with SO_REUSEADDR, as servers do, gets it too.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port
