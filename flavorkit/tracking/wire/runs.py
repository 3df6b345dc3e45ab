"""Runs on the wire, and what is logged into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)
from flavorkit.tracking.wire import metrics
from flavorkit.tracking.wire.values import (
    Json,
    pairs,
    pairs_of,
    read_integer,
    read_pairs,
    without_empty,
)

STATUSES = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}


def info_to_json(info: RunInfo) -> Json:
    """What a run is, as MLflow writes it."""
    content: Json = {
        "run_id": info.run_id,
        "run_uuid": info.run_id,
        "run_name": info.run_name,
        "experiment_id": info.experiment_id,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time,
    }
    if info.end_time is not None:
        content["end_time"] = info.end_time
    if info.artifact_uri:
        content["artifact_uri"] = info.artifact_uri
    content["lifecycle_stage"] = info.lifecycle_stage
    return content


def info_from_json(content: Mapping[str, Any]) -> RunInfo:
    """What a run is, as a server wrote it."""
    run_id = content.get("run_id") or content["run_uuid"]
    return RunInfo(
        run_id=run_id,
        experiment_id=str(content["experiment_id"]),
        user_id=content.get("user_id", ""),
        status=content.get("status", "RUNNING"),
        start_time=int(content.get("start_time", 0)),
        end_time=read_integer(content.get("end_time")) or None,
        lifecycle_stage=content.get("lifecycle_stage", LifecycleStage.ACTIVE),
        artifact_uri=content.get("artifact_uri", ""),
        run_name=content.get("run_name", ""),
    )


def to_json(run: Run) -> Json:
    """A run, and what was logged into it, as MLflow writes it."""
    data: Json = {}
    if run.data.latest_metrics:
        data["metrics"] = [metrics.to_json(metric) for metric in run.data.latest_metrics]
    if run.data.params:
        data["params"] = pairs(run.data.params)
    if run.data.tags:
        data["tags"] = pairs(run.data.tags)
    inputs: Json = {}
    if run.inputs.dataset_inputs:
        inputs["dataset_inputs"] = datasets_to_json(run.inputs.dataset_inputs)
    if run.inputs.model_inputs:
        inputs["model_inputs"] = models_to_json(run.inputs.model_inputs)
    content: Json = {"info": info_to_json(run.info), "data": data, "inputs": inputs}
    if run.outputs.model_outputs:
        content["outputs"] = {"model_outputs": outputs_to_json(run.outputs.model_outputs)}
    return content


def from_json(content: Mapping[str, Any]) -> Run:
    """The run that a server wrote."""
    info = info_from_json(content["info"])
    data = content.get("data", {})
    inputs, outputs = content.get("inputs", {}), content.get("outputs", {})
    return Run(
        info=info,
        data=RunData(
            latest_metrics=[
                metrics.from_json(metric, info.run_id) for metric in data.get("metrics", ())
            ],
            params=read_pairs(data.get("params")),
            tags=read_pairs(data.get("tags")),
        ),
        inputs=RunInputs(
            dataset_inputs=tuple(map(_dataset_from_json, inputs.get("dataset_inputs", ()))),
            model_inputs=tuple(
                LoggedModelInput(model["model_id"]) for model in inputs.get("model_inputs", ())
            ),
        ),
        outputs=RunOutputs(
            tuple(
                LoggedModelOutput(model["model_id"], int(model.get("step", 0)))
                for model in outputs.get("model_outputs", ())
            )
        ),
    )


def datasets_to_json(datasets: Sequence[DatasetInput]) -> list[Json]:
    """Datasets that a run used."""
    return [
        without_empty(
            {"tags": pairs_of(one.tags), "dataset": _dataset_to_json(one.dataset)},
        )
        for one in datasets
    ]


def models_to_json(models: Sequence[LoggedModelInput]) -> list[Json]:
    """Logged models that a run used."""
    return [{"model_id": model.model_id} for model in models]


def outputs_to_json(models: Sequence[LoggedModelOutput]) -> list[Json]:
    """Logged models that a run made."""
    return [{"model_id": model.model_id, "step": model.step} for model in models]


def _dataset_to_json(dataset: Dataset) -> Json:
    content: Json = {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
    }
    if dataset.schema is not None:
        content["schema"] = dataset.schema
    if dataset.profile is not None:
        content["profile"] = dataset.profile
    return content


def _dataset_from_json(content: Mapping[str, Any]) -> DatasetInput:
    dataset = content["dataset"]
    tags = read_pairs(content.get("tags"))
    return DatasetInput(
        Dataset(
            name=dataset["name"],
            digest=dataset["digest"],
            source_type=dataset.get("source_type", ""),
            source=dataset.get("source", ""),
            schema=dataset.get("schema"),
            profile=dataset.get("profile"),
        ),
        tuple(InputTag(key, value) for key, value in tags.items()),
    )
