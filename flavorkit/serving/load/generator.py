"""Load on a server for some time: by clients that wait for each answer, or at a fixed rate.

A closed loop finds what a server can do. An open loop is what users are: requests come whether or
not the server keeps up, and each is timed from the moment it was due, so that a server that stalls
is not spared the requests it kept from being sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from flavorkit.serving.load.client import Client, Target

LOST = "connection lost"


@dataclass(frozen=True)
class Plan:
    """How much load, for how long."""

    connections: int = 16
    seconds: float = 10.0
    warm_up_seconds: float = 2.0
    rate: float | None = None
    """Requests a second, evenly spaced; None sends the next when the one before is answered."""
    timeout_seconds: float = 60.0


@dataclass
class Result:
    """What came of it, after the warm-up."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds of each request that was answered with 200."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each status, or the loss of a connection."""
    unsent: int = 0
    """Requests that were due while all connections waited, until the end."""


async def run(
    target: Target,
    plan: Plan,
    on_progress: Callable[[float, int], None] = lambda seconds, requests: None,
) -> Result:
    """Put load on ``target``.

    Args:
        target: what is called.
        plan: how much, and how long.
        on_progress: called now and then with the seconds that have passed, and the requests.

    Raises:
        OSError: the first request gets no answer.
    """
    first = Client(target)
    try:
        await first.call()
    finally:
        await first.close()
    if plan.warm_up_seconds:
        await _load(target, plan, plan.warm_up_seconds, on_progress, 0.0)
    return await _load(target, plan, plan.seconds, on_progress, plan.warm_up_seconds)


async def _load(
    target: Target,
    plan: Plan,
    seconds: float,
    on_progress: Callable[[float, int], None],
    before: float,
) -> Result:
    result = Result()
    clients = [Client(target) for _ in range(plan.connections)]
    begun = time.perf_counter()
    end = begun + seconds
    drive = _closed if plan.rate is None else _open
    driving = asyncio.gather(drive(clients, plan, end, result), return_exceptions=True)
    while not driving.done():
        await asyncio.wait([driving], timeout=0.2)
        passed = before + min(time.perf_counter() - begun, seconds)
        on_progress(passed, sum(result.outcomes.values()))
    result.seconds = time.perf_counter() - begun
    for client in clients:
        await client.close()
    (error,) = driving.result()
    if error is not None:
        raise error
    return result


async def _closed(clients: list[Client], plan: Plan, end: float, result: Result) -> None:
    async def drive(client: Client) -> None:
        while (now := time.perf_counter()) < end:
            await _call(client, plan, now, result)

    await asyncio.gather(*map(drive, clients))


async def _open(clients: list[Client], plan: Plan, end: float, result: Result) -> None:
    assert plan.rate is not None
    due: asyncio.Queue[float | None] = asyncio.Queue()

    async def drive(client: Client) -> None:
        while (moment := await due.get()) is not None:
            await _call(client, plan, moment, result)

    drivers = [asyncio.create_task(drive(client)) for client in clients]
    begun = time.perf_counter()
    count = 0
    while (now := time.perf_counter()) < end:
        while (moment := begun + count / plan.rate) <= now:
            due.put_nowait(moment)
            count += 1
        await asyncio.sleep(min(max(moment - now, 0.0), 0.01))
    while not due.empty():
        due.get_nowait()
        result.unsent += 1
    for _ in drivers:
        due.put_nowait(None)
    await asyncio.gather(*drivers)


async def _call(client: Client, plan: Plan, since: float, result: Result) -> None:
    try:
        status = await asyncio.wait_for(client.call(), plan.timeout_seconds)
    except TimeoutError:
        await client.close()
        result.outcomes["timeout"] += 1
    except OSError:
        result.outcomes[LOST] += 1
        await asyncio.sleep(0.01)  # a server that refuses is not to be called in a tight loop
    else:
        result.outcomes[str(status)] += 1
        if status == 200:
            result.latencies.append(time.perf_counter() - since)
