"""Logged models on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.tracking.entities import LoggedModel, LoggedModelStatus
from flavorkit.tracking.search.order import LoggedModelOrder
from flavorkit.tracking.wire import metrics
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import (
    Message,
    flag,
    integer,
    many,
    nested,
    one_of,
    optional,
    required,
    text,
)
from flavorkit.tracking.wire.values import (
    Json,
    key_and_value,
    pair,
    pairs,
    read_pairs,
    without_empty,
)

STATUS_NAMES = {
    LoggedModelStatus.UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
_STATUSES = {name: status for status, name in STATUS_NAMES.items()}
_status = one_of({name: number for number, name in enumerate(STATUS_NAMES.values())})

_DATASET = Message(dataset_name=required(text), dataset_digest=optional(text))
_ORDER = Message(
    field_name=required(text),
    ascending=optional(flag, True),
    dataset_name=optional(text),
    dataset_digest=optional(text),
)
_ONE = Message(model_id=required(text))
_pairs = many(pair(key_and_value))

CREATE = Call(
    "POST",
    "mlflow/logged-models",
    Message(
        experiment_id=required(text),
        name=optional(text),
        model_type=optional(text),
        source_run_id=optional(text),
        params=optional(_pairs, ()),
        tags=optional(_pairs, ()),
    ),
)
GET = Call("GET", "mlflow/logged-models/{model_id}", _ONE)
FINALIZE = Call(
    "PATCH",
    "mlflow/logged-models/{model_id}",
    Message(model_id=required(text), status=required(_status)),
)
DELETE = Call("DELETE", "mlflow/logged-models/{model_id}", _ONE)
LOG_PARAMS = Call(
    "POST",
    "mlflow/logged-models/{model_id}/params",
    Message(model_id=required(text), params=optional(_pairs, ())),
)
SET_TAGS = Call(
    "PATCH",
    "mlflow/logged-models/{model_id}/tags",
    Message(model_id=required(text), tags=optional(_pairs, ())),
)
DELETE_TAG = Call(
    "DELETE",
    "mlflow/logged-models/{model_id}/tags/{tag_key:path}",
    Message(model_id=required(text), tag_key=required(text)),
)
SEARCH = Call(
    "POST",
    "mlflow/logged-models/search",
    Message(
        experiment_ids=required(many(text)),
        filter=optional(text),
        datasets=optional(many(nested(_DATASET, without_empty)), ()),
        max_results=optional(integer, 50),
        order_by=optional(many(nested(_ORDER, lambda given: LoggedModelOrder(**given))), ()),
        page_token=optional(text),
    ),
)
LIST_ARTIFACTS = Call(
    "GET",
    "mlflow/logged-models/{model_id}/artifacts/directories",
    Message(
        model_id=required(text),
        artifact_directory_path=optional(text),
        page_token=optional(text),
    ),
)


def status_of(name: str) -> LoggedModelStatus:
    """The status of a name on the wire."""
    return _STATUSES[name]


def order_to_json(order: LoggedModelOrder) -> Json:
    """One term of an order, as a request has it."""
    return without_empty(
        {
            "field_name": order.field_name,
            "ascending": order.ascending,
            "dataset_name": order.dataset_name,
            "dataset_digest": order.dataset_digest,
        }
    )


def to_json(model: LoggedModel) -> Json:
    """A logged model as MLflow writes it."""
    info = without_empty(
        {
            "model_id": model.model_id,
            "experiment_id": model.experiment_id,
            "name": model.name,
            "creation_timestamp_ms": model.creation_timestamp,
            "last_updated_timestamp_ms": model.last_updated_timestamp,
            "artifact_uri": model.artifact_location,
            "status": STATUS_NAMES[model.status],
            "model_type": model.model_type,
            "source_run_id": model.source_run_id,
            "status_message": model.status_message,
            "tags": pairs(model.tags),
        }
    )
    data = without_empty(
        {
            "params": pairs(model.params),
            "metrics": [metrics.to_json(metric) for metric in model.metrics],
        }
    )
    return {"info": info, "data": data}


def from_json(content: Mapping[str, Any]) -> LoggedModel:
    """The logged model that a server wrote."""
    info, data = content["info"], content.get("data", {})
    return LoggedModel(
        model_id=info["model_id"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("name", ""),
        artifact_location=info.get("artifact_uri", ""),
        creation_timestamp=int(info.get("creation_timestamp_ms", 0)),
        last_updated_timestamp=int(info.get("last_updated_timestamp_ms", 0)),
        model_type=info.get("model_type") or None,
        source_run_id=info.get("source_run_id") or None,
        status=_STATUSES.get(info.get("status", ""), LoggedModelStatus.UNSPECIFIED),
        status_message=info.get("status_message") or None,
        tags=read_pairs(info.get("tags")),
        params=read_pairs(data.get("params")),
        metrics=[metrics.from_json(metric) for metric in data.get("metrics", ())],
    )
