"""Serving: the application behind a socket, in one process or in several on one database."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from flavorkit.errors import FlavorkitError, InvalidArgumentError
from flavorkit.tracking.server import board, security
from flavorkit.tracking.server.app import board_width, create_app, open_service
from flavorkit.tracking.server.settings import Settings

_BACKLOG = 2048


class AddressError(FlavorkitError):
    """The address cannot be listened on."""


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
    url = url_of(listener, settings.static_prefix)
    # Opened here first, so that what is wrong is an error of the caller, and so that the tables of
    # a new database are made by one process.
    service = open_service(settings)
    if settings.workers == 1:
        application = create_app(settings, opened=service)
        _Server(_config(settings, application), lambda: on_ready(url)).run(sockets=[listener])
        return
    service.close()
    with tempfile.TemporaryDirectory(prefix="flavorkit-server-") as folder:
        numbers = Path(folder, "numbers")
        rows = settings.workers * 2  # one that is ending, and the one that takes its place
        board.make(numbers, rows, board_width(settings))
        build = functools.partial(create_app, settings, board=numbers, parent=os.getpid())
        listener.listen(_BACKLOG)
        on_ready(url)
        Multiprocess(_config(settings, build, workers=settings.workers), sockets=[listener]).run()


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


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to an address; it does not listen yet.

    Raises:
        AddressError: the address is in use, or not this machine's.
    """
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
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket, prefix: str = "") -> str:
    """The URL of what listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{prefix}"


def _config(settings: Settings, app: object, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        factory=workers > 1,
        workers=workers,
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on who says they called
        timeout_graceful_shutdown=math.ceil(settings.grace_seconds),
        backlog=_BACKLOG,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends with status 0."""

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
        handle: Callable[[int, FrameType | None], None] = self.handle_exit
        before = {
            number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
