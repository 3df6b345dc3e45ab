"""The tracking server as an application: endpoints over a store and places of artifacts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.repository import ArtifactStorage
from flavorkit.tracking.server import routes
from flavorkit.tracking.server.board import Board
from flavorkit.tracking.server.dispatch import Dispatcher
from flavorkit.tracking.server.metrics import Metrics, width
from flavorkit.tracking.server.places import Places
from flavorkit.tracking.server.routes import Router
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.stores import open_store

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def create_app(
    settings: Settings,
    *,
    opened: Service | None = None,
    board: Path | None = None,
    parent: int | None = None,
) -> Starlette:
    """Build the application.

    Args:
        settings: its places and limits.
        opened: what it works with; opened when it starts if None, and closed when it stops.
        board: the file that workers count in; in this process alone if None.
        parent: the process that watches this one, without which it stops.

    Raises:
        ValueError: an endpoint does not say what a caller must be allowed.
    """
    router = Router(endpoints(settings), settings.static_prefix)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        service = opened or open_service(settings, board)
        watching = asyncio.create_task(_stop_without(parent)) if parent is not None else None
        try:
            yield {"service": service}
        finally:
            if watching is not None:
                watching.cancel()
            service.close()

    cross_origin = [
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=_METHODS,
            allow_headers=["content-type", "authorization"],
        )
    ]
    return Starlette(
        routes=[Mount("", app=Dispatcher(settings, router))],
        middleware=cross_origin if settings.allowed_origins else [],
        lifespan=lifespan,
    )


def endpoints(settings: Settings) -> tuple[routes.Endpoint, ...]:
    """The endpoints that a server of these settings has."""
    return routes.ARTIFACTS_ONLY if settings.artifacts_only else routes.ALL


def board_width(settings: Settings) -> int:
    """How many numbers a worker keeps."""
    return width(len(endpoints(settings)) + 1)


def open_service(settings: Settings, board: Path | None = None) -> Service:
    """Open the store and the places of artifacts.

    Raises:
        FlavorkitError: one of them cannot be opened.
    """
    named = [endpoint.name for endpoint in endpoints(settings)]
    rows = settings.workers * 2 if board is not None else 1
    metrics = Metrics([*named, "other"], Board(board, rows, board_width(settings)))
    return Service(
        settings, open_store(settings.store_uri, settings.artifact_root), places(settings), metrics
    )


def places(settings: Settings) -> Places:
    """The places of artifacts that an operator has named."""
    proxied = open_storage(settings.artifacts_destination) if settings.serves_artifacts else None
    root = settings.default_artifact_root
    return Places(proxied, ((root, open_storage(root)),) if root is not None else ())


async def _stop_without(parent: int) -> None:
    """End this worker when nobody would stop it any more."""
    while os.getppid() == parent:
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def open_storage(uri: str) -> ArtifactStorage:
    """A place of artifacts, by its URI or path."""
    parts = urlsplit(uri)
    return LocalArtifactRepository(Path(unquote(parts.path) if parts.scheme == "file" else uri))
