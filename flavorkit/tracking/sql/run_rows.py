"""Rows of runs by the ids that users know."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking.sql.schema import ACTIVE, runs

_GET = select(runs).where(runs.c.run_id == bindparam("run_id"))
_GET_BRIEFLY = select(runs.c.id, runs.c.experiment, runs.c.bin).where(
    runs.c.run_id == bindparam("run_id")
)


def run_row(connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run, be it deleted.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_GET, {"run_id": run_id}).first()
    if row is None:
        raise _missing(run_id)
    return row


def active_run(connection: Connection, run_id: str) -> tuple[int, int]:
    """The ids inside of a run and of its experiment.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is deleted.
    """
    row = connection.execute(_GET_BRIEFLY, {"run_id": run_id}).first()
    if row is None:
        raise _missing(run_id)
    number, experiment, bin_ = row
    if bin_ != ACTIVE:
        raise InvalidArgumentError(f"the run {run_id} is deleted: restore it first")
    return number, experiment


def _missing(run_id: str) -> NotFoundError:
    return NotFoundError(f"there is no run with the id {run_id!r}")
