"""The load generator: it counts what it did, times it honestly, and says what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import os
import signal
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.serving.load.client import Client, Target
from flavorkit.serving.load.generator import LATE, LOST, Plan, Result, ask, run
from flavorkit.serving.load.report import percentile, summary
from tests.serving import odd
from tests.serving.test_server import ROW
from tests.serving.test_workers import metric

BODY = json.dumps({"instances": [ROW]}).encode()


def target(server, body=BODY):
    return Target.of(f"http://127.0.0.1:{server.port}", body, "application/json")


def test_in_a_closed_loop_it_counts_what_the_server_counts(start, iris_folder):
    server = start(iris_folder, "--drain", "0")
    result = asyncio.run(run(target(server), Plan(connections=4, seconds=0.5, warm_up_seconds=0)))
    assert set(result.outcomes) == {"200"}
    assert len(result.latencies) == result.outcomes["200"] >= 4
    assert metric(server, 'flavorkit_requests_total{status="200"}') == result.outcomes["200"]
    assert result.connections == 4


def test_in_an_open_loop_requests_are_sent_when_they_are_due(server):
    plan = Plan(connections=4, seconds=1, warm_up_seconds=0, rate=50)
    result = asyncio.run(run(target(server), plan))
    assert result.unsent + result.outcomes["200"] == 50


def test_in_an_open_loop_waiting_for_a_connection_is_waiting(start, tmp_path):
    """A server that takes five milliseconds, asked a thousand times a second over one connection."""
    server = start(odd.save(tmp_path / "m"), "--drain", "0")
    body = json.dumps({"inputs": [[odd.QUICK_NAP]]}).encode()
    plan = Plan(connections=1, seconds=1, warm_up_seconds=0, rate=1000)
    result = asyncio.run(run(target(server, body), plan))
    assert result.unsent > result.outcomes["200"] > 1
    assert result.latencies == sorted(result.latencies)
    assert result.latencies[-1] > 0.5


class Crowded:
    """A server that answers when so many connections have asked, and all of them at once."""

    def __init__(self, needed, answer=b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"):
        self.needed, self.answers = needed, itertools.repeat(answer)
        self.waiting, self.serving = [], []

    async def serve(self, reader, writer):
        self.serving.append(asyncio.current_task())
        with contextlib.closing(writer), contextlib.suppress(OSError, EOFError):
            while await reader.readuntil(b"{}"):
                self.waiting.append(writer)
                if len({*self.waiting}) >= self.needed:
                    for one in self.waiting:
                        one.write(next(self.answers))
                    self.waiting.clear()

    async def measure(self, plan, task=run):
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            called = Target.of(f"http://127.0.0.1:{port}", b"{}", "application/json")
            result = await task(called, plan)
            await asyncio.gather(*self.serving)
            return result


def test_an_open_loop_opens_the_connections_it_needs():
    plan = Plan(seconds=0.5, warm_up_seconds=0, rate=100, timeout_seconds=0.2)
    result = asyncio.run(Crowded(8).measure(plan))
    assert result.connections >= 8
    assert result.unsent == 0
    assert result.outcomes["200"] > result.outcomes[LATE]


def test_an_open_loop_opens_no_more_connections_than_it_may():
    plan = Plan(connections=7, seconds=0.05, warm_up_seconds=0, rate=1000, timeout_seconds=1)
    result = asyncio.run(Crowded(8).measure(plan))
    assert result.connections == 7
    assert result.outcomes == {LATE: 7}
    assert result.failures == {LATE: "no answer within 1 s"}
    assert result.unsent == 43
    figures = summary(plan, result, None)
    assert (figures["unsent"], figures["unsent_share"]) == (43, 0.86)


@pytest.mark.parametrize(("rate", "most"), [(None, 16), (1, 1000)])
def test_how_many_connections_there_are_if_nobody_says(rate, most):
    assert Plan(rate=rate).most_connections == most
    assert Plan(rate=rate, connections=5).most_connections == 5


def test_the_warm_up_is_not_counted(server):
    seen, counts = [], []

    def advance(done, count):
        seen.append(done)
        counts.append(count)

    plan = Plan(connections=1, seconds=0.2, warm_up_seconds=0.2)
    begun = time.perf_counter()
    result = asyncio.run(run(target(server), plan, advance))
    assert 0.2 <= result.seconds <= time.perf_counter() - begun - 0.2
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(0.4)
    assert counts == sorted(counts)
    assert counts[-1] > result.outcomes["200"]


def interrupt_once(after):
    """As Ctrl-C, at the first report of so many requests. A second one would end the process."""
    reports = itertools.count()

    def advance(seconds, requests):
        if requests >= after and next(reports) == 0:
            signal.raise_signal(signal.SIGINT)

    return advance


@pytest.fixture
def ctrl_c():
    """Python's own handler of Ctrl-C, also where a framework has put its own in place."""
    own = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, own)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("rate", [None, 100], ids=["closed", "open"])
def test_what_is_interrupted_keeps_what_was_measured(server, rate):
    plan = Plan(connections=2, seconds=600, warm_up_seconds=0, rate=rate)
    result = asyncio.run(run(target(server), plan, interrupt_once(after=1)))
    assert result.is_interrupted
    assert result.outcomes["200"] == len(result.latencies) > 0
    assert result.seconds < 600


@pytest.mark.usefixtures("ctrl_c")
def test_of_an_interrupted_warm_up_nothing_is_kept(server):
    plan = Plan(connections=2, seconds=600, warm_up_seconds=600)
    result = asyncio.run(run(target(server), plan, interrupt_once(after=0)))
    assert result == Result(is_interrupted=True)


@pytest.mark.parametrize("turns", range(5))
def test_an_end_that_comes_together_with_an_answer_is_the_end(server, monkeypatch, turns):
    """However many turns of the event loop after the answer the client is told to end."""
    receive = Client.data_received
    answers, answers_at_the_end = [], []

    def after(turns, act):
        loop = asyncio.get_running_loop()
        loop.call_soon(act) if turns == 0 else loop.call_soon(after, turns - 1, act)

    def end():
        answers_at_the_end.append(len(answers))
        for task in asyncio.all_tasks():
            if task.get_coro().__name__ == "drive":
                task.cancel()

    def receive_and_end(client, data):
        answers.append(data)
        receive(client, data)
        after(turns, end)

    monkeypatch.setattr(Client, "data_received", receive_and_end)
    plan = Plan(connections=1, seconds=1, warm_up_seconds=0)
    # One, unless the server is quick enough to answer again within the turns.
    assert asyncio.run(run(target(server), plan)).outcomes.total() <= answers_at_the_end[0]


def test_what_the_server_refuses_is_an_outcome(server):
    plan = Plan(connections=1, seconds=0.1, warm_up_seconds=0)
    result = asyncio.run(run(target(server, b"{"), plan))
    assert set(result.outcomes) == set(result.failures) == {"400"}
    assert result.failures["400"].startswith("the body is not valid JSON")
    assert result.latencies == []


def test_of_each_status_the_first_message_is_kept():
    crowd = Crowded(1)
    bodies = [(503, b'{"message": "busy"}'), (500, b" <p>oops"), (503, b'{"message": "later"}')]
    answers = [
        b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
        for status, body in bodies
    ]
    crowd.answers = itertools.cycle(answers)
    plan = Plan(connections=1, seconds=0.2, warm_up_seconds=0)
    result = asyncio.run(crowd.measure(plan))
    assert result.failures == {"503": "busy", "500": "<p>oops"}


def test_one_request_says_who_answers(server):
    answer = asyncio.run(ask(target(server), 60))
    assert (answer.status, answer.message, answer.model) == (200, "", "iris")
    answer = asyncio.run(ask(target(server, b"{"), 60))
    assert (answer.status, answer.message[:26]) == (400, "the body is not valid JSON")


def test_one_request_that_nobody_answers_has_its_time():
    with pytest.raises(TimeoutError, match=r"^no answer within 0\.01 s$"):
        asyncio.run(Crowded(2).measure(0.01, ask))


def test_a_server_that_is_not_there():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = Target.of(f"http://127.0.0.1:{probe.getsockname()[1]}", b"", "text/csv")
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            asyncio.run(ask(nobody, 60))


def test_a_server_that_dies_is_an_outcome(start, iris_folder):
    server = start(iris_folder, "--drain", "0")

    def die(seconds, requests):
        if requests and server.process.poll() is None:
            for pid in (*server.workers(), server.process.pid):
                os.kill(pid, signal.SIGKILL)
            server.process.wait()

    plan = Plan(connections=2, seconds=1, warm_up_seconds=0)
    result = asyncio.run(run(target(server), plan, die))
    assert set(result.outcomes) == {"200", LOST}


def test_an_answer_that_comes_too_late_is_an_outcome(start, tmp_path):
    server = start(odd.save(tmp_path / "m"), "--drain", "0")
    body = json.dumps({"inputs": [[odd.QUICK_NAP]]}).encode()
    plan = Plan(connections=1, seconds=0.1, warm_up_seconds=0, timeout_seconds=0.001)
    result = asyncio.run(run(target(server, body), plan))
    assert set(result.outcomes) == {"timeout"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://x", b"POST /invocations HTTP"),
        ("http://x:81/", b"POST /invocations HTTP"),
        ("http://x/models/a", b"POST /models/a/invocations HTTP"),
        ("http://x/invocations", b"POST /invocations HTTP"),
    ],
)
def test_urls(url, path):
    assert Target.of(url, b"{}", "application/json").request.startswith(path)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://x", r"is not a URL that starts with http://$"),
        ("x:80", r"is not a URL that starts with http://$"),
        ("ftp://x", r"is not a URL that starts with http://$"),
        ("http://", r"^'http://' has no host; write http://host:port$"),
        ("http://:80/x", r" has no host; write http://host:port$"),
        ("http://x:99999", r"^'http://x:99999' is malformed: Port out of range"),
    ],
)
def test_what_is_no_url_of_plain_http(url, problem):
    with pytest.raises(ValueError, match=problem):
        Target.of(url, b"", "application/json")


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, percent):
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert sum(value <= found for value in ordered) >= len(ordered) * percent / 100 - 1e-9
    assert sum(value < found for value in ordered) < len(ordered) * percent / 100


def test_of_nothing_there_is_no_percentile():
    assert math.isnan(percentile([], 50))
    figures = summary(Plan(), Result(), None)
    assert set(figures["latency_ms"].values()) == {None}
    assert figures["requests_per_second"] == 0
    assert figures["rows_per_second"] is None


@pytest.mark.parametrize(("answers", "known"), [(99, 3), (100, 4), (999, 4), (1000, 5)])
def test_a_percentile_takes_as_many_answers_as_it_tells_apart(answers, known):
    result = Result(seconds=1.0, latencies=[0.002] * answers)
    names = [*summary(Plan(), result, None)["latency_ms"].items()]
    values = [value for name, value in names if name.startswith("p")]
    assert values == [2.0] * known + [None] * (5 - known)
