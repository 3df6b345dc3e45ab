"""Experiments on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.tracking.entities import Experiment, LifecycleStage
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import Message, integer, many, optional, required, text
from flavorkit.tracking.wire.values import (
    Json,
    key_and_value,
    pair,
    pairs,
    read_integer,
    read_pairs,
    view_type,
)

_ONE = Message(experiment_id=required(text))
_SEARCH = Message(
    max_results=optional(integer, 1000),
    page_token=optional(text),
    filter=optional(text),
    order_by=optional(many(text), ()),
    view_type=optional(view_type, "ACTIVE_ONLY"),
)

CREATE = Call(
    "POST",
    "mlflow/experiments/create",
    Message(
        name=required(text),
        artifact_location=optional(text),
        tags=optional(many(pair(key_and_value)), ()),
    ),
)
GET = Call("GET", "mlflow/experiments/get", _ONE)
GET_BY_NAME = Call("GET", "mlflow/experiments/get-by-name", Message(experiment_name=required(text)))
SEARCH = Call("POST", "mlflow/experiments/search", _SEARCH)
SEARCH_BY_GET = Call("GET", "mlflow/experiments/search", _SEARCH)
UPDATE = Call(
    "POST",
    "mlflow/experiments/update",
    Message(experiment_id=required(text), new_name=required(text)),
)
DELETE = Call("POST", "mlflow/experiments/delete", _ONE)
RESTORE = Call("POST", "mlflow/experiments/restore", _ONE)
SET_TAG = Call(
    "POST",
    "mlflow/experiments/set-experiment-tag",
    Message(experiment_id=required(text), key=required(text), value=optional(text, "")),
)
DELETE_TAG = Call(
    "POST",
    "mlflow/experiments/delete-experiment-tag",
    Message(experiment_id=required(text), key=required(text)),
)


def to_json(experiment: Experiment) -> Json:
    """An experiment as MLflow writes it."""
    content: Json = {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle_stage,
    }
    if experiment.last_update_time is not None:
        content["last_update_time"] = experiment.last_update_time
    if experiment.creation_time is not None:
        content["creation_time"] = experiment.creation_time
    if experiment.tags:
        content["tags"] = pairs(experiment.tags)
    return content


def from_json(content: Mapping[str, Any]) -> Experiment:
    """The experiment that a server wrote."""
    return Experiment(
        experiment_id=str(content["experiment_id"]),
        name=content["name"],
        artifact_location=content.get("artifact_location", ""),
        lifecycle_stage=content.get("lifecycle_stage", LifecycleStage.ACTIVE),
        tags=read_pairs(content.get("tags")),
        creation_time=read_integer(content.get("creation_time")),
        last_update_time=read_integer(content.get("last_update_time")),
    )
