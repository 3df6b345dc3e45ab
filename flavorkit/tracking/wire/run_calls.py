"""The calls about runs."""

from __future__ import annotations

from typing import Any

from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Param,
    RunTag,
)
from flavorkit.tracking.wire import metrics
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import (
    Field,
    Message,
    integer,
    many,
    nested,
    one_of,
    optional,
    required,
    text,
)
from flavorkit.tracking.wire.runs import STATUSES
from flavorkit.tracking.wire.values import pair, view_type

_OLDER = {"run_uuid": "run_id"}
_DATASET = Message(
    name=required(text),
    digest=required(text),
    source_type=optional(text, ""),
    source=optional(text, ""),
    schema=optional(text),
    profile=optional(text),
)
_DATASET_INPUT = Message(
    tags=optional(many(pair(InputTag)), ()),
    dataset=required(nested(_DATASET, lambda given: Dataset(**given))),
)


def _message(**fields: Field) -> Message:
    return Message(_OLDER, run_id=required(text), **fields)


def _dataset_input(given: dict[str, Any]) -> DatasetInput:
    return DatasetInput(given["dataset"], tuple(given["tags"]))


_dataset = nested(_DATASET_INPUT, _dataset_input)
_model_input = nested(
    Message(model_id=required(text)), lambda given: LoggedModelInput(given["model_id"])
)
_model_output = nested(
    Message(model_id=required(text), step=optional(integer, 0)),
    lambda given: LoggedModelOutput(given["model_id"], given["step"]),
)

CREATE = Call(
    "POST",
    "mlflow/runs/create",
    Message(
        experiment_id=optional(text, "0"),
        user_id=optional(text),
        run_name=optional(text),
        start_time=optional(integer),
        tags=optional(many(pair(RunTag)), ()),
    ),
)
GET = Call("GET", "mlflow/runs/get", _message())
UPDATE = Call(
    "POST",
    "mlflow/runs/update",
    _message(
        status=optional(one_of(STATUSES)), end_time=optional(integer), run_name=optional(text)
    ),
)
DELETE = Call("POST", "mlflow/runs/delete", _message())
RESTORE = Call("POST", "mlflow/runs/restore", _message())
SEARCH = Call(
    "POST",
    "mlflow/runs/search",
    Message(
        experiment_ids=optional(many(text), ()),
        filter=optional(text),
        run_view_type=optional(view_type, "ACTIVE_ONLY"),
        max_results=optional(integer, 1000),
        order_by=optional(many(text), ()),
        page_token=optional(text),
    ),
)
LOG_METRIC = Call("POST", "mlflow/runs/log-metric", _message(**metrics.FIELDS))
LOG_PARAM = Call(
    "POST", "mlflow/runs/log-parameter", _message(key=required(text), value=optional(text, ""))
)
SET_TAG = Call(
    "POST", "mlflow/runs/set-tag", _message(key=required(text), value=optional(text, ""))
)
DELETE_TAG = Call("POST", "mlflow/runs/delete-tag", _message(key=required(text)))
LOG_BATCH = Call(
    "POST",
    "mlflow/runs/log-batch",
    _message(
        metrics=optional(many(metrics.one), ()),
        params=optional(many(pair(Param)), ()),
        tags=optional(many(pair(RunTag)), ()),
    ),
)
LOG_INPUTS = Call(
    "POST",
    "mlflow/runs/log-inputs",
    _message(datasets=optional(many(_dataset), ()), models=optional(many(_model_input), ())),
)
LOG_OUTPUTS = Call(
    "POST", "mlflow/runs/outputs", _message(models=optional(many(_model_output), ()))
)
LOG_MODEL = Call("POST", "mlflow/runs/log-model", _message(model_json=required(text)))
