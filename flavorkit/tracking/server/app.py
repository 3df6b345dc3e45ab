"""The tracking server as an application: endpoints over a store and places of artifacts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from flavorkit.tracking import defaults
from flavorkit.tracking.artifacts.choose import storage
from flavorkit.tracking.server import routes
from flavorkit.tracking.server.dispatch import Dispatcher
from flavorkit.tracking.server.metrics import Metrics, width
from flavorkit.tracking.server.places import Places, is_proxied
from flavorkit.tracking.server.routes import Router
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.stores import open_store
from flavorkit.web.board import Board

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def create_app(settings: Settings, service: Service) -> ASGIApp:
    """Build the application.

    Args:
        settings: its limits.
        service: what it works with, which is closed when the application stops.

    Raises:
        ValueError: an endpoint does not say what a caller must be allowed.
    """
    router = Router(endpoints(settings), settings.static_prefix)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        try:
            yield {"service": service}
        finally:
            service.close()

    lifetime = Starlette(lifespan=lifespan)
    requests: Any = Dispatcher(settings, router)
    if settings.allowed_origins:
        requests = CORSMiddleware(
            requests,
            allow_origins=list(settings.allowed_origins),
            allow_methods=_METHODS,
            allow_headers=["content-type", "authorization"],
        )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Requests go past Starlette: it would look for a route, of which there is one.
        await (lifetime if scope["type"] == "lifespan" else requests)(scope, receive, send)

    return app


def endpoints(settings: Settings) -> tuple[routes.Endpoint, ...]:
    """The endpoints that a server of these settings has."""
    return routes.ARTIFACTS_ONLY if settings.artifacts_only else routes.ALL


def board(settings: Settings) -> Board:
    """Where the workers of a server count."""
    return Board(settings.workers, width(len(endpoints(settings)) + 1))


def open_service(settings: Settings, numbers: Board | None = None, seat: int = 0) -> Service:
    """Open the store and the places of artifacts.

    Args:
        settings: where they are, and the limits.
        numbers: where all workers count; this process counts for itself if None.
        seat: the number of this worker.

    Raises:
        FlavorkitError: one of them cannot be opened.
    """
    named = [*(endpoint.name for endpoint in endpoints(settings)), "other"]
    metrics = Metrics(named, numbers or board(settings), seat)
    where = places(settings)
    store = open_store(settings.store_uri, settings.artifact_root)
    return Service(settings, store, where, metrics)


def places(settings: Settings) -> Places:
    """The places of artifacts that an operator has named."""
    proxied = storage(settings.artifacts_destination) if settings.serves_artifacts else None
    root = defaults.absolute(settings.default_artifact_root)
    if root is None or is_proxied(root):
        return Places(proxied)
    return Places(proxied, ((root, storage(root)),))
