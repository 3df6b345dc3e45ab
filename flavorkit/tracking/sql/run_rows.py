"""Rows of runs by the ids that users know."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking.sql.hot_statements import HotStatements
from flavorkit.tracking.sql.schema import ACTIVE


def run_row(hot: HotStatements, connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run, be it deleted.

    Raises:
        NotFoundError: there is none.
    """
    row = hot.run.run(connection, {"run_id": run_id}).first()
    if row is None:
        raise _missing(run_id)
    return row


def active_run(hot: HotStatements, connection: Connection, run_id: str) -> tuple[int, int]:
    """The ids inside of a run and of its experiment.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is deleted.
    """
    row = hot.active_run.run(connection, {"run_id": run_id}).first()
    if row is None:
        raise _missing(run_id)
    if row.bin != ACTIVE:
        raise InvalidArgumentError(f"the run {run_id} is deleted: restore it first")
    return row.id, row.experiment


def _missing(run_id: str) -> NotFoundError:
    return NotFoundError(f"there is no run with the id {run_id!r}")
