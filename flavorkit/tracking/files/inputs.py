"""What a run used and made: datasets and logged models, each a folder with a ``meta.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    RunInputs,
    RunOutputs,
)
from flavorkit.tracking.files import metadata
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    DATASETS,
    INPUTS,
    OUTPUTS,
    dataset_folder,
    input_folder,
    logged_model_folder,
)

_DATASET, _MODEL, _RUN = "DATASET", "MODEL", "RUN"
_RUN_OUTPUT, _MODEL_OUTPUT = "RUN_OUTPUT", "MODEL_OUTPUT"
_DATASET_FOLDER = re.compile(r"[0-9a-zA-Z]{1,64}\Z")


def write_datasets(run: Folder, run_id: str, datasets: Sequence[DatasetInput]) -> None:
    """Note the datasets that a run used; with the lock of the run only."""
    for used in datasets:
        dataset = used.dataset
        name = dataset_folder(dataset.name, dataset.digest)
        content = {
            "digest": dataset.digest,
            "name": dataset.name,
            "profile": dataset.profile,
            "schema": dataset.schema,
            "source": dataset.source,
            "source_type": dataset.source_type,
        }
        with run.parent() as experiment, experiment.make(DATASETS) as folder:
            metadata.write_new(run, folder, name, content)
        tags = {tag.key: tag.value for tag in used.tags}
        _write_input(run, run_id, _DATASET, name, tags)


def write_models(run: Folder, run_id: str, models: Sequence[LoggedModelInput]) -> None:
    """Note the logged models that a run used; with the lock of the run only."""
    for model in models:
        _write_input(run, run_id, _MODEL, logged_model_folder(model.model_id), {})


def write_outputs(run: Folder, models: Sequence[LoggedModelOutput]) -> None:
    """Note the logged models that a run made; with the lock of the run only."""
    for model in models:
        name = logged_model_folder(model.model_id)
        content = {
            "destination_id": name,
            "destination_type": _MODEL_OUTPUT,
            "source_id": name,
            "source_type": _RUN_OUTPUT,
            "step": model.step,
            "tags": {},
        }
        with run.make(OUTPUTS) as folder:
            metadata.write_new(run, folder, name, content)


def read_inputs(run: Folder) -> RunInputs:
    """What a run used."""
    datasets: list[DatasetInput] = []
    models: list[LoggedModelInput] = []
    for content in _listed(run, INPUTS):
        source = str(content.get("source_id"))
        if content.get("source_type") == _MODEL:
            models.append(LoggedModelInput(source))
        elif content.get("source_type") == _DATASET:
            dataset = _dataset(run, source)
            if dataset is not None:
                datasets.append(DatasetInput(dataset, _tags(content)))
    return RunInputs(datasets, models)


def read_outputs(run: Folder) -> RunOutputs:
    """What a run made."""
    return RunOutputs(
        [
            LoggedModelOutput(
                str(content.get("destination_id")), metadata.integer(content, "step") or 0
            )
            for content in _listed(run, OUTPUTS)
            if content.get("destination_type") == _MODEL_OUTPUT
        ]
    )


def check_dataset(used: DatasetInput) -> None:
    """See that a dataset can be written.

    Raises:
        InvalidArgumentError: it cannot.
    """
    dataset = used.dataset
    for what, text in (("name", dataset.name), ("digest", dataset.digest)):
        if not names.value(text, f"the {what} of a dataset", names.MAX_EXPERIMENT_NAME * 2):
            raise InvalidArgumentError(f"the {what} of a dataset is not empty")


def _write_input(run: Folder, run_id: str, kind: str, source_id: str, tags: dict[str, str]) -> None:
    content = {
        # MLflow writes the source here too, and does not read it.
        "destination_id": source_id,
        "destination_type": _RUN,
        "source_id": source_id,
        "source_type": kind,
        "tags": tags,
    }
    with run.make(INPUTS) as folder:
        metadata.write_new(run, folder, input_folder(source_id, run_id), content)


def _listed(run: Folder, kind: str) -> Iterator[dict[str, Any]]:
    folder = run.find(kind)
    if folder is None:
        return
    with folder:
        for name in folder.folders():
            inner = folder.find(name)
            if inner is not None:
                with inner:
                    content = metadata.read_or_skip(inner)
                if content is not None:
                    yield content


def _tags(content: dict[str, Any]) -> list[InputTag]:
    tags = content.get("tags")
    if not isinstance(tags, dict):
        return []
    return [InputTag(str(key), str(value)) for key, value in tags.items()]


def _dataset(run: Folder, name: str) -> Dataset | None:
    if not _DATASET_FOLDER.match(name):
        return None
    with run.parent() as experiment:
        folder = experiment.find(DATASETS, name)
    if folder is None:
        return None
    with folder:
        content = metadata.read_or_skip(folder)
    if content is None:
        return None
    return Dataset(
        metadata.text(content, "name") or "",
        metadata.text(content, "digest") or "",
        metadata.text(content, "source_type") or "",
        metadata.text(content, "source") or "",
        metadata.text(content, "schema"),
        metadata.text(content, "profile"),
    )
