"""From a request to its endpoint and back, and the one place where errors become answers."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flavorkit.errors import FlavorkitError, IntegrityError, StoreUnavailableError
from flavorkit.tracking.actor import acting_as
from flavorkit.tracking.server import answers, security
from flavorkit.tracking.server.exchange import (
    CLIENT_GONE,
    ClientGoneError,
    Exchange,
    Receive,
    Scope,
    Send,
)
from flavorkit.tracking.server.pace import Pace
from flavorkit.tracking.server.routes import Handler, Router
from flavorkit.tracking.server.security import Guard
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.wire import bodies
from flavorkit.web.connections import REFUSED

logger = logging.getLogger("flavorkit.tracking")

NOBODY_KNOWN = ""
"""Who acts, as long as there are no users."""


_SMALL_BYTES = 64 * 1024
"""Larger bodies are read on a thread."""

_ONLY_IN_THE_LOG = (StoreUnavailableError, IntegrityError)
"""Errors whose messages quote databases and disks, which are nobody's business outside."""


class Dispatcher:
    """An ASGI application of all endpoints; the service is in the state of the scope.

    Args:
        settings: the limits.
        router: finds endpoints.
    """

    def __init__(self, settings: Settings, router: Router) -> None:
        self._settings, self._router, self._guard = settings, router, Guard(settings)
        # A database that is asked over the network, or a shared disk, may be away for long.
        is_here = settings.store_uri.startswith("sqlite")
        self._paces = [Pace(may_be_quick=is_here and one.is_small) for one in router.endpoints]
        self._headers = [*answers.SAFE]
        if settings.frame_options != "NONE":
            self._headers.append((b"x-frame-options", settings.frame_options.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        service: Service = scope["state"]["service"]
        exchange = Exchange(scope, receive, send, self._headers)
        number, begun = len(self._router.endpoints), service.metrics.begin()
        try:
            self._guard.check(exchange)
            number, variables = self._router.find(exchange.method, exchange.path)
            await self._run(number, service, exchange, variables)
        except FlavorkitError as error:
            await _refuse(exchange, error)
        except ClientGoneError:
            exchange.status = CLIENT_GONE
        except Exception as error:
            error_id = secrets.token_hex(8)
            logger.exception(
                "%s %a failed, error %s",
                exchange.method,
                exchange.path,
                error_id,
                extra=_of(exchange, error_id),
            )
            if exchange.status:  # the answer has begun: all that is left is to break it off
                raise error from None
            await exchange.answer(answers.of_bug(error_id))
        finally:
            status = None if REFUSED in scope else exchange.status or CLIENT_GONE
            service.metrics.end(number, status, begun)

    async def _run(
        self, number: int, service: Service, exchange: Exchange, variables: dict[str, str]
    ) -> None:
        endpoint = self._router.endpoints[number]
        message = endpoint.call.message
        if endpoint.stream is not None:
            security.check_encoding(exchange)
            given = message.read({**message.parse_query(exchange.query), **variables})
            await endpoint.stream(service, given, exchange)
            return
        is_large = False
        if endpoint.call.method == "GET":
            content = message.parse_query(exchange.query)
        else:
            body = await self._body(exchange)
            content = _parse(body)
            is_large = len(body) > _SMALL_BYTES
        if variables and isinstance(content, dict):
            content = {**content, **variables}
        if is_large:  # which is read item by item
            given = await service.calls.run(lambda: message.read(content))
        else:
            given = message.read(content)
        handle = endpoint.handle
        assert handle is not None
        pace = self._paces[number]

        def act() -> answers.Answer:
            return pace.timed(lambda: _act(handle, service, given))

        if pace.is_quick:
            await exchange.answer(act())
            return
        threads = service.transfers if endpoint.reads_artifacts else service.calls
        await exchange.answer(await threads.run(act))

    async def _body(self, exchange: Exchange) -> bytes:
        limit = self._settings.max_body_bytes
        body = b"".join([piece async for piece in exchange.body(limit)])
        security.check_json(exchange, body)
        return body


def _parse(body: bytes) -> Any:
    content = bodies.parse(body)
    if isinstance(content, str):  # old clients write their JSON twice
        content = bodies.parse(content.encode())
    return {} if content is None else content


def _act(handle: Handler, service: Service, given: dict[str, Any]) -> answers.Answer:
    with acting_as(NOBODY_KNOWN):
        return answers.json(handle(service, given))


async def _refuse(exchange: Exchange, error: FlavorkitError) -> None:
    if exchange.status:
        raise error
    if isinstance(error, _ONLY_IN_THE_LOG):
        error_id = secrets.token_hex(8)
        logger.error(
            "%s %a: %a, error %s",
            exchange.method,
            exchange.path,
            error.message,
            error_id,
            extra=_of(exchange, error_id),
        )
        await exchange.answer(answers.of_trouble(error, error_id))
        return
    await exchange.answer(answers.of_error(error))


def _of(exchange: Exchange, error_id: str) -> dict[str, str]:
    """What a line of the log says besides its text; in that, what clients send is quoted."""
    return {"error_id": error_id, "method": exchange.method, "path": ascii(exchange.path)}
