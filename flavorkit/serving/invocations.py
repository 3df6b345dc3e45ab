"""``POST /invocations``: one request from its bytes to the bytes of its answer.

What a model call is belongs to :mod:`flavorkit.serving.engine`; here are HTTP, the codecs, and the
one place where errors become answers. It is an ASGI application of its own rather than a function
of Starlette's kind, since it is what a server does all day.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect

from flavorkit.errors import (
    DeadlineExceededError,
    FlavorkitError,
    NotReadyError,
    OverloadedError,
    PayloadTooLargeError,
    RequestError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from flavorkit.serving import answers, requests
from flavorkit.serving.service import Service
from flavorkit.serving.work import Work, nobody_left
from flavorkit.web.connections import IS_GONE, REFUSED
from flavorkit.web.error_answers import encode_error

logger = logging.getLogger("flavorkit.serving")
access = logging.getLogger("flavorkit.serving.access")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SMALL_BYTES = 1024 * 1024
"""Larger bodies are decoded on a thread, and answers for more rows than this / 64 encoded there. A
thread lets another one in after 5 ms, so for smaller ones it would gain nothing."""

CLIENT_GONE = 499
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class Exchange:
    """What is known of one request while it is answered."""

    __slots__ = ("begun", "error_id", "headers", "request_id", "scope", "seconds")

    def __init__(self, scope: Scope, service: Service) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = (
            given.decode() if _REQUEST_ID.fullmatch(given) else service.new_request_id()
        )
        self.begun = time.perf_counter()
        self.error_id: str | None = None
        self.seconds: dict[str, float] = {}

    @property
    def is_gone(self) -> bool:
        """Whether the client has left."""
        gone: bool = self.scope.get(IS_GONE, nobody_left)()
        return gone

    def facts(self, status: int) -> dict[str, Any]:
        """What a line of the log says of it."""
        known = {
            "request_id": self.request_id,
            "error_id": self.error_id,
            "method": self.scope["method"],
            "path": self.scope["path"],
            "status": status,
            "seconds": time.perf_counter() - self.begun,
        }
        return {name: value for name, value in known.items() if value is not None}


class Invocations:
    """Answers requests for predictions; the service is in the state of the scope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        service: Service = scope["state"]["service"]
        exchange = Exchange(scope, service)
        more: list[tuple[bytes, bytes]] = []
        service.metrics.in_flight.add(1)
        try:
            content, status = await _answer(service, exchange, receive), 200
            if exchange.is_gone:
                status = CLIENT_GONE
        except FlavorkitError as raised:
            error = _as_told(raised, service)
            content, status = encode_error(error), error.status
            if status in {429, 503}:
                more.append((b"retry-after", b"1"))
            if isinstance(error, NotReadyError):
                more.append((b"connection", b"close"))  # another worker may be ready
            if status >= 500:
                logger.error(error.message, extra=exchange.facts(status))
        except ClientDisconnect:
            content, status = b"", scope.get(REFUSED, CLIENT_GONE)
        except asyncio.CancelledError:
            stopping = NotReadyError("the server is stopping")
            content = b"" if exchange.is_gone else encode_error(stopping)
            status = CLIENT_GONE if exchange.is_gone else stopping.status
        except Exception as error:  # noqa: BLE001 - the top of the server
            content, status = _bug(exchange, error), 500
        finally:
            service.metrics.in_flight.add(-1)
        if b"x-server-timing" in exchange.headers:
            more.append((b"server-timing", _server_timing(exchange)))
        _record(service, exchange, status)
        head = _head(service, exchange, len(content))
        await send({"type": "http.response.start", "status": status, "headers": [*head, *more]})
        await send({"type": "http.response.body", "body": content})


async def _answer(service: Service, exchange: Exchange, receive: Receive) -> bytes:
    """The body of the answer, if there is one."""
    settings, engine = service.settings, service.engine
    if engine.is_stuck:
        raise NotReadyError("the model does not answer; try again in a second")
    if engine.is_full or service.decoding >= settings.max_waiting:
        raise OverloadedError  # before anything is done for it
    limit = _seconds_wanted(exchange.headers.get(b"x-request-timeout"), settings.timeout_seconds)
    encoding = exchange.headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise UnsupportedMediaTypeError(
            "this server reads bodies as they are, without a content encoding; send it uncompressed"
        )
    body = await _body_of(exchange, receive, settings.max_body_bytes, settings.body_seconds)
    exchange.begun = begun = time.perf_counter()
    deadline = time.monotonic() + limit
    content_type = exchange.headers.get(b"content-type")
    declared = content_type.decode("latin-1") if content_type else None
    if len(body) <= SMALL_BYTES:
        request = requests.read(service.model, declared, body, settings)
    else:
        request = await service.in_background(
            lambda: requests.read(service.model, declared, body, settings), limit
        )
    decoded = time.perf_counter()
    work = Work(
        *(request.data, request.params),
        limit=limit,
        deadline=deadline,
        is_gone=exchange.scope.get(IS_GONE, nobody_left),
        may_share=engine.shares_calls,
    )
    predictions = await engine.predict(work)
    predicted = time.perf_counter()
    if (work.rows or 1) * 64 <= SMALL_BYTES:
        content = answers.encode(predictions, is_bare=request.is_bare)
    else:
        content = await asyncio.get_running_loop().run_in_executor(
            service.codec, lambda: answers.encode(predictions, is_bare=request.is_bare)
        )
    exchange.seconds = {
        "decode": decoded - begun,
        "queue": max(predicted - decoded - work.predict_seconds, 0.0),
        "predict": work.predict_seconds,
        "encode": time.perf_counter() - predicted,
    }
    return content


def _seconds_wanted(header: bytes | None, limit: float) -> float:
    """How long the client waits, at most ``limit``."""
    if header is None:
        return limit
    try:
        wanted = float(header)
    except ValueError:
        wanted = 0.0
    if not wanted > 0:
        raise RequestError("X-Request-Timeout must be a number of seconds above 0")
    return min(wanted, limit)


async def _body_of(exchange: Exchange, receive: Receive, limit: int, limit_seconds: float) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    declared = exchange.headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLargeError(limit)
    message = await receive()
    if not message.get("more_body", False) and message["type"] != "http.disconnect":
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise PayloadTooLargeError(limit)
        return body
    try:
        async with asyncio.timeout(limit_seconds):
            return await _rest_of(message, receive, limit)
    except TimeoutError:
        raise RequestTimeoutError(limit_seconds) from None


async def _rest_of(message: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes:
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise PayloadTooLargeError(limit)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


def _as_told(error: FlavorkitError, service: Service) -> FlavorkitError:
    """The error, with advice that fits whoever set the time that was not enough."""
    if not isinstance(error, DeadlineExceededError):
        return error
    limit = error.limit_seconds
    if limit >= service.settings.timeout_seconds:
        return error
    return DeadlineExceededError(limit, "that is what the request's X-Request-Timeout allows")


def _bug(exchange: Exchange, error: Exception) -> bytes:
    """What went wrong goes to the log; the client gets the id to find it there."""
    exchange.error_id = error_id = secrets.token_hex(8)
    what = f"{exchange.scope['method']} {exchange.scope['path']}"
    logger.error("%s failed, error %s", what, error_id, exc_info=error, extra=exchange.facts(500))
    told = FlavorkitError(f"the model failed; the server's log says more under error {error_id}")
    return encode_error(told, error_id=error_id)


def _server_timing(exchange: Exchange) -> bytes:
    stages = {**exchange.seconds, "total": time.perf_counter() - exchange.begun}
    return ", ".join(f"{name};dur={spent * 1000:.3f}" for name, spent in stages.items()).encode()


def _record(service: Service, exchange: Exchange, status: int) -> None:
    spent = time.perf_counter() - exchange.begun
    metrics = service.metrics
    if REFUSED not in exchange.scope:
        metrics.answered(status)
    metrics.request_seconds.observe(spent)
    for stage, seconds in exchange.seconds.items():
        metrics.stages[stage].observe(seconds)
    if service.settings.log_requests:
        access.info(
            "%s %s %d %.3f ms",
            *(exchange.scope["method"], exchange.scope["path"], status, spent * 1000),
            extra=exchange.facts(status),
        )


def _head(service: Service, exchange: Exchange, size: int) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-length", b"%d" % size),
        (b"content-type", b"application/json"),
        (b"x-request-id", exchange.request_id.encode()),
        (b"x-model", service.model_header),
    ]
