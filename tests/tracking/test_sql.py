"""What is special to the store in a SQL database."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy

from flavorkit.errors import (
    InvalidArgumentError,
    NotFoundError,
    OutcomeUnknownError,
    StoreUnavailableError,
)
from flavorkit.tracking import actor
from flavorkit.tracking.entities import Metric, Param, RunTag
from flavorkit.tracking.sql import revisions, schema
from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.stores import open_store
from tests.tracking import databases

FORK = multiprocessing.get_context("fork")


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


@pytest.fixture
def run(store):
    return store.create_run("0").info.run_id


def in_processes(count, work):
    """The exit codes of processes that each do the same, one number each."""
    processes = [FORK.Process(target=work, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return {process.exitcode for process in processes}


class TestOpening:
    def test_artifacts_are_beside_the_file(self, store, tmp_path):
        root = (tmp_path / "flavorkit-artifacts").as_uri()
        assert store.get_experiment("0").artifact_location == f"{root}/0"
        made = store.create_experiment("a name that is no path: ../..")
        assert store.get_experiment(made).artifact_location == f"{root}/{made}"

    @pytest.mark.parametrize(
        ("root", "location"),
        [
            ("s3://bucket/at/", "s3://bucket/at/0"),
            ("s3://bucket?region=x", "s3://bucket/0?region=x"),
            ("mlflow-artifacts:/", "mlflow-artifacts:/0"),
            ("/srv/artifacts", "/srv/artifacts/0"),
        ],
    )
    def test_artifacts_are_where_one_says(self, url, root, location):
        store = open_store(url, root)
        assert store.get_experiment("0").artifact_location == location
        store.close()

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
    def test_a_database_in_memory_is_refused(self, url):
        with pytest.raises(InvalidArgumentError, match=r"needs a file"):
            open_store(url)

    def test_a_url_that_is_none(self):
        with pytest.raises(InvalidArgumentError, match=r"cannot be read"):
            open_store("postgresql://host:port/x")

    def test_a_file_that_is_no_database(self, path, url):
        path.write_text("something else, long enough to be no header of a database" * 20)
        with pytest.raises(StoreUnavailableError, match=r"store\.db does not answer"):
            open_store(url)

    def test_a_server_that_is_not_there_is_said_without_the_password(self, monkeypatch):
        monkeypatch.setenv("FLAVORKIT_SQL_RETRY_SECONDS", "0.05")
        with pytest.raises(StoreUnavailableError, match=r"does not answer") as caught:
            open_store("postgresql://someone:secret@127.0.0.1:1/runs")
        assert "secret" not in str(caught.value)

    def test_the_database_of_another_program_is_left_alone(self, path, url):
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        other.close()
        with pytest.raises(InvalidArgumentError, match=r"MLflow or another program"):
            open_store(url)

    def test_processes_that_start_together_make_one_database(self, url):
        def work(number):
            store = open_store(url)
            experiment = store.get_experiment_by_name("Default").experiment_id
            run = store.create_run(experiment).info.run_id
            for step in range(5):
                store.log_metric(run, Metric("m", float(step), number, step))
            store.close()

        assert in_processes(16, work) == {0}
        store = open_store(url)
        runs = store.search_runs(["0"])
        assert [run.data.metrics for run in runs] == [{"m": 4.0}] * 16
        assert {len(store.get_metric_history(one.info.run_id, "m")) for one in runs} == {5}
        store.close()

    def test_a_store_lives_on_in_a_forked_process(self, store, run):
        store.log_metric(run, Metric("m", 1.0, 1, 1))

        def work(number):
            store.log_metric(run, Metric("m", 1.0, 1, 2 + number))

        assert in_processes(2, work) == {0}
        assert [one.step for one in store.get_metric_history(run, "m")] == [1, 2, 3]

    @pytest.mark.parametrize("way", ["read", "write"])
    def test_a_process_is_forked_when_no_thread_is_within_sqlite(self, store, run, way):
        """The locks that it holds there would never be released in the new process."""
        begun, may_end, ended = threading.Event(), threading.Event(), []

        def slow(connection):
            begun.set()
            may_end.wait(60)
            ended.append(connection.exec_driver_sql("SELECT 1").scalar())

        def work(_):
            assert ended == [1]
            store.log_metric(run, Metric("m", 1.0, 1, 1))

        thread = threading.Thread(target=getattr(store._database, way), args=(slow,))
        thread.start()
        assert begun.wait(60)
        os.register_at_fork(before=may_end.set)  # before that of the store, which was there first
        assert in_processes(1, work) == {0}
        thread.join(60)
        store.log_metric(run, Metric("m", 1.0, 1, 2))
        assert [one.step for one in store.get_metric_history(run, "m")] == [1, 2]


class TestSettings:
    def pragma(self, store, name):
        database = store._database
        return database.read(lambda one: one.exec_driver_sql(f"PRAGMA {name}").scalar())

    def test_sqlite_writes_ahead_and_checks_references(self, store):
        assert self.pragma(store, "journal_mode") == "wal"
        assert self.pragma(store, "foreign_keys") == 1
        assert self.pragma(store, "busy_timeout") >= 10_000
        assert self.pragma(store, "synchronous") == 1

    def test_commits_wait_for_the_disk_if_one_says_so(self, url, monkeypatch):
        monkeypatch.setenv("FLAVORKIT_SQLITE_SYNCHRONOUS", "full")
        store = open_store(url)
        assert self.pragma(store, "synchronous") == 2
        store.close()
        monkeypatch.setenv("FLAVORKIT_SQLITE_SYNCHRONOUS", "x; DROP TABLE runs")
        with pytest.raises(InvalidArgumentError, match=r"SQLITE_SYNCHRONOUS is one of"):
            open_store(url)

    @pytest.mark.parametrize("prefix", ["FLAVORKIT", "MLFLOW"])
    def test_the_pool_has_the_size_that_one_says(self, url, monkeypatch, prefix):
        monkeypatch.setenv(f"{prefix}_SQLALCHEMYSTORE_POOL_SIZE", "3")
        store = open_store(url)
        assert store._database.engine.pool.size() == 3
        store.close()


class TestConcurrency:
    def test_versions_are_dense_among_threads(self, store):
        store.create_registered_model("fox")
        with ThreadPoolExecutor(32) as pool:
            made = pool.map(lambda _: store.create_model_version("fox", "s3://b/m"), range(96))
            assert sorted(int(one.version) for one in made) == list(range(1, 97))

    def test_versions_are_dense_among_processes(self, url, store):
        store.create_registered_model("fox")

        def work(_):
            other = open_store(url)
            for _ in range(5):
                other.create_model_version("fox", "s3://b/m")
            other.close()

        assert in_processes(8, work) == {0}
        versions = store.search_model_versions("name = 'fox'")
        assert sorted(int(one.version) for one in versions) == list(range(1, 41))

    def test_a_writer_waits_for_another_one(self, store, run, path):
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=store.log_metric, args=(run, Metric("m", 1.0, 1, 1)))
        waiting.start()
        assert store.get_run(run).data.metrics == {}
        other.execute("COMMIT")
        waiting.join(30)
        other.close()
        assert store.get_run(run).data.metrics == {"m": 1.0}


def end_connections(connection):
    """End all other connections to a server."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return
    others = "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
    for number in connection.exec_driver_sql(others).scalars().all():
        with contextlib.suppress(sqlalchemy.exc.OperationalError):  # it is gone already
            connection.exec_driver_sql(f"KILL {number}")


class TestServers:
    @pytest.fixture(
        params=[
            pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql")),
            pytest.param("mariadb", marks=pytest.mark.xdist_group("mariadb")),
        ]
    )
    def server(self, request):
        return databases.emptied(request.getfixturevalue(f"{request.param}_url"))

    @pytest.fixture
    def store(self, server):
        store = open_store(server)
        yield store
        store.close()

    def test_a_lost_connection_is_made_again(self, store, server):
        run = store.create_run("0").info.run_id
        engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool)
        for step in range(3):
            with engine.connect() as connection:
                end_connections(connection)
            store.log_metric(run, Metric("m", 1.0, 1, step))
        assert len(store.get_metric_history(run, "m")) == 3

    def test_nothing_is_lost_while_connections_are(self, store, server):
        done = threading.Event()

        def log(worker):
            run = store.create_run("0").info.run_id
            for step in range(30):
                store.log_metric(run, Metric("m", float(worker), step, step))
            return run

        def disturb():
            engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool)
            while not done.is_set():
                with engine.connect() as connection:
                    end_connections(connection)
                done.wait(0.1)

        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(log, range(4)))
        done.set()
        disturbing.join(30)
        assert [len(store.get_metric_history(run, "m")) for run in runs] == [30] * 4
        assert len(store.search_runs(["0"])) == 4

    def test_of_what_was_lost_at_its_end_nobody_knows(self, server):
        """And nobody does it again, as it may have been done."""
        begun = []

        def work(connection):
            begun.append(connection.execute(sqlalchemy.text("SELECT 1")).scalar())

        killer = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool)

        def lose(connection):
            with killer.connect() as other:
                end_connections(other)

        with contextlib.closing(Database(server)) as database:
            sqlalchemy.event.listen(database.engine, "commit", lose)
            with pytest.raises(OutcomeUnknownError, match=r"look whether this was done before"):
                database.write(work)
        assert begun == [1]

    def test_versions_are_dense_among_threads(self, store):
        store.create_registered_model("fox")
        with ThreadPoolExecutor(16) as pool:
            made = pool.map(lambda _: store.create_model_version("fox", "s3://b/m"), range(48))
            assert sorted(int(one.version) for one in made) == list(range(1, 49))

    def test_processes_that_start_together_make_one_database(self, server):
        def begin_anew(connection):
            schema.metadata.drop_all(connection)
            revisions._version.drop(connection, checkfirst=True)

        database = Database(server)
        database.write(begin_anew)
        database.close()

        def work(_):
            store = open_store(server)
            store.log_metric(store.create_run("0").info.run_id, Metric("m", 1.0, 1, 1))
            store.close()

        assert in_processes(6, work) == {0}
        store = open_store(server)
        assert len(store.search_runs(["0"], "metrics.m = 1")) == 6
        store.close()

    def test_the_same_new_metrics_of_many_runs_at_once(self, store):
        def log(number):
            run = store.create_run("0").info.run_id
            keys = range(number, number + 10) if number % 2 else range(number + 10, number, -1)
            store.log_batch(run, [Metric(f"m{key}", 1.0, 1, 1) for key in keys])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(log, range(24)))
        assert len(store.search_runs(["0"])) == 24


class TestRegistry:
    def test_latest_is_the_newest_version(self, store):
        store.create_registered_model("fox")
        with pytest.raises(NotFoundError, match=r"fox.*no version"):
            store.get_model_version_by_alias("fox", "latest")
        for _ in range(3):
            store.create_model_version("fox", "s3://b/m")
        store.transition_model_version_stage("fox", "3", "Archived")
        assert store.get_model_version_by_alias("fox", "latest").version == "3"

    def test_the_history_says_who(self, store):
        store.create_registered_model("fox")
        store.create_model_version("fox", "s3://b/m")
        with actor.acting_as("ada"):
            store.set_registered_model_alias("fox", "best", "1")
        store.rename_registered_model("fox", "wolf")
        store.delete_model_version("wolf", "1")
        alias, ended, stage = store.get_registry_history("wolf")
        assert (alias.user, alias.name, alias.after) == ("ada", "wolf", "1")
        assert (ended.subject, ended.before, ended.after) == ("best", "1", None)
        assert (stage.kind, stage.before, stage.after) == ("stage", "None", None)

    def test_a_logged_model_knows_its_versions_once(self, store):
        model = store.create_logged_model("0", "m")
        store.create_registered_model("fox")
        store.create_model_version("fox", f"models:/{model.model_id}")
        noted = store.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
        again = [*json.loads(noted), {"name": "fox", "version": 1}]
        store.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": json.dumps(again)})
        store.create_model_version("fox", "s3://b/m", model_id=model.model_id)
        noted = store.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
        assert json.loads(noted) == [
            {"name": "fox", "version": "1"},
            {"name": "fox", "version": "2"},
        ]

    def test_sources_lead_to_files(self, store, run):
        uri = store.get_run(run).info.artifact_uri
        store.create_registered_model("fox")
        store.create_model_version("fox", f"runs:/{run}/some/model")
        store.create_registered_model("copy")
        store.create_model_version("copy", "models:/fox/1")
        for name in ("fox", "copy"):
            assert store.get_model_version_download_uri(name, "1") == f"{uri}/some/model"
        for source in ("models:/fox/9", "models:/m-" + "0" * 32):
            with pytest.raises(NotFoundError, match=r"there is no"):
                store.create_model_version("fox", source)
        for source in (f"runs:/{run}/../../x", f"runs:/{run}/a\\b", f"runs:/{run}/a?b"):
            with pytest.raises(InvalidArgumentError, match=r"no path below a run"):
                store.create_model_version("fox", source)


class TestMetrics:
    def test_a_long_history_is_thinned_evenly(self, store, run):
        points = [Metric("m", float(step), step, step) for step in range(1000)]
        store.log_batch(run, points)
        found = store.get_metric_history_bulk([run], "m", max_results=10)
        assert [one.step for one in found] == [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]
        assert [one.step for one in store.get_metric_history_bulk([run], "m", max_results=1)] == [
            999
        ]
        assert len(store.get_metric_history_bulk([run, run, "0" * 32], "m")) == 1000

    def test_a_number_counts_before_nan_at_the_same_time(self, store, run):
        for value in (-1.0, float("nan"), -2.0):
            store.log_metric(run, Metric("m", value, 1, 1))
        assert store.get_run(run).data.metrics == {"m": -1.0}

    def test_what_failed_leaves_no_number_of_a_key_behind(self, store, run):
        with pytest.raises(NotFoundError, match=r"m-none"):
            store.log_metric(run, Metric("new", 1.0, 1, 1, model_id="m-none"))
        store.log_metric(run, Metric("other", 1.0, 1, 1))
        store.log_metric(run, Metric("new", 2.0, 1, 1))
        assert store.get_run(run).data.metrics == {"new": 2.0, "other": 1.0}


def test_nothing_of_a_purged_run_remains(store, run):
    model = store.create_logged_model("0", "m")
    store.log_batch(
        run,
        [Metric("m", 1.0, 1, 1, model_id=model.model_id)],
        [Param("p", "1")],
        [RunTag("t", "1")],
    )
    store.delete_run(run)
    store.purge(run_ids=[run])

    def rows(connection):
        return {
            table.name
            for table in schema.metadata.sorted_tables
            if connection.execute(sqlalchemy.select(table)).first()
        }

    assert store._database.read(rows) == {"experiments", "logged_models", "metric_keys"}
