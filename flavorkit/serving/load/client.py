"""One connection of HTTP/1.1 that sends the same request again and again.

It knows what it takes to call a scoring server, keep the connection, and tell the status of an
answer; more would cost time that is the generator's own and not the server's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Target:
    """What is called, and with what."""

    host: str
    port: int
    request: bytes

    @classmethod
    def of(cls, url: str, body: bytes, content_type: str) -> Target:
        """The request that posts ``body`` to ``url``.

        Raises:
            ValueError: the URL is none of plain HTTP.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL that starts with http://")
        path = parts.path.rstrip("/") or ""
        path = path if path.endswith("/invocations") else f"{path}/invocations"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return cls(parts.hostname, parts.port or 80, head.encode() + body)


class Client(asyncio.Protocol):
    """One connection; :meth:`call` at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = bytearray()
        self._expected = -1
        self._status = 0
        self._is_last = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, which the next call would use."""
        return self._transport is not None and not self._transport.is_closing()

    async def call(self) -> int:
        """Send the request, over a new connection if there is none; the status of the answer.

        Raises:
            OSError: no connection, or it was lost.
        """
        loop = asyncio.get_running_loop()
        if not self.is_open:
            await loop.create_connection(lambda: self, self._target.host, self._target.port)
        assert self._transport is not None
        self._answer = loop.create_future()
        self._transport.write(self._target.request)
        return await self._answer

    async def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()
            await asyncio.sleep(0)  # in which the event loop lets go of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received.clear()
        self._expected = -1

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, perhaps before the answer."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the connection was lost"))

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        received = self._received
        received += data
        if self._expected < 0:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._read_head(bytes(received[:end]).lower())
            del received[: end + 4]
        if len(received) >= self._expected:
            received.clear()
            self._expected = -1
            if self._is_last and self._transport is not None:
                self._transport.close()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(self._status)

    def _read_head(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        self._status = int(lines[0].split(b" ", 2)[1])
        headers = dict(line.partition(b":")[::2] for line in lines[1:])
        self._expected = int(headers.get(b"content-length", b"0"))
        self._is_last = headers.get(b"connection", b"").strip() == b"close"
