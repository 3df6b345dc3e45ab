"""Statements that are run so often that SQLAlchemy's way to them would take most of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, bindparam, func, insert, select, update
from sqlalchemy.sql.expression import ClauseElement

from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.sql.schema import (
    experiments,
    metrics,
    params,
    runs,
    tags,
)


class Prepared:
    """A statement that is compiled once.

    Args:
        statement: whose parameters all have names.
        database: what it is for; it has been connected to.
        columns: of an insert, those that it fills.
    """

    def __init__(
        self, statement: ClauseElement, database: Database, columns: Sequence[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=database.engine.dialect, column_keys=columns)
        self._text = str(compiled)
        # The drivers all take parameters by their places: see engine.py.
        self._order: Sequence[str] = getattr(compiled, "positiontup", None) or ()

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run it with values by name."""
        return connection.exec_driver_sql(self._text, tuple([values[name] for name in self._order]))

    def run_many(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]]
    ) -> CursorResult[Any]:
        """Run it with each of the rows, whose values are in the order of the columns."""
        if len(rows) == 1:
            return connection.exec_driver_sql(self._text, rows[0])
        return connection.exec_driver_sql(self._text, list(rows))


class HotStatements:
    """What is run for whatever is logged.

    Args:
        database: what they are for; it has been connected to.
    """

    def __init__(self, database: Database) -> None:
        dialect = database.dialect
        run_id = runs.c.run_id == bindparam("run_id")
        self.active_run = Prepared(
            select(runs.c.id, runs.c.experiment, runs.c.bin).where(run_id), database
        )
        self.run = Prepared(select(runs).where(run_id), database)
        self.experiment = Prepared(
            select(experiments.c.artifact_location, experiments.c.deleted_at).where(
                experiments.c.id == bindparam("number")
            ),
            database,
        )
        self.update_run = Prepared(
            update(runs)
            .where(runs.c.id == bindparam("number"))
            .values(
                status=func.coalesce(bindparam("new_status"), runs.c.status),
                end_time=func.coalesce(bindparam("new_end_time"), runs.c.end_time),
                name=func.coalesce(bindparam("new_name"), runs.c.name),
            ),
            database,
        )
        self.insert_tag = Prepared(insert(tags), database, ("run", "key", "value"))
        self.upsert_tag = Prepared(dialect.upsert(tags, "value"), database, ("run", "key", "value"))
        self.insert_param = Prepared(dialect.insert_new(params), database, ("run", "key", "value"))
        self.insert_metric = Prepared(
            dialect.insert_new(metrics),
            database,
            ("run", "key", "step", "timestamp", "value", "special"),
        )
        self.upsert_latest = Prepared(
            dialect.upsert_latest(),
            database,
            ("run", "key", "value", "special", "timestamp", "step", "experiment"),
        )
