"""Metrics, parameters, tags and inputs of the active run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import active_model, spool
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.active import Active
from flavorkit.tracking.spool import RunOperations
from flavorkit.tracking.tags import DATASET_CONTEXT
from flavorkit.tracking.values import now, number


class LoggableDataset(Protocol):
    """What :mod:`flavorkit.data` makes of data, or anything else that can say the same."""

    def to_dict(self) -> dict[str, Any]:
        """Its name, digest, source, source_type, and perhaps schema and profile."""


AnyDataset = LoggableDataset | Dataset


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: AnyDataset | None = None,
) -> RunOperations | None:
    """Log one value of a metric into the active run, which is begun if there is none.

    Args:
        key: the metric's name.
        value: a number, or an array or tensor of one; may be NaN or infinite.
        step: of the training; 0 if None.
        synchronous: whether to wait until the store has it; without waiting it is on the disk of
            this machine when the call returns, and what is returned can be waited for.
        timestamp: milliseconds since 1970; now if None.
        run_id: of another run.
        model_id: of the logged model it was measured of; the active model if None, else what the
            run has logged at this step.
        dataset: that it was measured on, of :mod:`flavorkit.data`.

    Raises:
        InvalidArgumentError: the value is no number, or the key breaks a rule.
    """
    return log_metrics({key: value}, step, synchronous, run_id, timestamp, model_id, dataset)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: AnyDataset | None = None,
) -> RunOperations | None:
    """Log one value of several metrics into the active run; see :func:`log_metric`."""
    run = active.of(run_id)
    step, timestamp = step or 0, timestamp or now()
    model_id = model_id or active_model.current()
    measured_on = None if dataset is None else entity_of(dataset)
    _link(run, model_id, measured_on)
    models: Sequence[str | None] = [model_id] if model_id else run.links.outputs.get(step) or [None]
    values = [
        Metric(
            key,
            number(key, value),
            timestamp,
            step,
            one,
            measured_on.name if measured_on else None,
            measured_on.digest if measured_on else None,
        )
        for key, value in metrics.items()
        for one in models
    ]
    if len(values) == 1:
        only = values[0]
        return run.client.log_metric(
            run.run_id,
            only.key,
            only.value,
            timestamp,
            step,
            synchronous,
            only.dataset_name,
            only.dataset_digest,
            only.model_id,
        )
    return run.client.log_batch(run.run_id, values, synchronous=synchronous)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a parameter of the active run; return the value.

    Raises:
        InvalidArgumentError: it has another value already, or the key breaks a rule.
    """
    run = active.current_or_new()
    return run.client.log_param(run.run_id, key, value, synchronous)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Log several parameters of the active run, all or none."""
    client, run_id = active.place_of(run_id)
    given = [Param(key, str(value)) for key, value in params.items()]
    return client.log_batch(run_id, params=given, synchronous=synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag of the active run; the value is made into text."""
    run = active.current_or_new()
    return run.client.set_tag(run.run_id, key, value, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set several tags of the active run."""
    run = active.current_or_new()
    given = [RunTag(key, str(value)) for key, value in tags.items()]
    return run.client.log_batch(run.run_id, tags=given, synchronous=synchronous)


def delete_tag(key: str) -> None:
    """Delete a tag of the active run; it must be there."""
    run = active.current_or_new()
    run.client.delete_tag(run.run_id, key)


def log_input(
    dataset: AnyDataset | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | None = None,
) -> None:
    """Note a dataset, or a logged model, that the active run uses.

    Args:
        dataset: of :mod:`flavorkit.data`; its name, digest, schema and size are kept, not its data.
        context: what for, such as ``training``.
        tags: beside that.
        model: a logged model that the run uses.
    """
    run = active.current_or_new()
    datasets = [] if dataset is None else [_input(dataset, context, tags)]
    if dataset is None and (context or tags):
        raise InvalidArgumentError("context= and tags= are of a dataset: pass dataset=, too")
    run.client.log_inputs(run.run_id, datasets, [] if model is None else [model])


def log_inputs(
    datasets: Sequence[AnyDataset | None] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput | None] | None = None,
) -> None:
    """Note several datasets and logged models that the active run uses.

    Args:
        datasets: of :mod:`flavorkit.data`.
        contexts: of each of them.
        tags_list: of each of them.
        models: logged models.

    Raises:
        InvalidArgumentError: the lists are not of one length.
    """
    datasets, contexts, tags_list = datasets or (), contexts or (), tags_list or ()
    if not len(datasets) == len(contexts) == len(tags_list):
        raise InvalidArgumentError(
            f"datasets, contexts and tags_list have one entry for each dataset, not"
            f" {len(datasets)}, {len(contexts)} and {len(tags_list)}: write None where"
            " there is none"
        )
    run = active.current_or_new()
    together = zip(datasets, contexts, tags_list, strict=True)
    inputs = [_input(*each) for each in together if each[0] is not None]
    run.client.log_inputs(run.run_id, inputs, [model for model in models or () if model])


def log_outputs(models: Sequence[LoggedModelOutput] | None = None) -> None:
    """Note logged models that the active run makes, and at what steps."""
    run = active.current_or_new()
    run.client.log_outputs(run.run_id, models or ())
    run.links.add_outputs(models or ())


def flush_async_logging() -> None:
    """Return when the stores have all that was logged with ``synchronous=False``.

    Raises:
        StoreUnavailableError: a store does not answer; what waits is kept, and sent later.
    """
    spool.flush()


def entity_of(dataset: AnyDataset) -> Dataset:
    """What is kept of a dataset."""
    if isinstance(dataset, Dataset):
        return dataset
    told = dataset.to_dict()
    return Dataset(
        name=told["name"],
        digest=told["digest"],
        source_type=told["source_type"],
        source=told["source"],
        schema=told.get("schema"),
        profile=told.get("profile"),
    )


def _input(
    dataset: AnyDataset | None, context: str | None, tags: Mapping[str, str] | None
) -> DatasetInput:
    assert dataset is not None
    given = [InputTag(key, str(value)) for key, value in (tags or {}).items()]
    if context:
        given.append(InputTag(DATASET_CONTEXT, context))
    return DatasetInput(entity_of(dataset), given)


def _link(run: Active, model_id: str | None, dataset: Dataset | None) -> None:
    """Note what metrics are measured of and on, where the run does not know it yet."""
    models, datasets = [], []
    if model_id and model_id not in run.links.models:
        models.append(LoggedModelInput(model_id))
    if dataset is not None and (dataset.name, dataset.digest) not in run.links.datasets:
        datasets.append(DatasetInput(dataset))
    if models or datasets:
        run.client.log_inputs(run.run_id, datasets, models)
        run.links.models.update(model.model_id for model in models)
        run.links.datasets.update((one.dataset.name, one.dataset.digest) for one in datasets)
