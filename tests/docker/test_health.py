"""A container asks its server whether it is ready, and waits for no answer for long."""

from __future__ import annotations

import contextlib
import os
import runpy
import socket
import threading

import pytest

from flavorkit.docker import health


@contextlib.contextmanager
def server(*answers: bytes):
    """The port of a server that takes one connection and sends these pieces, none to be silent.

    It leaves the connection open until the block ends.
    """
    asked = []
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                asked.append(connection.recv(1000))
                for piece in answers:
                    connection.sendall(piece)
                is_over.wait()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            is_over.set()
            thread.join()
    assert asked[0].startswith(b"GET /health/ready HTTP/1.1\r\nHost: ")


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "is_ready"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True),
        (b"HTTP/1.0 200", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}", False),
        (b"HTTP/1.1 2000 OK\r\n", False),
        (b"HTTP/1.1", False),
        (b"nonsense", False),
    ],
)
def test_only_the_status_200_is_ready(answer, is_ready):
    with server(answer) as port:
        assert health.is_ready(port) is is_ready


def test_nobody_there_is_not_ready(closed_port):
    assert health.is_ready(closed_port) is False


def test_silence_is_not_waited_for_beyond_its_limit(monkeypatch):
    monkeypatch.setattr(health, "_SECONDS", 0.01)
    with server() as port:
        assert health.is_ready(port) is False


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(("answer", "status"), [(b"HTTP/1.1 200 OK\r\n", 0), (b"nonsense", 1)])
def test_the_status_of_the_command_says_it(monkeypatch, answer, status):
    with server(answer) as port:
        monkeypatch.setitem(os.environ, "FLAVORKIT_PORT", str(port))
        with pytest.raises(SystemExit, match=rf"^{status}$"):
            runpy.run_module("flavorkit.docker.health", run_name="__main__")
