"""Endpoints of runs and of what is logged into them."""

from __future__ import annotations

from typing import Any

import orjson

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.entities import Metric, Param, RunTag, ViewType
from flavorkit.tracking.server.endpoints.experiments import page
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import metrics, runs
from flavorkit.tracking.wire.values import Json

MAX_BULK_RUNS = 100
_HISTORY_OF_MODELS = "mlflow.log-model.history"
_MANDATORY = ("artifact_path", "flavors", "utc_time_created", "run_id")


def create(service: Service, given: dict[str, Any]) -> Json:
    """Begin one."""
    run = service.store.create_run(
        given["experiment_id"] or "0",
        user_id=given["user_id"],
        start_time=given["start_time"],
        tags=given["tags"],
        run_name=given["run_name"] or None,
    )
    return {"run": runs.to_json(run)}


def get(service: Service, given: dict[str, Any]) -> Json:
    """One by its id."""
    return {"run": runs.to_json(service.store.get_run(given["run_id"]))}


def update(service: Service, given: dict[str, Any]) -> Json:
    """Change its status, end or name."""
    info = service.store.update_run(
        given["run_id"], given["status"], given["end_time"], given["run_name"] or None
    )
    return {"run_info": runs.info_to_json(info)}


def delete(service: Service, given: dict[str, Any]) -> Json:
    """Put one into the bin."""
    service.store.delete_run(given["run_id"])
    return {}


def restore(service: Service, given: dict[str, Any]) -> Json:
    """Take one out of the bin."""
    service.store.restore_run(given["run_id"])
    return {}


def search(service: Service, given: dict[str, Any]) -> Json:
    """A page of those that a filter lets through."""
    found = service.store.search_runs(
        given["experiment_ids"],
        given["filter"],
        view_type=ViewType.from_string(given["run_view_type"]),
        max_results=given["max_results"],
        order_by=given["order_by"],
        page_token=given["page_token"] or None,
    )
    return page("runs", [runs.to_json(one) for one in found], found.token)


def log_metric(service: Service, given: dict[str, Any]) -> Json:
    """Log one value."""
    service.store.log_metric(given["run_id"], metrics.read(given))
    return {}


def log_param(service: Service, given: dict[str, Any]) -> Json:
    """Log one parameter."""
    service.store.log_param(given["run_id"], Param(given["key"], given["value"]))
    return {}


def log_batch(service: Service, given: dict[str, Any]) -> Json:
    """Log all of it or nothing."""
    service.store.log_batch(given["run_id"], given["metrics"], given["params"], given["tags"])
    return {}


def set_tag(service: Service, given: dict[str, Any]) -> Json:
    """Set a tag."""
    service.store.set_tag(given["run_id"], RunTag(given["key"], given["value"]))
    return {}


def delete_tag(service: Service, given: dict[str, Any]) -> Json:
    """Delete a tag."""
    service.store.delete_tag(given["run_id"], given["key"])
    return {}


def log_inputs(service: Service, given: dict[str, Any]) -> Json:
    """Note what it used."""
    service.store.log_inputs(given["run_id"], given["datasets"], given["models"])
    return {}


def log_outputs(service: Service, given: dict[str, Any]) -> Json:
    """Note what it made."""
    service.store.log_outputs(given["run_id"], given["models"])
    return {}


def log_model(service: Service, given: dict[str, Any]) -> Json:
    """Note a model as clients of MLflow 2 do: in a tag, which keeps the newest that fit."""
    try:
        model = orjson.loads(given["model_json"])
    except orjson.JSONDecodeError:
        raise InvalidArgumentError("model_json is not valid JSON") from None
    missing = [key for key in _MANDATORY if not isinstance(model, dict) or key not in model]
    if missing:
        raise InvalidArgumentError(f"model_json lacks {', '.join(missing)}")
    before = service.store.get_run(given["run_id"]).data.tags.get(_HISTORY_OF_MODELS, "[]")
    try:
        known = orjson.loads(before)
    except orjson.JSONDecodeError:
        known = []
    noted = [*(known if isinstance(known, list) else []), model]
    while len(noted) > 1 and len(_text(noted)) > names.MAX_RUN_TAG_VALUE:
        noted.pop(0)
    service.store.set_tag(given["run_id"], RunTag(_HISTORY_OF_MODELS, _text(noted)))
    return {}


def get_history(service: Service, given: dict[str, Any]) -> Json:
    """The values of a metric."""
    found = service.store.get_metric_history(
        given["run_id"], given["metric_key"], given["max_results"], given["page_token"] or None
    )
    return page("metrics", [metrics.to_json(one) for one in found], found.token)


def get_history_bulk(service: Service, given: dict[str, Any]) -> Json:
    """The values of a metric of several runs, thinned."""
    if len(given["run_ids"]) > MAX_BULK_RUNS:
        raise InvalidArgumentError(f"at most {MAX_BULK_RUNS} run_ids at once")
    start, end = given["start_step"], given["end_step"]
    if start is not None and end is not None and start > end:
        raise InvalidArgumentError(f"start_step {start} comes after end_step {end}")
    found = service.store.get_metric_history_bulk(
        given["run_ids"],
        given["metric_key"],
        start_step=start,
        end_step=end,
        max_results=given["max_results"],
    )
    return page("metrics", [_bulk_to_json(one) for one in found], None)


def _bulk_to_json(metric: Metric) -> Json:
    return metrics.to_json(metric)


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
