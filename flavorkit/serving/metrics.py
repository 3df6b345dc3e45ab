"""What a server counts and measures, for all its workers together.

Each worker writes into its row of a :class:`~flavorkit.web.board.Board`, which takes well under
a microsecond; whichever worker is asked adds the rows up and writes them in Prometheus' text format
(https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from flavorkit.web.board import Board

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0)
STATUSES = (
    *("200", "400", "403", "404", "405", "408", "413", "415", "429", "431"),
    *("499", "500", "501", "503", "504", "other"),
)
STAGES = ("decode", "queue", "predict", "encode")


@dataclass(frozen=True)
class Metric:
    """One metric and the values of its one label, if it has one."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    label: str | None = None
    values: tuple[str, ...] = ("",)
    bounds: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers one value of the label takes: buckets, the one above them, the sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


METRICS = (
    Metric(
        "flavorkit_requests",
        "Requests to the model, by the status of the answer.",
        "counter",
        label="status",
        values=STATUSES,
    ),
    Metric(
        "flavorkit_request_seconds",
        "Time from the last byte of a request to its answer.",
        "histogram",
        bounds=SECONDS,
    ),
    Metric(
        "flavorkit_stage_seconds",
        "Time in each stage of a request.",
        "histogram",
        label="stage",
        values=STAGES,
        bounds=SECONDS,
    ),
    Metric(
        "flavorkit_batch_rows",
        "Rows that the model was called with at once.",
        "histogram",
        bounds=SIZES,
    ),
    Metric(
        "flavorkit_batch_requests",
        "Requests that shared one call of the model.",
        "histogram",
        bounds=SIZES,
    ),
    Metric("flavorkit_queue_depth", "Requests that wait for the model.", "gauge"),
    Metric("flavorkit_in_flight", "Requests that are being answered.", "gauge"),
    Metric("flavorkit_connections", "Open connections.", "gauge"),
    Metric("flavorkit_workers_ready", "Workers that are ready for requests.", "gauge"),
    Metric("flavorkit_worker_starts", "Workers that were started.", "counter"),
    Metric("flavorkit_worker_kills", "Workers that were ended because a call overran.", "counter"),
)


def _places() -> tuple[dict[tuple[str, str], int], int]:
    places, free = {}, 0
    for metric in METRICS:
        for value in metric.values:
            places[metric.name, value] = free
            free += metric.width
    return places, free


_PLACES, WIDTH = _places()
_NAMED = {metric.name: metric for metric in METRICS}


def board(workers: int) -> Board:
    """A board for so many workers, and a last row for the process that watches them."""
    return Board(workers + 1, WIDTH)


class Tally:
    """One counter or gauge of one worker."""

    def __init__(self, row: memoryview[float], name: str, value: str = "") -> None:
        self._row, self._place = row, _PLACES[name, value]
        if _NAMED[name].kind == "gauge":
            self.set(0)  # what the worker before this one had open is gone

    def add(self, amount: float = 1) -> None:
        """Count."""
        self._row[self._place] += amount

    def set(self, amount: float) -> None:
        """Say how much there is."""
        self._row[self._place] = amount


class Histogram:
    """One histogram of one worker."""

    def __init__(self, row: memoryview[float], name: str, value: str = "") -> None:
        self._row, self._first = row, _PLACES[name, value]
        self._bounds = _NAMED[name].bounds
        self._sum = self._first + len(self._bounds) + 1

    def observe(self, amount: float) -> None:
        """Count ``amount`` in its bucket."""
        self._row[self._first + bisect_left(self._bounds, amount)] += 1
        self._row[self._sum] += amount


class Metrics:
    """All that one worker counts; used on its event loop only."""

    def __init__(self, row: memoryview[float] | None = None) -> None:
        row = Board(1, WIDTH).row(0) if row is None else row
        self.requests = {status: Tally(row, "flavorkit_requests", status) for status in STATUSES}
        self.request_seconds = Histogram(row, "flavorkit_request_seconds")
        self.stages = {stage: Histogram(row, "flavorkit_stage_seconds", stage) for stage in STAGES}
        self.batch_rows = Histogram(row, "flavorkit_batch_rows")
        self.batch_requests = Histogram(row, "flavorkit_batch_requests")
        self.queue_depth = Tally(row, "flavorkit_queue_depth")
        self.in_flight = Tally(row, "flavorkit_in_flight")
        self.connections = Tally(row, "flavorkit_connections")
        self.ready = Tally(row, "flavorkit_workers_ready")

    def connected(self, count: int) -> None:
        """There are so many connections now."""
        self.connections.set(count)

    def answered(self, status: int) -> None:
        """Count an answer."""
        self.requests.get(str(status), self.requests["other"]).add()


def exposition(numbers: Board, info: Mapping[str, str]) -> bytes:
    """All metrics in Prometheus' text format.

    Args:
        numbers: the board.
        info: what ``flavorkit_model_info`` says of the model; nothing while it is not known.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(numbers, info))
    text: bytes = generate_latest(registry)
    return text


class _Collector:
    """Adapts a board to prometheus-client."""

    def __init__(self, numbers: Board, info: Mapping[str, str]) -> None:
        self._numbers, self._info = numbers, info

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import InfoMetricFamily

        for metric in METRICS:
            yield self._family(metric)
        if self._info:
            yield InfoMetricFamily("flavorkit_model", "The model that is served.", dict(self._info))

    def _family(self, metric: Metric) -> Any:
        from prometheus_client import core

        kinds: dict[str, Any] = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }
        labels = [metric.label] if metric.label else []
        family = kinds[metric.kind](metric.name, metric.help, labels=labels)
        for value in metric.values:
            first = _PLACES[metric.name, value]
            totals = self._numbers.totals(range(first, first + metric.width))
            label_values = [value] if metric.label else []
            if metric.kind == "histogram":
                bounds = [*map(str, metric.bounds), "+Inf"]
                buckets = list(zip(bounds, accumulate(totals[:-1]), strict=True))
                family.add_metric(label_values, buckets, totals[-1])
            else:
                family.add_metric(label_values, totals[0])
        return family
