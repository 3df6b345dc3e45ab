"""Runs: their life, and what of them is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, update

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names, run_names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import (
    LifecycleStage,
    Metric,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
)
from flavorkit.tracking.sql import clock
from flavorkit.tracking.sql.experiments import active_experiment, number_of
from flavorkit.tracking.sql.part import Part
from flavorkit.tracking.sql.run_inputs import linked
from flavorkit.tracking.sql.run_rows import active_run, run_row
from flavorkit.tracking.sql.schema import ACTIVE, DELETED, runs

NAME_TAG = "mlflow.runName"


class Runs(Part):
    """The methods of the store about runs as such."""

    def create_run(
        self,
        experiment_id: str,
        *,
        user_id: str | None = None,
        start_time: int | None = None,
        tags: Sequence[RunTag] = (),
        run_name: str | None = None,
    ) -> Run:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        experiment = number_of(experiment_id)
        if start_time is not None:
            names.timestamp(start_time, "the start time")
        user = names.value(user_id or "", "the user of a run", names.MAX_MODEL_NAME)
        kept = checked_tags(tags)
        name = _name(run_name, kept)
        kept[NAME_TAG] = name
        run_id = names.new_run_id()

        tried = False

        def create(connection: Connection) -> RunInfo:
            nonlocal tried
            if tried:  # and perhaps committed, when the connection was lost
                found = self._hot.run.run(connection, {"run_id": run_id}).first()
                if found is not None:
                    return _info(found)
            tried = True
            place = self._place(connection, experiment)
            info = RunInfo(
                run_id=run_id,
                experiment_id=str(experiment),
                user_id=user,
                status="RUNNING",
                start_time=clock.now() if start_time is None else start_time,
                artifact_uri=below(place, run_id, "artifacts"),
                run_name=name,
            )
            row = {
                "run_id": run_id,
                "experiment": experiment,
                "name": name,
                "user_id": user,
                "status": info.status,
                "start_time": info.start_time,
                "artifact_uri": info.artifact_uri,
                "bin": ACTIVE,
            }
            number = self._hot.insert_run(connection, row)
            rows = [(number, key, text) for key, text in kept.items()]
            self._hot.insert_tag.run_many(connection, rows)
            return info

        return Run(self._database.write(create, repeatable=True), RunData(tags=kept))

    def get_run(self, run_id: str) -> Run:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")

        def get(connection: Connection) -> Run:
            return self._runs(connection, [run_row(self._hot, connection, run_id)])[0]

        return self._database.read(get)

    def update_run(
        self,
        run_id: str,
        status: str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")
        if status is not None:
            names.run_status(status)
        if end_time is not None:
            names.timestamp(end_time, "the end time")
        name = names.run_tag_value(NAME_TAG, run_name) if run_name else None
        values = {"new_status": status, "new_end_time": end_time, "new_name": name}

        def change(connection: Connection) -> RunInfo:
            number, _ = active_run(self._hot, connection, run_id)
            self._hot.update_run.run(connection, {"number": number, **values})
            if name:
                self._hot.upsert_tag.run_many(connection, [(number, NAME_TAG, name)])
            return _info(run_row(self._hot, connection, run_id))

        return self._database.write(change, repeatable=True)

    def delete_run(self, run_id: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        self._move(run_id, DELETED)

    def restore_run(self, run_id: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        self._move(run_id, ACTIVE)

    def _place(self, connection: Connection, experiment: int) -> str:
        row = self._hot.experiment.run(connection, {"number": experiment}).first()
        if row is None or row.deleted_at is not None:
            active_experiment(connection, experiment)  # which says what is wrong
            raise AssertionError
        place: str = row.artifact_location
        return place

    def _move(self, run_id: str, to: int) -> None:
        names.identifier(run_id, "a run")

        def move(connection: Connection) -> None:
            row = run_row(self._hot, connection, run_id)
            if (row.bin == ACTIVE) == (to == ACTIVE):
                return
            deleted_at = None if to == ACTIVE else clock.now()
            change = update(runs).where(runs.c.id == row.id)
            connection.execute(change, {"bin": to, "deleted_at": deleted_at})

        self._database.write(move, repeatable=True)

    def _runs(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Run]:
        """Runs with all that was logged into them, in a fixed number of queries."""
        ids = [row.id for row in rows]
        contents = self._contents
        measured = self._latest(connection, ids)
        with_params = _pairs(contents.params.rows(connection, ids))
        with_tags = _pairs(contents.tags.rows(connection, ids))
        used, made = linked(contents, connection, ids)
        return [
            Run(
                _info(row),
                RunData(
                    measured.get(row.id, ()),
                    with_params.get(row.id, {}),
                    with_tags.get(row.id, {}),
                ),
                used.get(row.id, RunInputs()),
                made.get(row.id, RunOutputs()),
            )
            for row in rows
        ]

    def _latest(self, connection: Connection, ids: Sequence[int]) -> dict[int, list[Metric]]:
        rows = list(self._contents.latest_metrics.rows(connection, ids))
        known = self._keys.names(connection, {row.key for row in rows})
        read = self._dialect.read
        found: dict[int, list[Metric]] = {}
        for run, key, value, special, timestamp, step, _ in rows:
            metric = Metric(known[key], read(value, special), timestamp, step)
            found.setdefault(run, []).append(metric)
        return found


def checked_tags(given: Sequence[RunTag]) -> dict[str, str]:
    """Tags of a run that keep the rules; of one key the last.

    Raises:
        InvalidArgumentError: one breaks a rule.
    """
    return {
        names.key(tag.key, "tag of a run"): names.run_tag_value(tag.key, tag.value) for tag in given
    }


def _name(given: str | None, tagged: dict[str, str]) -> str:
    if not given:
        return tagged.get(NAME_TAG) or run_names.made_up()
    name = names.run_tag_value(NAME_TAG, given)
    if tagged.get(NAME_TAG, name) != name:
        raise InvalidArgumentError(
            f"the run is named {name!r}, and its tag {NAME_TAG} says {tagged[NAME_TAG]!r}"
        )
    return name


def _info(row: Row[Any]) -> RunInfo:
    return RunInfo(
        run_id=row.run_id,
        experiment_id=str(row.experiment),
        user_id=row.user_id,
        status=row.status,
        start_time=row.start_time,
        end_time=row.end_time,
        lifecycle_stage=LifecycleStage.ACTIVE if row.bin == ACTIVE else LifecycleStage.DELETED,
        artifact_uri=row.artifact_uri,
        run_name=row.name,
    )


def _pairs(rows: Iterable[Any]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for run, key, value in rows:
        found.setdefault(run, {})[key] = value
    return found
