"""uvicorn's server, with connections that keep limits, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from flavorkit.web.connections import Connection, Janitor
from flavorkit.web.listening import BACKLOG, Acceptor

TICK_SECONDS = 0.1


class Server(uvicorn.Server):
    """Serves an application until SIGTERM or SIGINT has come and all begun requests are answered.

    Args:
        app: the application, of ASGI.
        open_janitor: makes what keeps the limits, once the application has started.
        grace_seconds: how long begun requests get at the end.
        on_ready: called on the event loop when the first request can be answered.
    """

    def __init__(
        self,
        app: Any,
        open_janitor: Callable[[], Janitor],
        grace_seconds: float,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="auto",
                http=Connection,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing here depends on who says they called
                timeout_graceful_shutdown=math.ceil(grace_seconds),
            )
        )
        self._open_janitor, self._on_ready = open_janitor, on_ready
        self._janitor: Janitor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections from the one socket."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(3)
        assert sockets is not None
        (listener,) = sockets
        janitor = self._janitor = self._open_janitor()
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
            if counter % 10 == 0 and self._janitor is not None:
                self._janitor.sweep()
            await asyncio.sleep(TICK_SECONDS)

    async def drain(self) -> None:
        """What happens between the signal and the closing of the socket."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has begun, and no more."""
        if self._janitor is not None:
            self._janitor.is_draining = True
        await self.drain()
        for server in self.servers:
            server.close()
            await server.wait_closed()
        self.servers = []
        await super().shutdown([])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and return."""
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
