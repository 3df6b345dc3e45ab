"""A database: from a URL to transactions that are tried again when that is safe."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
)

from flavorkit.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    OutcomeUnknownError,
    StoreUnavailableError,
)
from flavorkit.tracking import environ
from flavorkit.tracking.sql.dialects import LOWER, dialect_of
from flavorkit.tracking.sql.forks import Gate

T = TypeVar("T")
Work = Callable[[Connection], T]

_DRIVERS = {
    "sqlite": ("sqlite", "", ""),
    "postgres": ("postgresql+psycopg", "psycopg", "postgres"),
    "postgresql": ("postgresql+psycopg", "psycopg", "postgres"),
    "mysql": ("mysql+pymysql", "pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "pymysql", "mysql"),
}
_SQL_MODE = "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
_CONFLICTS = 5
_SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA", "OFF")


class Database:
    """Connections to one database.

    Args:
        url: of the database.
        patience: for how many seconds a transaction that failed for a passing reason (a lost
            connection, a deadlock, a busy database) is tried again.

    Raises:
        InvalidArgumentError: the URL cannot be read, or is of a database in memory.
        MissingDependencyError: its driver is not installed.
    """

    def __init__(self, url: str, patience: float | None = None) -> None:
        self.url = _parsed(url)
        self.dialect = dialect_of(self.url.get_backend_name())
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        self.patience = environ.number("SQL_RETRY_SECONDS", 20) if patience is None else patience
        self.engine = _engine(self.url)
        self.renew()
        _mind_forks(self)

    def read(self, work: Work[T]) -> T:
        """What ``work`` gives, inside one transaction that only reads."""

        def once() -> T:
            with self._passed(), self.engine.connect() as connection, connection.begin():
                self._begin(connection, "BEGIN")
                return work(connection)

        return self._tried(once, lambda: True)

    def write(self, work: Work[T], *, repeatable: bool = False) -> T:
        """What ``work`` gives, inside one transaction; it may be called several times.

        Args:
            work: what to do.
            repeatable: doing it twice is doing it once, so that it is tried again even if the
                connection was lost while it was committed.

        Raises:
            StoreUnavailableError: the database does not answer; if what was to be done may have
                been done, an OutcomeUnknownError.
        """
        done = False

        def once() -> T:
            nonlocal done
            done = False
            with (
                self._turn,
                self._passed(),
                self.engine.connect() as connection,
                connection.begin(),
            ):
                # One that reads first would fail where another one writes in between.
                self._begin(connection, "BEGIN IMMEDIATE")
                result = work(connection)
                done = True
            return result

        return self._tried(once, lambda: repeatable or not done)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def rest(self) -> None:
        """Let no thread be within SQLite, until :meth:`go_on`."""
        if self._is_sqlite:
            self._gate.close()

    def go_on(self) -> None:
        """Let threads go on in the process that was forked."""
        if self._is_sqlite:
            self._gate.open()

    def renew(self) -> None:
        """Begin anew in a process that was forked: connections belong to the other one."""
        self.engine.dispose(close=False)
        self._gate = Gate()
        # SQLite has one writer at a time. Threads that wait for it here are woken at once, those
        # that wait inside SQLite look again every so often.
        self._turn = threading.Lock() if self._is_sqlite else contextlib.nullcontext()

    def _passed(self) -> AbstractContextManager[None]:
        return self._gate.passed() if self._is_sqlite else contextlib.nullcontext()

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        # Without statements and their values, which the text of other errors may quote.
        cause = error.orig if isinstance(error, DBAPIError) else error
        problem = type(cause).__name__
        if isinstance(cause, sqlite3.OperationalError):
            problem = str(cause)
        where = self.url.render_as_string()
        return StoreUnavailableError(f"{where} does not answer as it should: {problem}")

    def _is_transient(self, error: Exception) -> bool:
        if isinstance(error, DBAPIError):
            return error.connection_invalidated or self.dialect.is_transient(error.orig)
        return self.dialect.is_transient(error)

    def _begin(self, connection: Connection, statement: str) -> None:
        # Python's driver for SQLite begins a transaction by rules of its own, which are off here.
        if self._is_sqlite:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute(statement)

    def _tried(self, once: Callable[[], T], may_repeat: Callable[[], bool]) -> T:
        deadline, pause, conflicts = time.monotonic() + self.patience, 0.01, 0
        while True:
            try:
                return once()
            except UnicodeEncodeError:
                raise InvalidArgumentError("text that is compared is not valid Unicode") from None
            except IntegrityError as error:
                # Another transaction made the same row just then: this one will find it.
                conflicts += 1
                if conflicts > _CONFLICTS:
                    raise self._unavailable(error) from error
            except (
                DBAPIError,
                sqlalchemy.exc.TimeoutError,
                sqlite3.Error,
            ) as error:  # the latter where one begins
                passing = self._is_transient(error)
                if passing and not may_repeat():
                    raise OutcomeUnknownError(
                        f"{self._unavailable(error).message}; it was lost while it wrote, so look"
                        " whether this was done before it is done again"
                    ) from error
                if not passing or time.monotonic() + pause > deadline:
                    raise self._unavailable(error) from error
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - to spread out, not to hide
            pause = min(pause * 2, 1.0)


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InvalidArgumentError(
            "the URL of the database cannot be read; it is like sqlite:///file.db or"
            " postgresql://user:password@host/database"
        ) from None
    known = _DRIVERS.get(url.get_backend_name())
    if known is None:
        raise InvalidArgumentError(
            f"{url.get_backend_name()}: is no database; write {', '.join(sorted(_DRIVERS))}"
        )
    drivername, package, extra = known
    if "+" not in url.drivername:
        url = url.set(drivername=drivername)
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, NoSuchModuleError) as error:
        raise MissingDependencyError(
            f"a database at {url.drivername}://", package, extra=extra
        ) from error
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise InvalidArgumentError("a store needs a file: write sqlite:///file.db")
    return url


def _engine(url: URL) -> sqlalchemy.Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = {
        "pool_size": int(environ.number("SQLALCHEMYSTORE_POOL_SIZE", 10)),
        "max_overflow": int(environ.number("SQLALCHEMYSTORE_MAX_OVERFLOW", 30)),
        "pool_recycle": int(environ.number("SQLALCHEMYSTORE_POOL_RECYCLE", -1)),
        "echo": environ.flag("SQLALCHEMYSTORE_ECHO", False),
        "pool_timeout": 30,
    }
    if not is_sqlite:
        if url.get_dialect().import_dbapi().paramstyle == "pyformat":
            options["paramstyle"] = "format"  # by place, as in hot_statements.py
        options["pool_pre_ping"] = environ.flag("SQLALCHEMYSTORE_POOL_PRE_PING", True)
    if url.get_backend_name() in {"mysql", "mariadb"}:
        # What others have committed is seen, as with the other databases.
        options["isolation_level"] = "READ COMMITTED"
        url = url.update_query_dict({"charset": "utf8mb4"})
    engine = sqlalchemy.create_engine(url, **options)
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
    elif url.get_backend_name() in {"mysql", "mariadb"}:
        event.listen(engine, "connect", _prepare_mysql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    synchronous = (environ.text("SQLITE_SYNCHRONOUS") or "NORMAL").upper()
    if synchronous not in _SYNCHRONOUS:
        raise InvalidArgumentError(
            f"FLAVORKIT_SQLITE_SYNCHRONOUS is one of {', '.join(_SYNCHRONOUS)}"
        )
    connection.isolation_level = None  # transactions begin where Database says
    connection.execute("PRAGMA busy_timeout = 20000")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _enter_wal(connection)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function(LOWER, 1, _lower, deterministic=True)


def _enter_wal(connection: sqlite3.Connection) -> None:
    # The busy timeout does not count for this one.
    deadline = time.monotonic() + 20
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _lower(text: object) -> str | None:
    return text.lower() if isinstance(text, str) else None


def _prepare_mysql(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION sql_mode = '{_SQL_MODE}'")


def _mind_forks(database: Database) -> None:
    reference = weakref.ref(database)

    def told(method: Callable[[Database], None]) -> Callable[[], None]:
        def tell() -> None:
            known = reference()
            if known is not None:
                method(known)

        return tell

    os.register_at_fork(
        before=told(Database.rest),
        after_in_parent=told(Database.go_on),
        after_in_child=told(Database.renew),
    )
