"""The tables of a SQL database, and the ways to them."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from flavorkit.errors import StoreUnavailableError
from flavorkit.tracking.sql import revisions, schema
from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.stores import open_store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def store(url):
    store = open_store(url)
    yield store
    store.close()


def shape(connection):
    """The tables as the database has them."""
    found = sqlalchemy.inspect(connection)
    return {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in columns},
            found.get_pk_constraint(name)["constrained_columns"],
            sorted((one["name"], one["column_names"]) for one in found.get_indexes(name)),
            sorted(
                (one["constrained_columns"], one["referred_table"])
                for one in found.get_foreign_keys(name)
            ),
            sorted(one["column_names"] for one in found.get_unique_constraints(name)),
        )
        for name in found.get_table_names()
        if (columns := found.get_columns(name))
    }


class TestRevisions:
    def test_migrations_lead_to_the_tables_of_a_new_database(self, store, tmp_path):
        migrated = Database(f"sqlite:///{tmp_path}/migrated.db")
        migrated.write(revisions.migrate)
        assert migrated.read(shape) == store._database.read(shape)
        assert migrated.read(revisions.revision) == revisions.REVISIONS[-1]

        def rowless(connection):
            query = "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"
            return set(connection.exec_driver_sql(query).scalars())

        assert migrated.read(rowless) == store._database.read(rowless)
        assert "metrics" in migrated.read(rowless)
        migrated.close()

    @pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.xdist_group(name))
            for name in ("mariadb", "postgresql")
        ],
    )
    def test_migrations_lead_to_the_tables_in_a_server(self, request, name):
        database = Database(request.getfixturevalue(f"{name}_url"))

        def begin_anew(connection):
            schema.metadata.drop_all(connection)
            revisions._version.drop(connection, checkfirst=True)

        database.write(begin_anew)
        database.write(revisions.migrate)

        def differences(connection):
            options = {"version_table": revisions.VERSION_TABLE}
            context = MigrationContext.configure(connection, opts=options)
            return compare_metadata(context, schema.metadata)

        assert database.read(differences) == []
        database.close()

    def test_a_newer_one_is_refused(self, store, path, url):
        with sqlite3.connect(path) as other:
            other.execute(f"UPDATE {revisions.VERSION_TABLE} SET version_num = '9999'")
        other.close()
        with pytest.raises(StoreUnavailableError, match=r"newer flavorkit.*update flavorkit"):
            open_store(url)
        with pytest.raises(StoreUnavailableError, match=r"newer flavorkit"):
            revisions.upgrade(url)

    def test_an_older_one_says_how_it_is_upgraded(self, store, url, monkeypatch):
        monkeypatch.setattr(revisions, "REVISIONS", (*revisions.REVISIONS, "0002"))
        with pytest.raises(StoreUnavailableError, match=r"flavorkit db upgrade 'sqlite:///.*'"):
            open_store(url)

    def test_upgrading_what_is_new_changes_nothing(self, url):
        newest = revisions.REVISIONS[-1]
        assert revisions.upgrade(url) == (None, newest)
        assert revisions.upgrade(url) == (newest, newest)
