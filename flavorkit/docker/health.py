"""Run inside a container, now and then: is the server in it ready?

``python -m flavorkit.docker.health`` ends with 0 if it is. It imports next to nothing, since it
shares the processors with the server.
"""

from __future__ import annotations

import os
import socket
import sys

_SECONDS = 3.0
_REQUEST = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def is_ready(port: int) -> bool:
    """Whether the server on this port of this machine says that it is ready."""
    try:
        with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
            connection.sendall(_REQUEST)
            status = connection.recv(64).split(b" ", 2)
    except OSError:
        return False
    return len(status) > 1 and status[1] == b"200"


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(os.environ.get("FLAVORKIT_PORT") or 5000)) else 1)
