"""What a server counts: requests and their time by endpoint, and how many are at work.

The workers of a server share a file of plain numbers, of which each writes a part of its own, so
whichever is asked answers for all, and no number falls when a worker is replaced.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from flavorkit.web.board import Board

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
STATUSES = ("2xx", "400", "403", "404", "413", "429", "4xx", "500", "503", "5xx")
_WIDTH = len(STATUSES) + len(SECONDS) + 2
_IN_FLIGHT, _CONNECTIONS, _FIRST = range(3)


class Metrics:
    """What one worker counts, and all of them together.

    Args:
        endpoints: their names; the last stands for what is no endpoint.
        board: where the numbers are, as wide as :func:`width` says.
        seat: the number of this worker.
    """

    def __init__(self, endpoints: Sequence[str], board: Board, seat: int) -> None:
        self._endpoints, self._board = endpoints, board
        self._row = board.row(seat)
        # What the worker before this one had open and at work is gone.
        self._row[_IN_FLIGHT] = self._row[_CONNECTIONS] = 0

    def connected(self, count: int) -> None:
        """There are so many connections now."""
        self._row[_CONNECTIONS] = count

    def answered(self, status: int) -> None:
        """A request was answered before it became one."""
        self._row[_FIRST + (len(self._endpoints) - 1) * _WIDTH + _status(status)] += 1

    def begin(self) -> float:
        """A request has come; the time, to be handed to :meth:`end`."""
        self._row[_IN_FLIGHT] += 1
        return time.perf_counter()

    def end(self, endpoint: int, status: int | None, begun: float) -> None:
        """It was answered; ``status`` is None where that was counted already."""
        seconds = time.perf_counter() - begun
        row, first = self._row, _FIRST + endpoint * _WIDTH
        row[_IN_FLIGHT] -= 1
        if status is not None:
            row[first + _status(status)] += 1
        buckets = first + len(STATUSES)
        row[buckets + bisect_left(SECONDS, seconds)] += 1
        row[buckets + len(SECONDS) + 1] += seconds

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return bytes(generate_latest(registry))

    def collect(self) -> Iterator[Any]:
        """What prometheus-client asks of a collector."""
        from prometheus_client import core

        totals = self._board.totals(range(self._board.width))
        yield core.GaugeMetricFamily(
            "flavorkit_tracking_in_flight",
            "Requests that are being answered.",
            value=totals[_IN_FLIGHT],
        )
        yield core.GaugeMetricFamily(
            "flavorkit_tracking_connections", "Open connections.", value=totals[_CONNECTIONS]
        )
        requests = core.CounterMetricFamily(
            "flavorkit_tracking_requests",
            "Requests by endpoint and status of the answer.",
            labels=["endpoint", "status"],
        )
        seconds = core.HistogramMetricFamily(
            "flavorkit_tracking_request_seconds",
            "Time from the head of a request to its answer.",
            labels=["endpoint"],
        )
        bounds = [*map(str, SECONDS), "+Inf"]
        for number, endpoint in enumerate(self._endpoints):
            first = _FIRST + number * _WIDTH
            numbers = totals[first : first + _WIDTH]
            if not any(numbers):
                continue
            for status, count in zip(STATUSES, numbers, strict=False):
                if count:
                    requests.add_metric([endpoint, status], count)
            counts = accumulate(numbers[len(STATUSES) : -1])
            buckets = list(zip(bounds, counts, strict=True))
            seconds.add_metric([endpoint], buckets, numbers[-1])
        yield requests
        yield seconds


def width(endpoints: int) -> int:
    """How many numbers a worker keeps for so many endpoints."""
    return _FIRST + endpoints * _WIDTH


def _status(status: int) -> int:
    if status < 400:
        return 0
    name = str(status)
    return STATUSES.index(name if name in STATUSES else f"{name[0]}xx")
