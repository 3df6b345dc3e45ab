"""What belongs to runs: read for one, which is what clients ask for most, or for many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Select, bindparam, select

from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.sql.prepared import Prepared
from flavorkit.tracking.sql.schema import (
    datasets,
    inputs,
    latest_metrics,
    params,
    run_models,
    tags,
)

T = TypeVar("T")
_AT_ONCE = 500


class ByRun:
    """A query for rows that belong to runs; for one run it is compiled once.

    Args:
        query: for those of all runs.
        run: the column that says whose they are.
        database: what it is for; it has been connected to.
    """

    def __init__(self, query: Select[Any], run: Column[Any], database: Database) -> None:
        self._of_one = Prepared(query.where(run == bindparam("run")), database)
        self._of_many = query.where(run.in_(bindparam("runs", expanding=True)))

    def rows(self, connection: Connection, runs: Sequence[int]) -> Iterator[Any]:
        """The rows of the runs with these ids inside."""
        if len(runs) == 1:
            yield from self._of_one.run(connection, {"run": runs[0]})
            return
        for some in chunks(runs):
            yield from connection.execute(self._of_many, {"runs": list(some)})


class RunContents:
    """All that is read of a run.

    Args:
        database: what it is for; it has been connected to.
    """

    def __init__(self, database: Database) -> None:
        self.latest_metrics = ByRun(select(latest_metrics), latest_metrics.c.run, database)
        self.params = ByRun(select(params), params.c.run, database)
        self.tags = ByRun(select(tags), tags.c.run, database)
        used = select(inputs.c.run, datasets).join(datasets, datasets.c.id == inputs.c.dataset)
        self.datasets = ByRun(used.order_by(datasets.c.id), inputs.c.run, database)
        models = select(
            run_models.c.run, run_models.c.model_id, run_models.c.step, run_models.c.role
        )
        self.models = ByRun(models, run_models.c.run, database)


def chunks(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """The ids in lists that a statement can hold."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
