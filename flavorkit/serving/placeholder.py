"""Answers while no worker is ready: that the server lives, its counts, and to come back later.

It runs in the process that watches the workers, which imports nothing heavy; so it knows as much of
HTTP as this takes: the first line of a request, and the end of its head.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import time
from collections.abc import Callable

_MAX_HEAD = 16 * 1024
_SECONDS = 5.0
_MOST = 256

_LIVE = b'{"status":"ok"}'
_UNREADY = json.dumps(
    {
        "error_code": "TEMPORARILY_UNAVAILABLE",
        "message": "no worker is ready; try again in a second",
    },
    separators=(",", ":"),
).encode()


class Placeholder:
    """Accepts connections while it is open, and answers one request on each.

    Args:
        listener: the server's socket.
        selector: what the process waits with; data of the keys is a callable without arguments.
        metrics: the content of ``/metrics``.
    """

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        metrics: Callable[[], bytes],
    ) -> None:
        self._listener, self._selector, self._metrics = listener, selector, metrics
        self._open: dict[socket.socket, tuple[float, bytearray]] = {}
        self.is_open = False

    def open(self) -> None:
        """Begin to accept."""
        if not self.is_open:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            self.is_open = True

    def close(self) -> None:
        """Accept no more: workers do."""
        if self.is_open:
            self._selector.unregister(self._listener)
            self.is_open = False

    def sweep(self) -> None:
        """Let go of those that send nothing."""
        late = time.monotonic() - _SECONDS
        for connection in [one for one, (since, _) in self._open.items() if since < late]:
            self._drop(connection)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= _MOST:
            self._drop(next(iter(self._open)))
        connection.setblocking(False)
        self._open[connection] = (time.monotonic(), bytearray())
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: socket.socket) -> None:
        if connection not in self._open:
            return  # dropped for a newer one in the same turn
        received = self._open[connection][1]
        try:
            chunk = connection.recv(_MAX_HEAD)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        received += chunk
        if chunk and b"\r\n\r\n" not in received and len(received) <= _MAX_HEAD:
            return
        if chunk:
            with contextlib.suppress(OSError):
                connection.send(self._answer(bytes(received[:64])))
                connection.shutdown(socket.SHUT_WR)
        self._drop(connection)

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path == b"/health/live":
            return _response(b"200 OK", b"application/json", _LIVE, method)
        if path == b"/metrics":
            return _response(b"200 OK", b"text/plain; version=0.0.4", self._metrics(), method)
        return _response(
            *(b"503 Service Unavailable", b"application/json", _UNREADY, method),
            more=b"retry-after: 1\r\n",
        )

    def _drop(self, connection: socket.socket) -> None:
        del self._open[connection]
        self._selector.unregister(connection)
        connection.close()


def _response(status: bytes, kind: bytes, body: bytes, method: bytes, more: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
        % (status, kind, len(body), more, b"" if method == b"HEAD" else body)
    )
