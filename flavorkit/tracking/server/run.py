"""Serving: the application behind a socket, in one process or in several on one database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.server import security
from flavorkit.tracking.server.app import board, create_app, open_service
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.server.workers import Workers
from flavorkit.web import logs
from flavorkit.web.connections import Janitor, Scope
from flavorkit.web.listening import BACKLOG, bind, url_of
from flavorkit.web.server import Server


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
    with contextlib.closing(bind(settings.host, settings.port)) as listener:
        # Opened here first, so that what is wrong is an error of the caller, and so that the tables
        # of a new database are made by one process.
        service = open_service(settings)
        url = f"{url_of(listener)}{settings.static_prefix}"
        if settings.workers == 1:
            with logs.off_the_hot_path(settings.log_format):
                server_of(settings, service, lambda: on_ready(url)).run(sockets=[listener])
            return
        service.close()
        listener.listen(BACKLOG)
        on_ready(url)
        with logs.at_once(settings.log_format):
            _watch(settings, listener)


def _watch(settings: Settings, listener: socket.socket) -> None:
    """Have several processes serve, and watch them."""
    numbers = board(settings)

    def work(seat: int, lifeline: int) -> None:
        with logs.off_the_hot_path(settings.log_format):
            opened = open_service(settings, numbers, seat)
            server = server_of(settings, opened, lambda: _end_without(lifeline))
            server.run(sockets=[listener])

    Workers(settings.workers, work, settings.grace_seconds, listener.close).watch()


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
    if settings.workers > 1 and not hasattr(os, "fork"):
        raise InvalidArgumentError("this system cannot fork processes; --workers is 1 here")
    prefix = settings.static_prefix
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise InvalidArgumentError(
            f"--static-prefix starts with '/' and does not end with it: {prefix!r} does not"
        )
    security.host_names(settings)
    security.check_origins(settings.allowed_origins)


def server_of(
    settings: Settings, service: Service, on_ready: Callable[[], None] = lambda: None
) -> Server:
    """The server of a service, which it closes in the end.

    Args:
        settings: the limits.
        service: what it works with.
        on_ready: called on the event loop when the first request can be answered.
    """
    return Server(
        create_app(settings, service),
        lambda: Janitor(settings.limits, service.metrics, _is_streamed),
        settings.grace_seconds,
        on_ready,
    )


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
