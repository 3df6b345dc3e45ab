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
from urllib.parse import unquote

from flavorkit.serving.load.client import Client, Target, is_good

LOST = "connection lost"
LATE = "timeout"
CLOSED_CONNECTIONS = 16
OPEN_CONNECTIONS = 1000
"""Enough that it is the server that is measured, and few enough for the open files of a process."""

OnProgress = Callable[[float, int], None]
"""Is told now and then how many seconds have passed, and how many requests have been answered."""


@dataclass(frozen=True)
class Plan:
    """How much load, for how long."""

    connections: int | None = None
    """How many there are, of an open loop how many there may be; None takes the default of each."""
    seconds: float = 10.0
    warm_up_seconds: float = 2.0
    rate: float | None = None
    """Requests a second, evenly spaced; None sends the next when the one before is answered."""
    timeout_seconds: float = 60.0

    @property
    def most_connections(self) -> int:
        """How many connections there may be."""
        default = CLOSED_CONNECTIONS if self.rate is None else OPEN_CONNECTIONS
        return default if self.connections is None else self.connections


@dataclass(frozen=True)
class Answer:
    """What the server says to one request."""

    status: int
    message: str
    """Why it failed; empty if it did not."""
    model: str
    """The name of the model that answered, where the server tells."""


@dataclass
class Result:
    """What came of it, after the warm-up."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    """Seconds of each request that was answered as it should."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each status, or the loss of a connection."""
    failures: dict[str, str] = field(default_factory=dict)
    """What the first of each outcome that is a failure said."""
    unsent: int = 0
    """Requests that were due while all connections waited, until the end."""
    connections: int = 0
    """How many connections were used at once."""
    is_interrupted: bool = False
    """Whether it was ended before its time."""


async def ask(target: Target, timeout_seconds: float) -> Answer:
    """Send one request, to find out whether there is anything to measure.

    Raises:
        OSError: nobody answers; a TimeoutError if only not in time.
    """
    client = Client(target)
    try:
        async with asyncio.timeout(timeout_seconds):
            status = await client.call()
        message = "" if is_good(status) else client.message
        return Answer(status, message, unquote(client.header("x-model").partition(";")[0]))
    except TimeoutError:
        raise TimeoutError(f"no answer within {timeout_seconds:g} s") from None
    finally:
        await client.close()


async def run(
    target: Target, plan: Plan, on_progress: OnProgress = lambda seconds, requests: None
) -> Result:
    """Put load on ``target``.

    If the task is cancelled, the result has what was measured so far, of a warm-up nothing.

    Args:
        target: what is called.
        plan: how much, and how long.
        on_progress: how far it is, warm-up and all.
    """
    sent = 0
    if plan.warm_up_seconds:
        warm_up = await _load(target, plan, plan.warm_up_seconds, on_progress)
        if warm_up.is_interrupted:
            return Result(is_interrupted=True)
        sent = warm_up.outcomes.total()
    return await _load(
        *(target, plan, plan.seconds),
        lambda seconds, requests: on_progress(plan.warm_up_seconds + seconds, sent + requests),
    )


async def _load(target: Target, plan: Plan, seconds: float, on_progress: OnProgress) -> Result:
    result = Result()
    begun = time.perf_counter()
    drive = _closed if plan.rate is None else _open
    clients: list[Client] = []
    driving = asyncio.create_task(drive(target, clients, plan, seconds, result))
    try:
        while not driving.done():
            await asyncio.wait([driving], timeout=0.2)
            passed = min(time.perf_counter() - begun, seconds)
            on_progress(passed, result.outcomes.total())
        await driving
    except asyncio.CancelledError:
        result.is_interrupted = True
        driving.cancel()
        await asyncio.wait([driving])
    result.seconds = time.perf_counter() - begun
    result.connections = len(clients)
    for client in clients:
        await client.close()
    return result


async def _closed(
    target: Target, clients: list[Client], plan: Plan, seconds: float, result: Result
) -> None:
    end = time.perf_counter() + seconds

    async def drive(client: Client) -> None:
        while (now := time.perf_counter()) < end:
            await _call(client, plan, now, result)

    clients += [Client(target) for _ in range(plan.most_connections)]
    async with asyncio.TaskGroup() as driving:
        for client in clients:
            driving.create_task(drive(client))


async def _open(
    target: Target, clients: list[Client], plan: Plan, seconds: float, result: Result
) -> None:
    assert plan.rate is not None
    due: asyncio.Queue[float | None] = asyncio.Queue()
    idle = 0

    async def drive(client: Client) -> None:
        nonlocal idle
        while (moment := await due.get()) is not None:
            idle -= 1
            await _call(client, plan, moment, result)
            idle += 1

    begun = time.perf_counter()
    count, total = 0, max(round(plan.rate * seconds), 1)
    async with asyncio.TaskGroup() as driving:
        try:
            while count < total:
                now = time.perf_counter()
                while count < total and (moment := begun + count / plan.rate) <= now:
                    due.put_nowait(moment)
                    count += 1
                    if due.qsize() > idle and len(clients) < plan.most_connections:
                        clients.append(Client(target))
                        driving.create_task(drive(clients[-1]))
                        idle += 1
                await asyncio.sleep(min(max(begun + count / plan.rate - now, 0.0), 0.01))
        finally:
            while not due.empty():
                due.get_nowait()
                result.unsent += 1
        for _ in clients:
            due.put_nowait(None)


async def _call(client: Client, plan: Plan, since: float, result: Result) -> None:
    try:
        # Not wait_for, which before Python 3.12 may lose a cancellation that comes with an answer.
        async with asyncio.timeout(plan.timeout_seconds):
            status = await client.call()
    except TimeoutError:
        await client.close()
        result.outcomes[LATE] += 1
        result.failures.setdefault(LATE, f"no answer within {plan.timeout_seconds:g} s")
    except OSError as exc:
        result.outcomes[LOST] += 1
        result.failures.setdefault(LOST, str(exc))
        await asyncio.sleep(0.01)  # a server that refuses is not to be called in a tight loop
    else:
        outcome = str(status)
        result.outcomes[outcome] += 1
        if is_good(status):
            result.latencies.append(time.perf_counter() - since)
        elif outcome not in result.failures:
            result.failures[outcome] = client.message
