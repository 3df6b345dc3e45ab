"""Where the databases differ: statements that tolerate what is there, patterns, large numbers."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Insert,
    Integer,
    Table,
    case,
    func,
    literal,
    literal_column,
    tuple_,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite

from flavorkit.tracking.sql.schema import INFINITE, NAN, latest_metrics

_MEASURED = ("value", "special", "timestamp", "step")
_LARGEST = 1.7976931348623157e308
LOWER = "flavorkit_lower"
"""The function that SQLite is given, whose own ``lower`` knows ASCII only."""


class Dialect:
    """What is the same in SQLite and PostgreSQL."""

    counts_inserted = True
    """Whether the number of rows that an insert has added can be told."""

    def insert_new(self, table: Table) -> Insert:
        """An insert that leaves alone what is there already."""
        statement: Insert = self._insert(table).on_conflict_do_nothing()
        return statement

    def upsert(self, table: Table, *changed: str) -> Insert:
        """An insert that replaces some columns of what is there already."""
        insert = self._insert(table)
        statement: Insert = insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={name: insert.excluded[name] for name in changed},
        )
        return statement

    def upsert_latest(self) -> Insert:
        """An insert into ``latest_metrics`` that keeps the value that counts."""
        insert = self._insert(latest_metrics)
        statement: Insert = insert.on_conflict_do_update(
            index_elements=list(latest_metrics.primary_key),
            set_={name: insert.excluded[name] for name in _MEASURED},
            where=self._weight(insert.excluded) > self._weight(latest_metrics.c),
        )
        return statement

    def like(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Whether text fits a pattern, case and all; ``%`` and ``_`` are the only wildcards."""
        return column.like(_without_escapes(pattern))

    def ilike(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Whether text fits a pattern, whatever the case."""
        return func.lower(column).like(_without_escapes(pattern.lower()))

    def stored(self, value: float, is_nan: int) -> tuple[float, int]:
        """How a number is stored: as ``value`` and ``special``."""
        return value, is_nan

    def read(self, value: float, special: int) -> float:
        """The number that is stored so."""
        return math.nan if special else value

    def nan(self, special: ColumnElement[int]) -> ColumnElement[int]:
        """1 where it says that a number is NaN, else 0."""
        return special

    def is_transient(self, error: BaseException | None) -> bool:
        """Whether the driver's error will pass, so that the same may work in a moment."""
        raise NotImplementedError

    def _weight(self, columns: Any) -> Any:
        return tuple_(columns.step, columns.timestamp, -self.nan(columns.special), columns.value)

    def _insert(self, table: Table) -> Any:
        raise NotImplementedError


class SQLite(Dialect):
    """SQLite."""

    _BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

    def like(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """LIKE has no regard for case here; GLOB has."""
        return column.op("GLOB", return_type=Boolean())(literal(_glob(pattern)))

    def ilike(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """LIKE knows the cases of ASCII only."""
        lower: ColumnElement[str] = getattr(func, LOWER)(column)
        return lower.op("GLOB", return_type=Boolean())(literal(_glob(pattern.lower())))

    def is_transient(self, error: BaseException | None) -> bool:
        """Busy, in spite of having waited."""
        code: int = getattr(error, "sqlite_errorcode", 0)
        return (code & 0xFF) in self._BUSY

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table)


class PostgreSQL(Dialect):
    """PostgreSQL."""

    # Deadlocks, failed serialization, a server that stops, starts, or has no room.
    _PASSING = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "53300", "55P03"})

    def ilike(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """The collation of the columns knows the cases of ASCII only."""
        lower = func.lower(column.collate("und-x-icu"))
        return lower.like(_without_escapes(pattern.lower()))

    def is_transient(self, error: BaseException | None) -> bool:
        """By the state that the server names; without one there was no connection."""
        state: str | None = getattr(error, "sqlstate", None)
        if state is None:
            return type(error).__name__ == "OperationalError"
        return state in self._PASSING or state.startswith("08")

    def _insert(self, table: Table) -> Any:
        return postgresql.insert(table)


class MySQL(Dialect):
    """MySQL and MariaDB."""

    counts_inserted = False

    # Changed since read, too many connections, deadlock, lock timeout, connection lost or refused.
    _PASSING = frozenset({1020, 1040, 1053, 1205, 1213, 1317, 1927, 2002, 2003, 2006, 2013, 2055})

    def insert_new(self, table: Table) -> Insert:
        """INSERT IGNORE would hide other errors as well."""
        key = next(iter(table.primary_key))
        return mysql.insert(table).on_duplicate_key_update({key.name: table.c[key.name]})

    def upsert(self, table: Table, *changed: str) -> Insert:
        """An insert that replaces some columns of what is there already."""
        insert = mysql.insert(table)
        return insert.on_duplicate_key_update({name: insert.inserted[name] for name in changed})

    def upsert_latest(self) -> Insert:
        """Columns change one by one, and what is compared with them: from the least on."""
        insert = mysql.insert(latest_metrics)
        counts = self._weight(insert.inserted) >= self._weight(latest_metrics.c)
        return insert.on_duplicate_key_update(
            [
                (name, func.IF(counts, insert.inserted[name], latest_metrics.c[name]))
                for name in _MEASURED
            ]
        )

    def stored(self, value: float, is_nan: int) -> tuple[float, int]:
        """There are no infinities here."""
        if math.isinf(value):
            return math.copysign(_LARGEST, value), INFINITE
        return value, is_nan

    def read(self, value: float, special: int) -> float:
        """The number that is stored so."""
        return (
            math.copysign(math.inf, value) if special == INFINITE else super().read(value, special)
        )

    def nan(self, special: ColumnElement[int]) -> ColumnElement[int]:
        """1 where it says that a number is NaN, else 0."""
        # No parameters: a driver has no place for more than those of a row.
        yes, no, nan = (literal_column(str(number), Integer()) for number in (1, 0, NAN))
        return case((special == nan, yes), else_=no)

    def is_transient(self, error: BaseException | None) -> bool:
        """By the number of the error."""
        arguments: Sequence[object] = getattr(error, "args", ())
        return bool(arguments) and arguments[0] in self._PASSING


def dialect_of(name: str) -> Dialect:
    """The dialect by the name that SQLAlchemy gives it."""
    return {"sqlite": SQLite, "postgresql": PostgreSQL, "mysql": MySQL, "mariadb": MySQL}[name]()


def _without_escapes(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def _glob(pattern: str) -> str:
    marks = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    while "%%" in pattern:
        pattern = pattern.replace("%%", "%")
    return "".join(marks.get(character, character) for character in pattern)
