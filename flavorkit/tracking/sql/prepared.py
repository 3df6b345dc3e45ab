"""A statement that is run so often that SQLAlchemy's way to it would take most of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql.expression import ClauseElement

from flavorkit.tracking.sql.engine import Database


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
