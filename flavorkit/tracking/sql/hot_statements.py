"""The statements of what clients do all the time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.sql.prepared import Prepared
from flavorkit.tracking.sql.schema import (
    experiments,
    metrics,
    params,
    runs,
    tags,
)

_NEW_RUN = (
    *("run_id", "experiment", "name", "user_id", "status", "start_time"),
    *("artifact_uri", "bin"),
)


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
        row = insert(runs)
        if database.engine.dialect.insert_returning:
            row = row.returning(runs.c.id)
        self._insert_run = Prepared(row, database, _NEW_RUN)
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

    def insert_run(self, connection: Connection, row: dict[str, Any]) -> int:
        """The id inside of a new run."""
        result = self._insert_run.run(connection, row)
        number: int = result.scalar_one() if result.returns_rows else result.lastrowid
        return number
