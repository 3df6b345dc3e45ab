"""The bin: what is deleted, and how it goes for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.sql.by_run import chunks
from flavorkit.tracking.sql.experiments import number_of
from flavorkit.tracking.sql.part import Part, rows_of
from flavorkit.tracking.sql.schema import experiments, logged_models, runs

_MODEL_PLACE = logged_models.c.artifact_location


@dataclass(frozen=True)
class _Wanted:
    """Rows of a table, by their ids in a column."""

    table: Table
    column: Any
    ids: list[Any]


class Bin(Part):
    """The methods of the store about what is deleted."""

    def purge(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> None:
        """See :class:`flavorkit.tracking.store.Store`."""
        wanted = _wanted(run_ids, experiment_ids, model_ids)

        def purge(connection: Connection) -> None:
            # All that belongs to a row goes with it, by its foreign keys.
            for one in wanted:
                _check_deleted(connection, one)
            for one in wanted:
                for some in chunks(one.ids):
                    connection.execute(delete(one.table).where(one.column.in_(some)))

        self._database.write(purge)

    def artifacts_in_bin(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> dict[str, str]:
        """See :class:`flavorkit.tracking.store.Store`."""
        wanted = _wanted(run_ids, experiment_ids, model_ids)
        numbers = wanted[-1].ids

        def find(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for one in wanted:
                _check_deleted(connection, one)
            for one, place in zip(wanted, (runs.c.artifact_uri, _MODEL_PLACE), strict=False):
                query = select(one.column, place)
                for column, ids in ((one.column, one.ids), (one.table.c.experiment, numbers)):
                    found |= {row[0]: row[1] for row in rows_of(connection, query, column, ids)}
            return found

        return self._database.read(find)

    @property
    def artifact_root(self) -> str:
        """See :class:`flavorkit.tracking.store.Store`."""
        return self._root

    def deleted_before(self, cutoff: int) -> tuple[list[str], list[str], list[str]]:
        """See :class:`flavorkit.tracking.store.Store`."""
        names.timestamp(cutoff)

        def find(connection: Connection) -> tuple[list[str], list[str], list[str]]:
            found = [
                connection.execute(
                    select(column).where(table.c.deleted_at <= cutoff).order_by(table.c.id)
                ).scalars()
                for table, column in (
                    (runs, runs.c.run_id),
                    (experiments, experiments.c.id),
                    (logged_models, logged_models.c.model_id),
                )
            ]
            of_runs, of_experiments, of_models = (list(map(str, ids)) for ids in found)
            return of_runs, of_experiments, of_models

        return self._database.read(find)


def _wanted(
    run_ids: Sequence[str], experiment_ids: Sequence[str], model_ids: Sequence[str]
) -> tuple[_Wanted, _Wanted, _Wanted]:
    return (
        _Wanted(runs, runs.c.run_id, [names.identifier(one, "a run") for one in run_ids]),
        _Wanted(
            logged_models,
            logged_models.c.model_id,
            [names.identifier(one, "a logged model") for one in model_ids],
        ),
        _Wanted(experiments, experiments.c.id, [number_of(one) for one in experiment_ids]),
    )


def _check_deleted(connection: Connection, wanted: _Wanted) -> None:
    what = wanted.table.name.replace("_", " ")
    query = select(wanted.column, wanted.table.c.deleted_at)
    found = {row[0]: row[1] for row in rows_of(connection, query, wanted.column, wanted.ids)}
    for one in wanted.ids:
        if one not in found:
            raise NotFoundError(f"there is no {one!r} in {what}")
        if found[one] is None:
            raise InvalidArgumentError(f"{one!r} of {what} is not deleted, so it stays")
