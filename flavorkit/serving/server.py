"""One process that serves: the application behind a listening socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType

from flavorkit.serving.app import Application, Loader, create_app, past_the_router
from flavorkit.serving.service import Service, Shared
from flavorkit.serving.settings import Settings
from flavorkit.web.connections import Janitor
from flavorkit.web.server import TICK_SECONDS, Server

_YOUNG_OBJECTS = 20_000
"""After how many new objects the garbage collector looks at them; a large request has as many."""


def run(
    name: str,
    load: Loader,
    listener: socket.socket,
    settings: Settings,
    *,
    shared: Shared | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve one model; return when SIGTERM or SIGINT has come and all begun requests are answered.

    Args:
        name: the name the model is served under.
        load: loads it; what it raises is raised here.
        listener: a bound socket.
        settings: the limits of the server.
        shared: what it shares with other processes that serve the model.
        on_ready: called when the first request can be answered.
    """
    # Loaded here rather than in the application, so that a model that cannot be is an error of the
    # caller, not a server that fails to start.
    model = load()
    services: list[Service] = []
    app = create_app({name: lambda: model}, settings, shared=shared, on_service=services.append)
    _Server(past_the_router(app), settings, services, on_ready).run(sockets=[listener])


class _Server(Server):
    """A server that says for a while that it stops, and leaves the model out of collections.

    Args:
        app: the application.
        settings: the limits.
        services: what the endpoints share, once the application has started.
        on_ready: called when the first request can be answered.
    """

    def __init__(
        self,
        app: Application,
        settings: Settings,
        services: list[Service],
        on_ready: Callable[[], None],
    ) -> None:
        def ready() -> None:
            _leave_out_of_collections()
            on_ready()

        super().__init__(
            app,
            lambda: Janitor(settings.limits, services[0].metrics),
            settings.grace_seconds,
            ready,
        )
        self._settings, self._services = settings, services

    async def drain(self) -> None:
        (service,) = self._services
        service.drain()
        if not service.shared.watch.is_hurried:
            # Whoever sends requests here learns that this server stops, and goes elsewhere.
            await self._pause(self._settings.drain_seconds)

    async def _pause(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not self.force_exit and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(TICK_SECONDS / 2)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT:  # somebody at a terminal, who waits
            self._services[0].shared.watch.is_hurried = True
        super().handle_exit(sig, frame)


def _leave_out_of_collections() -> None:
    """Have the garbage collector leave alone what is there: the model, and all that is imported.

    The lists of large requests make it look at everything again and again, and one look at a
    framework takes a fifth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
