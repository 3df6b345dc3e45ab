"""What is special to the store in a SQL database."""

from __future__ import annotations

import sqlite3

import pytest

from flavorkit.tracking.entities import Metric, RunTag
from flavorkit.tracking.stores import open_store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    store = open_store(f"sqlite:///{path}")
    yield store
    store.close()


def test_a_new_database_has_the_default_experiment(store, tmp_path):
    default = store.get_experiment("0")
    assert default.name == "Default"
    assert default.artifact_location == (tmp_path / "flavorkit-artifacts" / "0").as_uri()


def test_the_database_is_a_write_ahead_log(store, path):
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_the_latest_value_of_a_metric_is_the_one_of_the_largest_step(store):
    run = store.create_run("0", tags=[RunTag("a", "b")]).info.run_id
    for step, value in ((2, 0.2), (3, 0.3), (1, 0.1)):
        store.log_metric(run, Metric("loss", value, 10 - step, step))
    assert store.get_run(run).data.metrics == {"loss": 0.3}
