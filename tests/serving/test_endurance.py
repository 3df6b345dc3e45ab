"""Minutes of what goes wrong in production, against real servers; ``make test-long`` runs these."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import flavorkit
from flavorkit.serving.load.client import Client, Target
from tests.serving import odd
from tests.serving.test_server import eventually
from tests.serving.test_workers import metric

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def many_files():
    """This process holds the clients' ends of thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A model that is called on the event loop."""
    folder = tmp_path_factory.mktemp("quick") / "m"
    model = LinearRegression().fit(np.eye(4), range(4))
    flavorkit.save_model(model, folder, input_example=np.eye(4)[:1])
    return folder


DOUBLED = """
from flavorkit.models import set_model
def predict(model_input):
    return model_input * 2
set_model(predict)
"""


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """A model of no framework, whose workers start within a second or two."""
    home = tmp_path_factory.mktemp("light")
    (home / "doubled.py").write_text(DOUBLED)
    model = str(home / "doubled.py")
    flavorkit.pyfunc.save_model(home / "m", python_model=model, input_example=np.eye(4)[:1])
    return home / "m"


@pytest.fixture(scope="module")
def napping(tmp_path_factory):
    """A model that takes five milliseconds a row, and a call for each request."""
    return odd.save(tmp_path_factory.mktemp("napping") / "m")


def target(server, row, **headers):
    body = json.dumps({"inputs": [row]}).encode()
    found = Target.of(f"http://127.0.0.1:{server.port}", body, "application/json")
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    head, _, rest = found.request.partition(b"\r\n\r\n")
    return Target(found.host, found.port, head + b"\r\n" + more + b"\r\n" + rest)


NAP = [odd.QUICK_NAP]


async def crowd(number, drive):
    """``drive(client)`` for so many clients at once."""
    await asyncio.gather(*(drive(n) for n in range(number)))


def memory_of(server):
    """The megabytes that the workers hold for themselves."""
    total = 0
    for pid in server.workers():
        fields = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        private = [line for line in fields if line.startswith(("Private_Clean", "Private_Dirty"))]
        total += sum(int(line.split()[1]) for line in private)
    return total / 1000


def open_files_of(server):
    return sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in server.workers())


def threads_of(server):
    return sum(len([*Path(f"/proc/{pid}/task").iterdir()]) for pid in server.workers())


def test_a_worker_killed_every_two_seconds_costs_only_what_it_had_begun(start, light):
    server = start(light, "-w", "3", "--drain", "0")
    eventually(lambda: metric(server, "flavorkit_workers_ready") == 3)
    outcomes, kills = Counter(), []
    end = time.monotonic() + 20

    async def drive(number):
        client = Client(target(server, [0, 1, 2, 3]))
        while time.monotonic() < end:
            try:
                status = await client.call()
                outcomes["at once"] += status == 200
            except OSError:
                outcomes["lost"] += 1
                status = await client.call()
                outcomes["after one retry"] += status == 200
            assert status == 200
            await asyncio.sleep(
                0.02
            )  # the next worker needs the processor to start within two seconds
        await client.close()

    async def kill():
        while time.monotonic() < end - 2:
            await asyncio.sleep(2)
            victim = server.workers()[0]  # the one that has lived longest
            os.kill(victim, signal.SIGKILL)
            kills.append(victim)

    async def both():
        await asyncio.gather(crowd(16, drive), kill())

    asyncio.run(both())
    print(dict(outcomes), len(kills), "kills")
    assert len(set(kills)) >= 8
    assert outcomes["at once"] > 1000
    assert outcomes["after one retry"] == outcomes["lost"] <= 16 * len(kills)


def test_four_times_what_it_can_do_takes_nothing_from_what_it_does(start, napping):
    server = start(napping, "--max-waiting", "64", "--drain", "0")
    peak = asyncio.run(answered_per_second(server, seconds=5, connections=16))
    before = memory_of(server)
    rate, outcomes, refused = asyncio.run(overload(server, 4 * peak, seconds=20))
    print(f"peak {peak:.0f}/s, at four times {rate:.0f}/s, {dict(outcomes)}")
    print(f"a refusal took {statistics.median(refused) * 1000:.1f} ms; {before:.1f} MB before,")
    print(f"{memory_of(server):.1f} MB after")
    assert rate >= 0.9 * peak
    assert set(outcomes) == {200, 429}
    assert statistics.median(refused) < 64 / peak  # not after a place in the queue
    assert memory_of(server) < before + 10


async def answered_per_second(server, seconds, connections):
    count, end = 0, time.monotonic() + seconds

    async def drive(number):
        nonlocal count
        client = Client(target(server, NAP))
        while time.monotonic() < end:
            status = await client.call()
            count += status == 200
        await client.close()

    await crowd(connections, drive)
    return count / seconds


async def overload(server, rate, seconds):
    """An open loop: a request is due every ``1 / rate`` seconds, whatever the server does."""
    outcomes, refused = Counter(), []
    idle = [Client(target(server, NAP)) for _ in range(200)]
    begun, running = time.monotonic(), set()

    async def call():
        client, since = idle.pop(), time.monotonic()
        status = await client.call()
        outcomes[status] += 1
        if status == 429:
            refused.append(time.monotonic() - since)
        idle.append(client)

    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(begun + number / rate - time.monotonic(), 0))
        if idle:
            task = asyncio.create_task(call())
            running.add(task)
            task.add_done_callback(running.discard)
    took = time.monotonic() - begun
    answered = outcomes[200]
    await asyncio.gather(*running)
    for client in idle:
        await client.close()
    return answered / took, outcomes, refused


HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_thousands_of_slow_and_idle_connections_keep_nobody_out(start, quick):
    server = start(quick, "--drain", "0")
    with contextlib.ExitStack() as stack:
        for number in range(7000):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            stack.enter_context(client)
            unfinished = (HEAD, HEAD + b"Content-Length: 100\r\n\r\n{")[number % 2]
            if number < 2000:
                with contextlib.suppress(OSError):
                    client.sendall(unfinished)
            if number % 50 == 0:
                assert server.invoke({"inputs": [[0, 1, 2, 3]]}).status == 200
        assert metric(server, "flavorkit_connections") <= 1024
        assert open_files_of(server) < 1024 + 100
    eventually(lambda: metric(server, "flavorkit_connections") == 1)


def test_of_clients_that_vanish_little_is_computed(start, napping):
    server = start(napping, "--drain", "0")
    request = target(server, NAP).request

    def vanish():
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(request)

    calls = metric(server, "flavorkit_batch_requests_count")
    for _ in range(1000):
        vanish()
    assert server.invoke({"inputs": [NAP]}).status == 200
    eventually(lambda: metric(server, "flavorkit_in_flight") == 0)
    eventually(lambda: metric(server, "flavorkit_connections") == 1)
    assert metric(server, "flavorkit_queue_depth") == 0
    gone = metric(server, 'flavorkit_requests_total{status="499"}')
    computed = metric(server, "flavorkit_batch_requests_count") - calls
    print(f"of 1000 requests whose clients had gone, {gone:.0f} were dropped")
    assert gone + computed >= 1000
    assert gone > 500


def test_sigterm_under_load_loses_nothing(start, napping):
    server = start(napping, "-w", "2", "--drain", "1")
    eventually(lambda: metric(server, "flavorkit_workers_ready") == 2)
    answered, told = Counter(), []

    async def drive(number):
        """As behind a proxy, which sends no more to a server that closes its connections."""
        client = Client(target(server, NAP))
        while not told or client.is_open:
            answered[await client.call()] += 1
            if not client.is_open:
                told.append(number)
        await client.close()

    async def stop():
        while answered[200] < 100:
            await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)

    async def both():
        await asyncio.gather(crowd(32, drive), stop())

    asyncio.run(both())
    assert set(answered) == {200}
    assert server.process.wait(60) == 0


def test_half_a_million_predictions_leave_nothing_behind(start, quick):
    server = start(quick, "--drain", "0")

    async def predict(count):
        left = count

        async def drive(number):
            nonlocal left
            client = Client(target(server, [0, 1, 2, 3]))
            while left > 0:
                left -= 1
                assert await client.call() == 200
            await client.close()

        await crowd(16, drive)

    def held():
        eventually(lambda: metric(server, "flavorkit_connections") == 1)
        return memory_of(server), open_files_of(server), threads_of(server)

    asyncio.run(predict(50_000))
    before = held()
    asyncio.run(predict(450_000))
    after = held()
    print(f"MB, files, threads: {before} after 50,000 predictions, {after} after 500,000")
    assert after[0] < before[0] + 2
    assert after[1:] == before[1:]
    assert metric(server, 'flavorkit_requests_total{status="200"}') >= 500_000
