"""What runs used and made: datasets and logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, tuple_

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
from flavorkit.tracking.sql.by_run import RunContents
from flavorkit.tracking.sql.part import Part, rows_of
from flavorkit.tracking.sql.run_rows import active_run
from flavorkit.tracking.sql.schema import MADE, USED, datasets, input_tags, inputs, run_models

CONTEXT_TAG = "mlflow.data.context"

_MAX_DATASET_NAME, _MAX_DIGEST, _MAX_SOURCE = 500, 64, 1_000_000
_MAX_TAG_VALUE = 5_000
_MAX_AT_ONCE = 1_000


class RunInputsAndOutputs(Part):
    """The methods of the store about what runs used and made."""

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")
        _check_number(datasets, "datasets")
        _check_number(models, "models")
        used = {(one.dataset.name, one.dataset.digest): one for one in map(_checked, datasets)}
        model_ids = [names.identifier(one.model_id, "a logged model") for one in models]

        def log(connection: Connection) -> None:
            run, experiment = active_run(self._hot, connection, run_id)
            if used:
                self._log_datasets(connection, run, experiment, used)
            self._log_models(connection, run, USED, [(model_id, 0) for model_id in model_ids])

        self._database.write(log, repeatable=True)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")
        _check_number(models, "models")
        made = [
            (names.identifier(one.model_id, "a logged model"), names.timestamp(one.step, "a step"))
            for one in models
        ]

        def log(connection: Connection) -> None:
            run, _ = active_run(self._hot, connection, run_id)
            self._log_models(connection, run, MADE, made)

        self._database.write(log, repeatable=True)

    def _log_models(
        self, connection: Connection, run: int, role: int, models: Sequence[tuple[str, int]]
    ) -> None:
        rows = [
            {"run": run, "role": role, "model_id": model_id, "step": step}
            for model_id, step in models
        ]
        if rows:
            connection.execute(self._dialect.insert_new(run_models), rows)

    def _log_datasets(
        self,
        connection: Connection,
        run: int,
        experiment: int,
        used: dict[tuple[str, str], DatasetInput],
    ) -> None:
        insert = self._dialect.insert_new(datasets)
        connection.execute(insert, [_row(experiment, used[key].dataset) for key in sorted(used)])
        named = tuple_(datasets.c.name, datasets.c.digest).in_(list(used))
        query = select(datasets.c.id, datasets.c.name, datasets.c.digest)
        query = query.where(datasets.c.experiment == experiment, named)
        numbers = {(row.name, row.digest): row.id for row in connection.execute(query)}
        rows = [{"run": run, "dataset": numbers[key]} for key in used]
        connection.execute(self._dialect.insert_new(inputs), rows)
        tagged = [
            {"run": run, "dataset": numbers[key], "key": tag.key, "value": tag.value}
            for key, one in used.items()
            for tag in one.tags
        ]
        if tagged:
            connection.execute(self._dialect.insert_new(input_tags), tagged)


def linked(
    contents: RunContents, connection: Connection, ids: Sequence[int]
) -> tuple[dict[int, RunInputs], dict[int, RunOutputs]]:
    """What runs used and made, by their ids inside."""
    found: dict[int, tuple[list[DatasetInput], list[LoggedModelInput]]] = {}
    made: dict[int, list[LoggedModelOutput]] = {}
    used = list(contents.datasets.rows(connection, ids))
    tags: dict[tuple[int, int], list[InputTag]] = {}
    if used:
        for tag in rows_of(connection, select(input_tags), input_tags.c.run, ids):
            tags.setdefault((tag.run, tag.dataset), []).append(InputTag(tag.key, tag.value))
    for row in used:
        dataset = Dataset(
            *(row.name, row.digest, row.source_type, row.source, row.schema, row.profile)
        )
        one = DatasetInput(dataset, tags.get((row.run, row.id), ()))
        found.setdefault(row.run, ([], []))[0].append(one)
    for run, model_id, step, role in contents.models.rows(connection, ids):
        if role == USED:
            found.setdefault(run, ([], []))[1].append(LoggedModelInput(model_id))
        else:
            made.setdefault(run, []).append(LoggedModelOutput(model_id, step))
    return (
        {run: RunInputs(*parts) for run, parts in found.items()},
        {run: RunOutputs(models) for run, models in made.items()},
    )


def _check_number(given: Sequence[object], what: str) -> None:
    if len(given) > _MAX_AT_ONCE:
        raise InvalidArgumentError(f"at most {_MAX_AT_ONCE} {what} at a time")


def _checked(given: DatasetInput) -> DatasetInput:
    dataset = given.dataset
    names.value(dataset.name, "the name of a dataset", _MAX_DATASET_NAME)
    names.value(dataset.digest, "the digest of a dataset", _MAX_DIGEST)
    names.value(dataset.source_type, "the type of a source", _MAX_DATASET_NAME)
    for text in (dataset.source, dataset.schema, dataset.profile):
        names.value(text or "", "what is known of a dataset", _MAX_SOURCE)
    for tag in given.tags:
        names.key(tag.key, "tag of a dataset")
        names.value(tag.value, f"the tag {tag.key!r} of a dataset", _MAX_TAG_VALUE)
    return given


def _row(experiment: int, dataset: Dataset) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source or "",
        "schema": dataset.schema,
        "profile": dataset.profile,
    }
