"""A transport on which the head of an answer waits for the first of its body.

uvicorn writes them one after the other, which would be two calls of the system and two packets, and
wakes the client up for a head that it can do nothing with.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "
_CONTINUE = b"HTTP/1.1 100"


class CorkedTransport:
    """Passes everything on to ``transport``, but for heads, which it keeps until the next write."""

    __slots__ = ("_head", "_transport", "_write", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._write = transport, transport.write
        self.is_closing = transport.is_closing
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write ``data``, together with a head that waits."""
        if self._head:
            data, self._head = self._head + data, b""
            self._write(data)
        elif data.startswith(_HEAD) and data.endswith(b"\r\n\r\n") and data[:12] != _CONTINUE:
            self._head = data
        elif data:
            self._write(data)

    def flush(self) -> None:
        """Write a head that waits for a body that does not come."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection when all is written."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
