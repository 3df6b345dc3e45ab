"""The scoring application: a loaded model behind /invocations.

Endpoints do HTTP and nothing else; what a request means is for :mod:`flavorkit.serving.scorer` to
say. Every error is JSON of one shape with an HTTP status that fits; a traceback goes to the log
under an id, and the client gets the id.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from flavorkit.errors import DeadlineExceededError, FlavorkitError, PayloadTooLargeError
from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving import answers
from flavorkit.serving.requests import JSON
from flavorkit.serving.scorer import Scorer
from flavorkit.serving.settings import Settings
from flavorkit.version import __version__

logger = logging.getLogger("flavorkit.serving")

Loader = Callable[[], PyFuncModel]


def create_app(models: Mapping[str, Loader], settings: Settings | None = None) -> Starlette:
    """Build the application.

    Args:
        models: the function that loads each model, by the name it is served under. They are called
            once, when the server starts; until they return no request is answered. One for now.
        settings: its limits.
    """
    if len(models) != 1:
        raise ValueError(f"expected one model to serve, got {len(models)}")
    ((name, load),) = models.items()
    limits = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        model = await asyncio.to_thread(load)
        scorer = Scorer(model, max_waiting=limits.max_waiting)
        try:
            yield {"name": name, "scorer": scorer, "settings": limits}
        finally:
            scorer.close()

    return Starlette(
        routes=[
            Route("/invocations", invocations, methods=["POST"]),
            Route("/ping", ping),
            Route("/health", ping),
            Route("/version", version),
        ],
        exception_handlers={HTTPException: on_http_error},
        lifespan=lifespan,
    )


async def ping(request: Request) -> Response:
    """Say that the model is loaded."""
    return _json(orjson.dumps({"status": "ok"}))


async def version(request: Request) -> Response:
    """Say which model this is, and which flavorkit serves it."""
    model: PyFuncModel = request.state.scorer.model
    described = {
        "name": request.state.name,
        "flavor": model.flavor.name,
        "uuid": model.metadata.model_uuid,
        "id": model.model_id,
        "digest": model.digest,
    }
    return _json(orjson.dumps({"flavorkit": __version__, "model": described}))


async def invocations(request: Request) -> Response:
    """Predict on the data in the body."""
    scorer: Scorer = request.scope["state"]["scorer"]
    settings: Settings = request.scope["state"]["settings"]
    headers = dict(request.scope["headers"])
    content_type = headers.get(b"content-type")
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            body = await _body_of(request, headers, settings.max_body_bytes)
            content = await scorer.score(content_type and content_type.decode("latin-1"), body)
            return _json(content)
    except TimeoutError:
        return _error(DeadlineExceededError(settings.timeout_seconds))
    except FlavorkitError as error:
        if error.status >= 500:
            logger.error("%s: %s", request.url.path, error.message)
        return _error(error)
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it; the log says what happened
    except Exception as error:  # noqa: BLE001 - the top of the server
        return _bug(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """A path that is not there, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    code = "ENDPOINT_NOT_FOUND" if error.status_code == 404 else "BAD_REQUEST"
    paths = "POST /invocations, GET /ping, GET /health, GET /version"
    message = f"{error.detail}: this server has {paths}"
    content = orjson.dumps({"error_code": code, "message": message})
    return Response(content, error.status_code, error.headers, JSON)


async def _body_of(request: Request, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLargeError(limit)
    chunks, size, is_more = [], 0, True
    while is_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise PayloadTooLargeError(limit)
        is_more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _json(content: bytes) -> Response:
    return Response(content, media_type=JSON)


def _error(error: FlavorkitError) -> Response:
    headers = {"Retry-After": "1"} if error.status in {429, 503} else None
    return Response(answers.encode_error(error), error.status, headers, JSON)


def _bug(request: Request, error: Exception) -> Response:
    """What went wrong goes to the log; the client gets the id to find it there."""
    error_id = secrets.token_hex(8)
    what = f"{request.method} {request.url.path}"
    logger.error("%s failed, error %s", what, error_id, exc_info=error)
    told = FlavorkitError(f"the model failed; the server's log says more under error {error_id}")
    return Response(answers.encode_error(told, error_id=error_id), 500, media_type=JSON)
