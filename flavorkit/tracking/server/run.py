"""Serving: the application behind a socket, in one process or in several on one database."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.server import security
from flavorkit.tracking.server.app import board, create_app, open_service
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.server.workers import Workers
from flavorkit.web import logs
from flavorkit.web.connections import Connection, Janitor, Scope
from flavorkit.web.listening import BACKLOG, Acceptor, bind, url_of

_TICK_SECONDS = 0.1


def serve(settings: Settings, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve until SIGTERM or SIGINT has come and all begun requests are answered.

    Args:
        settings: the places and limits.
        on_ready: called with the URL when the server listens.

    Raises:
        InvalidArgumentError: settings that make no sense, or an address that others can reach
            without ``accepts_no_auth``.
        AddressError: the address cannot be listened on.
        FlavorkitError: the store cannot be opened.
    """
    check(settings)
    listener = bind(settings.host, settings.port)
    url = f"{url_of(listener)}{settings.static_prefix}"
    # Opened here first, so that what is wrong is an error of the caller, and so that the tables of
    # a new database are made by one process.
    service = open_service(settings)
    if settings.workers == 1:
        with logs.off_the_hot_path(settings.log_format):
            Server(settings, service, lambda: on_ready(url)).run(sockets=[listener])
        return
    service.close()
    numbers = board(settings)

    def work(seat: int, lifeline: int) -> None:
        with logs.off_the_hot_path(settings.log_format):
            opened = open_service(settings, numbers, seat)
            Server(settings, opened, lambda: _end_without(lifeline)).run(sockets=[listener])

    listener.listen(BACKLOG)
    on_ready(url)
    with logs.at_once(settings.log_format):
        Workers(settings.workers, work, settings.grace_seconds).watch()


def check(settings: Settings) -> None:
    """Look at settings before anything is opened.

    Raises:
        InvalidArgumentError: they make no sense, or open the server to others unawares.
    """
    if not security.is_loopback(settings.host) and not settings.accepts_no_auth:
        raise InvalidArgumentError(
            f"at {settings.host} other machines can reach this server, and it asks nobody who they"
            " are: whoever reaches it reads, changes and deletes everything. Put a proxy that does"
            " in front of it; if that is meant, add --accept-no-auth"
        )
    prefix = settings.static_prefix
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise InvalidArgumentError(
            f"--static-prefix starts with '/' and does not end with it: {prefix!r} does not"
        )
    security.host_names(settings)
    security.check_origins(settings.allowed_origins)


class Server(uvicorn.Server):
    """uvicorn's server, with connections that keep limits; it ends with status 0 when told to.

    Args:
        settings: the limits.
        service: what it works with, which is closed in the end.
        on_ready: called on the event loop when the first request can be answered.
    """

    def __init__(
        self, settings: Settings, service: Service, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        config = uvicorn.Config(
            create_app(settings, service),
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
        super().__init__(config)
        self._on_ready = on_ready
        self._janitor = Janitor(settings.limits, service.metrics, _is_streamed)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(3)
        assert sockets is not None
        (listener,), janitor = sockets, self._janitor
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
        self._on_ready()

    async def main_loop(self) -> None:
        """Close connections that take too long, until told to stop."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            if counter % 10 == 0:
                self._janitor.sweep()
            await asyncio.sleep(_TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has begun."""
        self._janitor.is_draining = True
        for server in self.servers:
            server.close()
            await server.wait_closed()
        self.servers = []
        await super().shutdown([])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and end with status 0."""
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


def _is_streamed(scope: Scope) -> bool:
    """Whether the body is an artifact, which is written as it comes."""
    return bool(scope["method"] == "PUT")


def _end_without(lifeline: int) -> None:
    """End this worker when the process that watches it is no more: nobody would stop it."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(lifeline)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(lifeline, end)
