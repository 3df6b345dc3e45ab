"""Clients that are slow, silent, many, or speak something else: each limit of a connection."""

from __future__ import annotations

import contextlib
import json
import re
import socket

import pytest

from tests.serving.test_server import ROW, eventually

pytestmark = pytest.mark.xdist_group("connections")

BODY = json.dumps({"instances": [ROW]}).encode()
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def strict(start, iris_folder):
    """A server with no patience."""
    seconds = ("--header-seconds", "0.5", "--body-seconds", "0.5", "--idle-seconds", "0.5")
    return start(iris_folder, *seconds, "--max-connections", "8", "--drain", "0")


@contextlib.contextmanager
def connected(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        yield connection


def all_of(connection):
    """All that comes until the server closes; nothing if it resets the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def answer_on(connection):
    connection.sendall(REQUEST)
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


@pytest.mark.parametrize("sent", [b"POST", b"POST /invocations HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_head_that_does_not_end_is_given_up(strict, sent):
    with connected(strict) as connection:
        connection.sendall(sent)
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"{"])
def test_a_body_that_does_not_end_is_given_up(strict, sent):
    with connected(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + sent)
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_does_not_end_is_counted_once(strict):
    def counted(status):
        with connected(strict) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = all_of(connection).decode()
        return float(re.search(rf'requests_total{{status="{status}"}} ([0-9.]+)', text)[1])

    before = counted(408), counted(499)
    with connected(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")
    assert (counted(408), counted(499)) == (before[0] + 1, before[1])


def test_a_body_behind_another_request_that_does_not_end_is_given_up(strict):
    with connected(strict) as connection:
        connection.sendall(REQUEST + HEAD + b"Content-Length: 100\r\n\r\n{")
        received = all_of(connection)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in received


def test_a_connection_without_requests_is_closed(strict):
    with connected(strict) as connection:
        assert answer_on(connection).startswith(b"HTTP/1.1 200 ")
        assert all_of(connection) == b""
    with connected(strict) as connection:
        assert all_of(connection) == b""


def test_a_new_client_gets_in_and_the_one_that_waits_longest_has_to_go(start, iris_folder):
    server = start(iris_folder, "--max-connections", "4", "--drain", "0")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(4)]
        for client in clients:
            answer_on(client)
        answer_on(clients[0])  # so that the second has waited longest
        newcomer = stack.enter_context(connected(server))
        assert answer_on(newcomer).startswith(b"HTTP/1.1 200 ")
        assert all_of(clients[1]) == b""
        assert answer_on(clients[0]).startswith(b"HTTP/1.1 200 ")


def test_many_silent_clients_keep_nobody_out(strict):
    with contextlib.ExitStack() as stack:
        for number in range(100):
            silent = stack.enter_context(connected(strict))
            with contextlib.suppress(OSError):
                silent.sendall(
                    (b"", b"POST /inv", HEAD + b"Content-Length: 9\r\n\r\n{")[number % 3]
                )
            if number % 10 == 0:
                assert strict.invoke({"instances": [ROW]}).status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: y\r\n" % n for n in range(65)),
        b"X: " + b"y" * 16 * 1024 + b"\r\n",
        b"X" * 16 * 1024 + b": y\r\n",
    ],
    ids=["many", "a long value", "a long name"],
)
def test_heads_beyond_the_limit(strict, head):
    with connected(strict) as connection:
        connection.sendall(HEAD + head + b"\r\n")
        received = all_of(connection)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error_code"] == "BAD_REQUEST"


def test_a_head_without_end_is_refused_before_it_has_arrived(strict):
    with connected(strict) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000_000)
        assert all_of(connection)[:13] in {b"", b"HTTP/1.1 431 "}  # unless a reset overtakes it
    assert strict.invoke({"instances": [ROW]}).status == 200


FRAMES = {
    "no HTTP": b"\x16\x03\x01\x02\x00",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a length and chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an endless chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n",
    "a space before a colon": b"GET /ping HTTP/1.1\r\nHost : x\r\n\r\n",
    "a control character": b"GET /ping HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "a target that is no path": b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a folded header": b"GET /ping HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("case", FRAMES)
def test_what_is_no_request_is_refused_and_the_connection_closed(strict, case):
    with connected(strict) as connection:
        connection.sendall(FRAMES[case])
        received = all_of(connection)
    assert received.startswith(b"HTTP/1.1 4"), received
    assert b"Traceback" not in received


def test_tiny_chunks_are_put_together(strict):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    with connected(strict) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert b'{"predictions":[0]}' in all_of(connection)


def test_an_answer_comes_in_one_piece(strict):
    with connected(strict) as connection:
        connection.sendall(REQUEST)
        assert b"\r\n\r\n{" in connection.recv(65536)


def test_an_answer_without_a_body_is_complete(server):
    with connected(server) as connection:
        connection.sendall(b"HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).endswith(b"\r\n\r\n")
        assert answer_on(connection).startswith(b"HTTP/1.1 200 ")


def test_a_head_in_many_small_packets_is_as_large_as_in_one(strict):
    head = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 200) for n in range(50))
    with connected(strict) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(head), 100):
            connection.sendall(head[start : start + 100])
        connection.sendall(b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_field_behind_the_body_has_an_end_too(strict):
    with connected(strict) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: ")
        with contextlib.suppress(OSError):
            connection.sendall(b"y" * 1_000_000)
        assert all_of(connection)[:13] in {b"", b"HTTP/1.1 431 "}  # unless a reset overtakes it


def test_what_is_no_request_takes_nothing_from_the_answer_before_it(strict):
    with connected(strict) as connection:
        connection.sendall(REQUEST + b"nonsense\r\n\r\n")
        received = all_of(connection)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 400 ") == 1


def test_no_more_than_some_requests_wait_for_the_first(strict):
    with connected(strict) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(REQUEST * 2000)
        received = all_of(connection)
    assert 0 < received.count(b"HTTP/1.1 200 ") < 2000
    assert received.count(b"HTTP/1.1 400 ") == 1


def test_after_an_answer_that_came_before_the_body_the_connection_is_idle(strict):
    with connected(strict) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"{}")
        assert all_of(connection) == b""  # closed when it has been idle for too long


def test_expect_100_is_answered(strict):
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    with connected(strict) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert b'{"predictions":[0]}' in all_of(connection)


def test_an_upgrade_is_ignored(strict):
    with connected(strict) as connection:
        connection.sendall(
            b"GET /ping HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert all_of(connection).startswith(b"HTTP/1.1 200 ")


def test_after_all_that_it_serves_and_has_nothing_open(strict):
    assert strict.invoke({"instances": [ROW]}).status == 200
    assert not any("Traceback" in line for line in strict.log)
    eventually(lambda: b"\nflavorkit_connections 1.0\n" in strict.request("GET", "/metrics").body)
    assert b"\nflavorkit_in_flight 0.0\n" in strict.request("GET", "/metrics").body
