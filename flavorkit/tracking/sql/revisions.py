"""How a database comes to have the tables, and which revision of them it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from flavorkit.errors import InvalidArgumentError, StoreUnavailableError
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.sql import clock, places, schema
from flavorkit.tracking.sql.engine import Database

REVISIONS = ("0001",)
"""All there ever were, the newest last; each is a module in ``migrations/versions``."""

VERSION_TABLE = "flavorkit_revision"
"""Where a database notes its revision; not Alembic's own name for it, which MLflow uses."""

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
_LOCK = 4_711_081_115


def prepare(database: Database, root: str) -> None:
    """Make the tables in an empty database, and refuse one of another revision.

    Args:
        database: the database.
        root: where experiments keep their artifacts, for the first of them.

    Raises:
        InvalidArgumentError: the tables are another program's.
        StoreUnavailableError: they are of another revision, which the message says what to do
            about.
    """
    found = database.read(revision)
    if found is None:
        database.write(lambda connection: _create(connection, database, root), repeatable=True)
        found = database.read(revision)
    check(found, database)


def check(found: str | None, database: Database) -> None:
    """Refuse another revision than the newest."""
    if found == REVISIONS[-1]:
        return
    shown = database.url.render_as_string()
    if found in REVISIONS:
        raise StoreUnavailableError(
            f"the tables in {shown} are of an older flavorkit (revision {found}): make a copy of"
            f" the database, then run flavorkit db upgrade '{shown}'"
        )
    raise StoreUnavailableError(
        f"the tables in {shown} are of a newer flavorkit (revision {found}): update flavorkit"
    )


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none.

    Raises:
        InvalidArgumentError: the tables are another program's.
    """
    present = inspect(connection)
    if present.has_table(VERSION_TABLE):
        found: str | None = connection.execute(select(_version.c.version_num)).scalar()
        if found is not None:
            return found
    elif present.has_table(schema.experiments.name):
        raise InvalidArgumentError(
            f"{connection.engine.url.render_as_string()} is a database of MLflow or another"
            " program: name one that is empty, or does not exist yet"
        )
    return None


def upgrade(url: str, artifact_root: str | None = None) -> tuple[str | None, str]:
    """Bring a database to the newest revision; it is not to be used meanwhile.

    Args:
        url: of the database.
        artifact_root: as of :func:`flavorkit.tracking.stores.open_store`, for an empty one.

    Returns:
        The revision before, None if it was empty, and the one now.
    """
    database = Database(url)
    try:
        before = database.read(revision)
        if before is None:
            prepare(database, places.root(database.url, artifact_root))
        elif before not in REVISIONS:
            check(before, database)
        elif before != REVISIONS[-1]:
            database.write(migrate)
        return before, REVISIONS[-1]
    finally:
        database.close()


def _create(connection: Connection, database: Database, root: str) -> None:
    with _alone(connection):
        if revision(connection) is not None:
            return
        _version.create(connection, checkfirst=True)
        schema.metadata.create_all(connection)
        now = clock.now()
        first = {
            "id": 0,
            "name": "Default",
            "artifact_location": below(root, "0"),
            "creation_time": now,
            "last_update_time": now,
        }
        connection.execute(database.dialect.insert_new(schema.experiments), first)
        newest = {"version_num": REVISIONS[-1]}
        connection.execute(database.dialect.insert_new(_version), newest)


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest revision, from whichever they are of, or from nothing."""
    # Alembic is needed here only, and takes as long to import as everything else together.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    with _alone(connection):
        command.upgrade(config, "head")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other processes that would do the same waiting; SQLite's transaction does that."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK)))
        yield
    elif name in {"mysql", "mariadb"}:
        # Tables come one by one here. Whoever finds only some of them makes the others.
        connection.execute(select(sqlalchemy.func.get_lock(VERSION_TABLE, 60)))
        try:
            yield
        finally:
            connection.execute(select(sqlalchemy.func.release_lock(VERSION_TABLE)))
    else:
        yield
