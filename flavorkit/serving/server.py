"""Run a scoring application until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from flavorkit.errors import FlavorkitError
from flavorkit.serving.app import Loader, create_app
from flavorkit.serving.settings import Settings

KEEP_ALIVE_SECONDS = 15


class AddressError(FlavorkitError):
    """The address cannot be listened on."""


def serve(
    name: str,
    load: Loader,
    *,
    host: str,
    port: int,
    settings: Settings,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve one model; return when SIGTERM or SIGINT has come and all begun requests are answered.

    Args:
        name: the name the model is served under.
        load: loads it; what it raises is raised here.
        host: the address to listen on.
        port: the port, or 0 for any that is free.
        settings: the limits of the server.
        on_ready: called with the server's URL when the first request can be answered.

    Raises:
        AddressError: the address is in use, or not this machine's.
    """
    listener = _listen(host, port)
    # Loaded here rather than in the application, so that a model that cannot be is an error of the
    # command, not a server that fails to start.
    model = load()
    app = create_app({name: lambda: model}, settings)
    config = uvicorn.Config(
        app,
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=settings.log_requests,
        server_header=False,
        proxy_headers=False,  # nothing here depends on who says they called
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.grace_seconds),
    )
    bound = listener.getsockname()
    shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    server = _Server(config, lambda: on_ready(f"http://{shown}:{bound[1]}"))
    with _logging_off_the_hot_path():
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as exc:
        raise AddressError(
            f"cannot listen on {host}:{port} ({exc.strerror}); choose another with --port"
        ) from None
    return listener


class _Server(uvicorn.Server):
    """Says when it is ready, and ends with exit status 0 when it was told to end."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The base class raises the signal again when it is done, which ends the process by it.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def _logging_off_the_hot_path() -> Iterator[None]:
    """Write log lines from a thread of their own, so that no request waits for a disk."""
    pending: queue.SimpleQueue[Any] = queue.SimpleQueue()
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    listener = logging.handlers.QueueListener(pending, writer)
    handler = logging.handlers.QueueHandler(pending)
    loggers = [logging.getLogger(name) for name in ("flavorkit", "uvicorn")]
    for logger in loggers:
        logger.addHandler(handler)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        for logger in loggers:
            logger.removeHandler(handler)
