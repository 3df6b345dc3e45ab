"""The load generator: it counts what it did, times it honestly, and says what went wrong."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.serving.load.client import Target
from flavorkit.serving.load.generator import LOST, Plan, Result, run
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
    assert len(result.latencies) == result.outcomes["200"] > 10
    # One request found out whether anybody answers, before the others.
    counted = metric(server, 'flavorkit_requests_total{status="200"}')
    assert counted == result.outcomes["200"] + 1


def test_in_an_open_loop_requests_are_sent_when_they_are_due(server):
    plan = Plan(connections=4, seconds=1, warm_up_seconds=0, rate=50)
    result = asyncio.run(run(target(server), plan))
    assert result.unsent + result.outcomes["200"] == pytest.approx(50, abs=1)


def test_in_an_open_loop_waiting_for_a_connection_is_waiting(start, tmp_path):
    """A server that takes five milliseconds, asked a thousand times a second over one connection."""
    server = start(odd.save(tmp_path / "m"), "--drain", "0")
    body = json.dumps({"inputs": [[odd.QUICK_NAP]]}).encode()
    plan = Plan(connections=1, seconds=1, warm_up_seconds=0, rate=1000)
    result = asyncio.run(run(target(server, body), plan))
    assert result.unsent > result.outcomes["200"] > 1
    assert result.latencies == sorted(result.latencies)
    assert result.latencies[-1] > 0.5


def test_the_warm_up_is_not_counted(server):
    seen = []
    plan = Plan(connections=1, seconds=0.2, warm_up_seconds=0.2)
    result = asyncio.run(run(target(server), plan, lambda done, count: seen.append(done)))
    assert 0.2 <= result.seconds < 0.4
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(0.4)


def test_what_the_server_refuses_is_an_outcome(server):
    plan = Plan(connections=1, seconds=0.1, warm_up_seconds=0)
    result = asyncio.run(run(target(server, b"{"), plan))
    assert set(result.outcomes) == {"400"}
    assert result.latencies == []


def test_a_server_that_is_not_there():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = Target.of(f"http://127.0.0.1:{probe.getsockname()[1]}", b"", "text/csv")
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            asyncio.run(run(nobody, Plan()))


def test_a_server_that_dies_is_an_outcome(start, iris_folder):
    server = start(iris_folder, "--drain", "0")

    def die(seconds, requests):
        if server.process.poll() is None:
            for pid in (server.process.pid, *server.workers()):
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


@pytest.mark.parametrize("url", ["https://x", "x:80", "ftp://x", "http://"])
def test_what_is_no_url_of_plain_http(url):
    with pytest.raises(ValueError, match="is not a URL that starts with http://"):
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
