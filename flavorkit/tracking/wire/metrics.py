"""Values of metrics on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.tracking.entities import Metric
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import (
    Field,
    Message,
    integer,
    many,
    nested,
    number,
    optional,
    required,
    text,
)
from flavorkit.tracking.wire.values import Json, double, read_double

FIELDS: dict[str, Field] = {
    "key": required(text),
    "value": required(number),
    "timestamp": required(integer),
    "step": optional(integer, 0),
    "model_id": optional(text),
    "dataset_name": optional(text),
    "dataset_digest": optional(text),
}

MAX_HISTORY = 25_000
"""How many values of a metric are in an answer; a token asks for the next."""

GET_HISTORY = Call(
    "GET",
    "mlflow/metrics/get-history",
    Message(
        {"run_uuid": "run_id"},
        run_id=required(text),
        metric_key=required(text),
        page_token=optional(text),
        max_results=optional(integer, MAX_HISTORY),
    ),
)
GET_HISTORY_BULK = Call(
    "GET",
    "mlflow/metrics/get-history-bulk-interval",
    Message(
        run_ids=required(many(text)),
        metric_key=required(text),
        start_step=optional(integer),
        end_step=optional(integer),
        max_results=optional(integer, 2_500),
    ),
)


def read(given: Mapping[str, Any]) -> Metric:
    """The metric of a request whose fields were read."""
    return Metric(
        given["key"],
        given["value"],
        given["timestamp"],
        given["step"],
        given["model_id"] or None,
        given["dataset_name"] or None,
        given["dataset_digest"] or None,
    )


one = nested(Message(**FIELDS), read)
"""Reads a metric that is a part of a request."""


def to_json(metric: Metric) -> Json:
    """A metric as MLflow writes it."""
    content: Json = {
        "key": metric.key,
        "value": double(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }
    if metric.dataset_name:
        content["dataset_name"] = metric.dataset_name
    if metric.dataset_digest:
        content["dataset_digest"] = metric.dataset_digest
    if metric.model_id:
        content["model_id"] = metric.model_id
    if metric.run_id:
        content["run_id"] = metric.run_id
    return content


def from_json(content: Mapping[str, Any], run_id: str | None = None) -> Metric:
    """The metric that a server wrote.

    Args:
        content: what it wrote.
        run_id: of its run, where that is not in it.
    """
    return Metric(
        key=content["key"],
        value=read_double(content.get("value", 0.0)),
        timestamp=int(content.get("timestamp", 0)),
        step=int(content.get("step", 0)),
        model_id=content.get("model_id") or None,
        dataset_name=content.get("dataset_name") or None,
        dataset_digest=content.get("dataset_digest") or None,
        run_id=content.get("run_id") or run_id,
    )
