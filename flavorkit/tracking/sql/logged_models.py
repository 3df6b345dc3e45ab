"""Logged models."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names, run_names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import LoggedModel, LoggedModelStatus, Metric
from flavorkit.tracking.sql import clock
from flavorkit.tracking.sql.experiments import active_experiment, number_of
from flavorkit.tracking.sql.part import Part, rows_of
from flavorkit.tracking.sql.schema import (
    logged_models,
    model_metrics,
    model_params,
    model_tags,
    runs,
)
from flavorkit.tracking.version_sources import VERSIONS_TAG, noted

_MAX_TYPE = 500


def model_row(connection: Connection, model_id: str) -> Row[Any]:
    """The row of a logged model that is not deleted.

    Raises:
        NotFoundError: there is none.
    """
    query = select(logged_models).where(
        logged_models.c.model_id == model_id, logged_models.c.deleted_at.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"there is no logged model with the id {model_id!r}")
    return row


def model_numbers(connection: Connection, model_ids: Collection[str]) -> dict[str, int]:
    """The ids inside of logged models.

    Raises:
        NotFoundError: there is no such model.
    """
    query = select(logged_models.c.model_id, logged_models.c.id)
    ids = [names.identifier(model_id, "a logged model") for model_id in model_ids]
    found = {
        row.model_id: row.id for row in rows_of(connection, query, logged_models.c.model_id, ids)
    }
    for model_id in model_ids:
        if model_id not in found:
            raise NotFoundError(f"there is no logged model with the id {model_id!r}")
    return found


class LoggedModels(Part):
    """The methods of the store about logged models."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        experiment = number_of(experiment_id)
        if name is not None:
            names.model_name(name, "logged model")
        if source_run_id:
            names.identifier(source_run_id, "a run")
        names.value(model_type or "", "the type of a model", _MAX_TYPE)
        kept_tags, kept_params = _checked_tags(tags or {}), _checked_params(params or {})
        model_id = names.new_model_id()

        def create(connection: Connection) -> LoggedModel:
            place = active_experiment(connection, experiment).artifact_location
            now = clock.now()
            row = {
                "model_id": model_id,
                "experiment": experiment,
                "name": name or run_names.made_up(),
                "artifact_location": below(place, "models", model_id, "artifacts"),
                "creation_timestamp": now,
                "last_updated_timestamp": now,
                "model_type": model_type,
                "source_run_id": source_run_id or None,
                "status": LoggedModelStatus.PENDING.value,
            }
            (number,) = connection.execute(insert(logged_models), row).inserted_primary_key or (0,)
            for table, kept in ((model_tags, kept_tags), (model_params, kept_params)):
                if kept:
                    connection.execute(insert(table), _rows(number, kept))
            return self._model(connection, model_id)

        return self._database.write(create)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")
        if status not in {LoggedModelStatus.READY, LoggedModelStatus.FAILED}:
            raise InvalidArgumentError(f"a logged model ends READY or FAILED, not {status!r}")

        def finalize(connection: Connection) -> LoggedModel:
            number = model_row(connection, model_id).id
            _change(connection, number, status=LoggedModelStatus(status).value)
            return self._model(connection, model_id)

        return self._database.write(finalize, repeatable=True)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")
        return self._database.read(lambda connection: self._model(connection, model_id))

    def delete_logged_model(self, model_id: str) -> None:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")

        def remove(connection: Connection) -> None:
            _change(connection, model_row(connection, model_id).id, deleted_at=clock.now())

        self._database.write(remove)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")
        kept = _checked_tags(tags)

        def set_tags(connection: Connection) -> LoggedModel:
            self._set_model_tags(connection, model_row(connection, model_id).id, kept)
            return self._model(connection, model_id)

        return self._database.write(set_tags, repeatable=True)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")
        names.key(key, "tag of a logged model")

        def remove(connection: Connection) -> None:
            number = model_row(connection, model_id).id
            this = (model_tags.c.model == number, model_tags.c.key == key)
            if connection.execute(delete(model_tags).where(*this)).rowcount == 0:
                raise NotFoundError(f"the logged model {model_id} has no tag {key!r}")
            _change(connection, number)

        self._database.write(remove)

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        names.identifier(model_id, "a logged model")
        kept = _checked_params(params)

        def log(connection: Connection) -> None:
            number = model_row(connection, model_id).id
            if not kept:
                return
            connection.execute(self._dialect.insert_new(model_params), _rows(number, kept))
            query = select(model_params).where(model_params.c.model == number)
            for row in rows_of(connection, query, model_params.c.key, list(kept)):
                if row.value != kept[row.key]:
                    raise names.param_changed(row.key, row.value, kept[row.key])
            _change(connection, number)

        self._database.write(log, repeatable=True)

    def _set_model_tags(self, connection: Connection, model: int, kept: Mapping[str, str]) -> None:
        if VERSIONS_TAG in kept:
            kept = {**kept, VERSIONS_TAG: _each_once(kept[VERSIONS_TAG])}
        if kept:
            connection.execute(self._dialect.upsert(model_tags, "value"), _rows(model, kept))
            _change(connection, model)

    def _note_version(self, connection: Connection, model_id: str, name: str, version: int) -> None:
        """Note in a logged model what it is registered as, if it is known here."""
        query = select(logged_models.c.id).where(logged_models.c.model_id == model_id)
        number = connection.execute(query).scalar()
        if number is None:
            return
        this = (model_tags.c.model == number, model_tags.c.key == VERSIONS_TAG)
        before = connection.execute(select(model_tags.c.value).where(*this)).scalar()
        self._set_model_tags(connection, number, {VERSIONS_TAG: noted(before, name, str(version))})

    def _model(self, connection: Connection, model_id: str) -> LoggedModel:
        return self._models(connection, [model_row(connection, model_id)])[0]

    def _models(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[LoggedModel]:
        ids = [row.id for row in rows]
        tags = _pairs(connection, model_tags, ids)
        params = _pairs(connection, model_params, ids)
        measured = self._measured(connection, ids)
        return [
            LoggedModel(
                model_id=row.model_id,
                experiment_id=str(row.experiment),
                name=row.name,
                artifact_location=row.artifact_location,
                creation_timestamp=row.creation_timestamp,
                last_updated_timestamp=row.last_updated_timestamp,
                model_type=row.model_type,
                source_run_id=row.source_run_id,
                status=LoggedModelStatus(row.status),
                status_message=row.status_message,
                tags=tags.get(row.id, {}),
                params=params.get(row.id, {}),
                metrics=measured.get(row.id, ()),
            )
            for row in rows
        ]

    def _measured(self, connection: Connection, ids: Sequence[int]) -> dict[int, list[Metric]]:
        query = (
            select(model_metrics, runs.c.run_id, logged_models.c.model_id)
            .join(runs, runs.c.id == model_metrics.c.run)
            .join(logged_models, logged_models.c.id == model_metrics.c.model)
        )
        rows = list(rows_of(connection, query, model_metrics.c.model, ids))
        known = self._keys.names(connection, {row.key for row in rows})
        found: dict[int, list[Metric]] = {}
        for row in rows:
            metric = Metric(
                known[row.key],
                self._dialect.read(row.value, row.special),
                row.timestamp,
                row.step,
                row.model_id,
                row.dataset_name or None,
                row.dataset_digest or None,
                row.run_id,
            )
            found.setdefault(row.model, []).append(metric)
        return found


def _checked_tags(given: Mapping[str, str]) -> dict[str, str]:
    return names.tags(given, "logged model", names.MAX_MODEL_TAG_VALUE)


def _checked_params(given: Mapping[str, str]) -> dict[str, str]:
    return {
        names.key(key, "param of a logged model"): names.truncated(
            value, f"the param {key!r} of a logged model", names.MAX_PARAM_VALUE
        )
        for key, value in given.items()
    }


def _rows(model: int, kept: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"model": model, "key": key, "value": value} for key, value in kept.items()]


def _change(connection: Connection, number: int, **values: Any) -> None:
    change = update(logged_models).where(logged_models.c.id == number)
    connection.execute(change.values(last_updated_timestamp=clock.now(), **values))


def _each_once(text: str) -> str:
    """MLflow's client notes the version once more, as text, after the store has noted it."""
    try:
        noted = json.loads(text)
        known = {(one["name"], str(one["version"])): None for one in noted}
    except (ValueError, TypeError, KeyError, RecursionError):
        return text
    return json.dumps([{"name": name, "version": version} for name, version in known])


def _pairs(connection: Connection, table: Any, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for model, key, value in rows_of(connection, select(table), table.c.model, ids):
        found.setdefault(model, {})[key] = value
    return found
