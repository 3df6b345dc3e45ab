"""One request and its answer, as the endpoints see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from flavorkit.tracking.server import answers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CLIENT_GONE = 499


class ClientGoneError(Exception):
    """The client left before all of its request was here."""


class Exchange:
    """One request and its answer.

    Args:
        scope: of the request.
        receive: gives its body.
        send: takes the answer.
        headers: that every answer has.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: answers.Headers,
    ) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.status = 0
        self._receive, self._send = receive, send
        self._headers = headers

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, of the first if there are several."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def body(self, limit: int) -> AsyncIterator[bytes]:
        """The body in pieces as they come.

        Raises:
            TooLargeError: it is larger than ``limit`` bytes.
            ClientGoneError: nothing more comes.
        """
        declared = self.header(b"content-length") or b""
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        size, is_more = 0, True
        while is_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            is_more = message.get("more_body", False)
            if piece:
                yield piece

    async def until_gone(self) -> None:
        """Wait until the client has left; only once its body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, answer: answers.Answer) -> None:
        """Send all of an answer."""
        await self.begin(
            answer.status,
            answer.content_type,
            len(answer.body),
            answer.headers,
            policy=answers.POLICY,
        )
        await self._send({"type": "http.response.body", "body": answer.body})

    async def begin(
        self,
        status: int,
        content_type: bytes,
        size: int | None,
        headers: answers.Headers = (),
        *,
        policy: answers.Headers = (),
    ) -> None:
        """Send the head of an answer, whose body follows."""
        self.status = status
        head = [(b"content-type", content_type), *self._headers, *policy, *headers]
        if size is not None:
            head.append((b"content-length", b"%d" % size))
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def send(self, piece: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self) -> None:
        """Say that all of the body was sent."""
        await self._send({"type": "http.response.body", "body": b""})


def _too_large(limit: int) -> answers.TooLargeError:
    return answers.TooLargeError(f"the body is larger than the limit of {limit} bytes")
