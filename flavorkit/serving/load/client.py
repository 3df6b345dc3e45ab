"""One connection of HTTP/1.1 that sends the same request again and again.

It knows what it takes to call a scoring server, keep the connection, and tell the status of an
answer; more would cost time that is the generator's own and not the server's.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

MESSAGE_LENGTH = 1000
"""How many characters are kept of what a failure says: a page of HTML is not a message."""


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
            ValueError: the URL is none of plain HTTP, or a malformed one.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 80
        except ValueError as exc:
            raise ValueError(f"{url!r} is malformed: {exc}") from None
        if parts.scheme != "http":
            raise ValueError(f"{url!r} is not a URL that starts with http://")
        if not parts.hostname:
            raise ValueError(f"{url!r} has no host; write http://host:port")
        path = parts.path.rstrip("/") or ""
        path = path if path.endswith("/invocations") else f"{path}/invocations"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return cls(parts.hostname, port, head.encode() + body)


def is_good(status: int) -> bool:
    """Whether an answer of this status has what was asked for."""
    return 200 <= status < 300


class Client(asyncio.Protocol):
    """One connection; :meth:`call` at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = bytearray()
        self._expected = -1
        self._head = b""
        self._status = 0
        self._is_last = False
        self._failure = b""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, which the next call would use."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def message(self) -> str:
        """What the last answer that was not good says: its message, or the text that it is."""
        text = self._failure.decode("utf-8", "replace")
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            text = said["message"]
        return text.strip()[:MESSAGE_LENGTH]

    def header(self, name: str) -> str:
        """What the last answer says under ``name``; empty if nothing."""
        for line in self._head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""

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
            self._read_head(bytes(received[:end]))
            del received[: end + 4]
        if len(received) >= self._expected:
            if not is_good(self._status):
                self._failure = bytes(received[: self._expected])
            received.clear()
            self._expected = -1
            if self._is_last and self._transport is not None:
                self._transport.close()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(self._status)

    def _read_head(self, head: bytes) -> None:
        self._head = head
        lines = head.lower().split(b"\r\n")
        self._status = int(lines[0].split(b" ", 2)[1])
        headers = dict(line.partition(b":")[::2] for line in lines[1:])
        self._expected = int(headers.get(b"content-length", b"0"))
        self._is_last = headers.get(b"connection", b"").strip() == b"close"
