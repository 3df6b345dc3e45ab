"""The bin: what is deleted, and how it goes for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.sql.by_run import chunks
from flavorkit.tracking.sql.experiments import number_of
from flavorkit.tracking.sql.part import Part, rows_of
from flavorkit.tracking.sql.schema import experiments, logged_models, runs


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
        wanted: list[tuple[Table, Any, list[Any]]] = [
            (runs, runs.c.run_id, [names.identifier(one, "a run") for one in run_ids]),
            (
                logged_models,
                logged_models.c.model_id,
                [names.identifier(one, "a logged model") for one in model_ids],
            ),
            (experiments, experiments.c.id, [number_of(one) for one in experiment_ids]),
        ]

        def purge(connection: Connection) -> None:
            # All that belongs to a row goes with it, by its foreign keys.
            for table, column, ids in wanted:
                _check_deleted(connection, table, column, ids)
            for table, column, ids in wanted:
                for some in chunks(ids):
                    connection.execute(delete(table).where(column.in_(some)))

        self._database.write(purge)

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


def _check_deleted(connection: Connection, table: Table, column: Any, ids: Sequence[Any]) -> None:
    query = select(column, table.c.deleted_at)
    found = {row[0]: row[1] for row in rows_of(connection, query, column, ids)}
    for one in ids:
        if one not in found:
            raise NotFoundError(f"there is no {one!r} in {table.name.replace('_', ' ')}")
        if found[one] is None:
            raise InvalidArgumentError(
                f"{one!r} of {table.name.replace('_', ' ')} is not deleted, so it stays"
            )
