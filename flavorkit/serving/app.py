"""The scoring application: a loaded model behind /invocations, and what operators ask of it.

Every error is JSON of one shape with an HTTP status that fits; a traceback goes to the log under an
id, and the client gets the id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving import probes
from flavorkit.serving.invocations import Invocations, Receive, Scope, Send, access
from flavorkit.serving.service import Service, Shared
from flavorkit.serving.settings import Settings
from flavorkit.web.error_answers import JSON

Loader = Callable[[], PyFuncModel]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

INVOCATIONS = "/invocations"


def create_app(
    models: Mapping[str, Loader],
    settings: Settings | None = None,
    *,
    shared: Shared | None = None,
    on_service: Callable[[Service], None] = lambda service: None,
) -> Starlette:
    """Build the application.

    Args:
        models: the function that loads each model, by the name it is served under. They are called
            once, when the server starts; until they return no request is answered. One for now.
        settings: its limits.
        shared: what it shares with other processes that serve the same model.
        on_service: called with what the endpoints share, once the model is loaded.
    """
    if len(models) != 1:
        raise ValueError(f"expected one model to serve, got {len(models)}")
    ((name, load),) = models.items()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        model = await asyncio.to_thread(load)
        service = Service(name, model, settings or Settings(), shared or Shared())
        on_service(service)
        await service.warm_up()
        try:
            yield {"service": service}
        finally:
            service.close()

    return Starlette(
        routes=[
            Route(INVOCATIONS, Invocations(), methods=["POST"]),
            Route("/ping", probes.ping),
            Route("/health", probes.ping),
            Route("/health/live", probes.live),
            Route("/health/ready", probes.ready),
            Route("/version", probes.version),
            Route("/metrics", probes.metrics),
        ],
        exception_handlers={HTTPException: on_http_error},
        lifespan=lifespan,
    )


def past_the_router(app: Starlette) -> Application:
    """``app``, which predictions do not pass: its middleware and routes cost as much as one row.

    For an application as :func:`create_app` makes it, without middleware of anybody's.
    """
    invocations = Invocations()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        is_prediction = (
            scope["type"] == "http" and scope["path"] == INVOCATIONS and scope["method"] == "POST"
        )
        await (invocations if is_prediction else app)(scope, receive, send)

    return application


async def on_http_error(request: Request, error: Exception) -> Response:
    """A path that is not there, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    code = "ENDPOINT_NOT_FOUND" if error.status_code == 404 else "BAD_REQUEST"
    paths = [
        f"{'POST' if path == INVOCATIONS else 'GET'} {path}"
        for path in (route.path for route in request.app.routes)
    ]
    service: Service = request.scope["state"]["service"]
    service.metrics.answered(error.status_code)
    if service.settings.log_requests:
        scope = request.scope
        known = {"method": scope["method"], "path": scope["path"], "status": error.status_code}
        access.info("%s %s %d", *known.values(), extra=known)
    message = f"{error.detail}: this server has {', '.join(paths)}"
    content = orjson.dumps({"error_code": code, "message": message})
    return Response(content, error.status_code, error.headers, JSON)
