"""What is counted, over several workers, in Prometheus' format."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flavorkit.serving import metrics
from flavorkit.serving.metrics import METRICS, SECONDS, STATUSES, Metrics, exposition

INFO = {"name": "iris", "version": "3", "digest": "sha256:00"}


def samples(board):
    families = text_string_to_metric_families(exposition(board, INFO).decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def board():
    return metrics.board(2)


def test_counts_are_summed_over_workers(board):
    for worker, times in ((0, 3), (1, 4)):
        counted = Metrics(board.row(worker))
        for _ in range(times):
            counted.answered(200)
    found = samples(board)
    assert found["flavorkit_requests_total", "200"] == 7
    assert found["flavorkit_requests_total", "429"] == 0


def test_a_worker_that_replaces_another_goes_on_counting_and_begins_with_nothing_open(board):
    first = Metrics(board.row(0))
    first.answered(200)
    first.in_flight.add(5)
    first.ready.set(1)
    Metrics(board.row(0)).answered(200)
    found = samples(board)
    assert found["flavorkit_requests_total", "200"] == 2
    assert found["flavorkit_in_flight",] == 0
    assert found["flavorkit_workers_ready",] == 0


def test_histograms_have_cumulative_buckets_a_count_and_a_sum(board):
    for worker, seconds in ((0, 0.0001), (1, 0.0002), (1, 100.0)):
        Metrics(board.row(worker)).stages["predict"].observe(seconds)
    found = samples(board)
    name = "flavorkit_stage_seconds"
    assert found[f"{name}_bucket", "0.0001", "predict"] == 1
    assert found[f"{name}_bucket", "0.00025", "predict"] == 2
    assert found[f"{name}_bucket", "60.0", "predict"] == 2
    assert found[f"{name}_bucket", "+Inf", "predict"] == found[f"{name}_count", "predict"] == 3
    assert found[f"{name}_sum", "predict"] == pytest.approx(100.0003)
    assert found[f"{name}_count", "decode"] == 0


def test_a_status_that_has_no_place_of_its_own_is_counted_all_the_same(board):
    Metrics(board.row(0)).answered(418)
    assert samples(board)["flavorkit_requests_total", "other"] == 1


def test_the_model_is_named(board):
    found = samples(board)
    assert found["flavorkit_model_info", "sha256:00", "iris", "3"] == 1


def test_what_another_process_writes_is_seen(board):
    pid = os.fork()
    if pid == 0:
        Metrics(board.row(1)).answered(200)
        os._exit(0)
    os.waitpid(pid, 0)
    assert samples(board)["flavorkit_requests_total", "200"] == 1


def test_every_metric_is_there_and_no_two_share_a_place(board):
    numbers = board.row(0)
    for place in range(board.width):
        numbers[place] = 1.0
    found = samples(board)
    for metric in METRICS:
        suffix = {"counter": "_total", "gauge": "", "histogram": "_sum"}[metric.kind]
        for value in metric.values:
            labels = (value,) if metric.label else ()
            assert found[(metric.name + suffix, *labels)] == 1
    buckets = found["flavorkit_request_seconds_count",]
    assert buckets == len(SECONDS) + 1
    assert len(STATUSES) == len(set(STATUSES))
