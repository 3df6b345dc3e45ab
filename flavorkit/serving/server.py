"""One process that serves: the application behind a listening socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from flavorkit.serving.app import Loader, create_app
from flavorkit.serving.service import Service, Shared
from flavorkit.serving.settings import Settings
from flavorkit.web.connections import Connection, Janitor
from flavorkit.web.listening import BACKLOG, Acceptor

_TICK_SECONDS = 0.1
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
    config = uvicorn.Config(
        app,
        loop="auto",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on who says they called
        timeout_graceful_shutdown=math.ceil(settings.grace_seconds),
    )
    _Server(config, settings, services, on_ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, with connections that keep limits, and a stop that loses nothing."""

    def __init__(
        self,
        config: uvicorn.Config,
        settings: Settings,
        services: list[Service],
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._settings, self._services, self._on_ready = settings, services, on_ready
        self._janitor: Janitor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(3)
        assert sockets is not None
        (service,), (listener,) = self._services, sockets
        janitor = self._janitor = Janitor(self._settings.limits, service.metrics)
        listener.listen(BACKLOG)

        def connection() -> asyncio.Protocol:
            return Connection(
                janitor,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        self.servers = [Acceptor(listener, connection, janitor.close_oldest)]  # type: ignore[list-item]
        self.started = True
        _leave_out_of_collections()
        self._on_ready()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            if counter % 10 == 0 and self._janitor is not None:
                self._janitor.sweep()
            await asyncio.sleep(_TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        (service,), janitor = self._services, self._janitor
        service.drain()
        if janitor is not None:
            janitor.is_draining = True
        if not service.shared.watch.is_hurried:
            # Whoever sends requests here learns that this server stops, and goes elsewhere.
            await self._pause(self._settings.drain_seconds)
        for server in self.servers:
            server.close()
            await server.wait_closed()
        self.servers = []
        await super().shutdown([])

    async def _pause(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not self.force_exit and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_TICK_SECONDS / 2)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT:  # somebody at a terminal, who waits
            self._services[0].shared.watch.is_hurried = True
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The base class raises the signal again when it is done, which ends the process by it.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _leave_out_of_collections() -> None:
    """Have the garbage collector leave alone what is there: the model, and all that is imported.

    The lists of large requests make it look at everything again and again, and one look at a
    framework takes a fifth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
