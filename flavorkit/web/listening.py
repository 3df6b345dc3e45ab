"""The socket a server listens on, and the accepting of connections from it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from flavorkit.errors import FlavorkitError

BACKLOG = 2048
_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class AddressError(FlavorkitError):
    """The address cannot be listened on."""


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
        is_taken = exc.errno in {errno.EADDRINUSE, errno.EACCES}
        raise AddressError(
            f"cannot listen on {host}:{port} ({exc.strerror}); choose another with"
            f" {'--port' if is_taken else '--host'}"
        ) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """A URL of what listens there, for clients on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked up only
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Acceptor:
    """Accepts connections one at a time, so that those of a burst spread over all workers.

    Has what uvicorn asks of a server that asyncio made.

    Args:
        listener: a listening socket, perhaps shared with other processes.
        protocol: makes the protocol of each connection.
        make_room: called when this process may not open any more files.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        make_room: Callable[[], None],
    ) -> None:
        self._listener, self._protocol, self._make_room = listener, protocol, make_room
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._loop.add_reader(listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept what has come already, and no more."""
        if self._listener.fileno() < 0:
            return
        self._loop.remove_reader(self._listener.fileno())
        while self._accept():
            pass
        self._listener.close()

    async def wait_closed(self) -> None:
        """Wait until all that was accepted has a protocol."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> bool:
        try:
            connection, _ = self._listener.accept()
        except OSError as exc:
            if exc.errno in _OUT_OF_FILES:
                self._make_room()
            return False  # another worker was quicker, or the client has gone
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task: asyncio.Task[object] = self._loop.create_task(self._connect(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, connection: socket.socket) -> object:
        try:
            return await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()
            return None
