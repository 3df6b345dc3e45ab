"""Where runs go when nobody says."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flavorkit.tracking import defaults


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLAVORKIT_TRACKING_URI", raising=False)
    monkeypatch.delenv("FLAVORKIT_REGISTRY_URI", raising=False)
    yield
    defaults.set_tracking_uri(None)
    defaults.set_registry_uri(None)
    defaults.close_stores()


def test_a_database_in_the_current_folder(tmp_path):
    assert defaults.tracking_uri() == f"sqlite:///{tmp_path}/flavorkit.db"
    assert defaults.registry_uri() == defaults.tracking_uri()
    assert not defaults.is_tracking_uri_set()


def test_a_folder_of_mlflow_with_experiments_goes_on(tmp_path):
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    assert defaults.tracking_uri().startswith("sqlite:")
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    assert defaults.tracking_uri() == (tmp_path / "mlruns").as_uri()


def test_the_environment_comes_before_the_current_folder(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://them:1")
    assert defaults.tracking_uri() == "http://them:1"
    monkeypatch.setenv("FLAVORKIT_TRACKING_URI", "http://us:1")
    assert defaults.tracking_uri() == defaults.registry_uri() == "http://us:1"
    monkeypatch.setenv("FLAVORKIT_REGISTRY_URI", "http://models:1")
    assert defaults.registry_uri() == "http://models:1"
    assert defaults.is_tracking_uri_set()


def test_what_is_set_comes_first_and_can_be_unset(monkeypatch):
    monkeypatch.setenv("FLAVORKIT_TRACKING_URI", "http://environment:1")
    defaults.set_tracking_uri("http://program:1")
    defaults.set_tracking_uri("http://program:2")
    assert defaults.tracking_uri() == "http://program:2"
    defaults.set_tracking_uri("")
    assert defaults.tracking_uri() == "http://environment:1"


def test_programs_that_are_started_inherit_it():
    defaults.set_tracking_uri("http://program:1")
    code = "from flavorkit.tracking import defaults; print(defaults.tracking_uri())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "http://program:1"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("runs", "{here}/runs"),
        ("/runs", "/runs"),
        (Path("runs"), "file://{here}/runs"),
        ("file:runs", "file://{here}/runs"),
        ("file:///runs", "file:///runs"),
        ("sqlite:///a b.db?x=1", "sqlite:///{here}/a b.db?x=1"),
        ("sqlite:////a.db", "sqlite:////a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:p@host/db", "postgresql://u:p@host/db"),
    ],
)
def test_what_is_relative_stays_where_it_was_set(given, meant, tmp_path, monkeypatch):
    defaults.set_tracking_uri(given)
    monkeypatch.chdir("/")
    assert defaults.tracking_uri() == meant.format(here=tmp_path)
    assert os.environ["FLAVORKIT_TRACKING_URI"] == defaults.tracking_uri()


def test_a_process_opens_a_store_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        stores = set(pool.map(lambda _: defaults.store(), range(20)))
    assert len(stores) == 1
    assert defaults.registry_store() in stores
    assert defaults.store(f"sqlite:///{tmp_path}/other.db") not in stores
    defaults.close_stores()
    assert defaults.store() not in stores


def test_registered_models_are_with_the_runs_of_whoever_asks(tmp_path):
    assert defaults.registry_uri("http://runs:1") == "http://runs:1"
    defaults.set_registry_uri("http://models:1")
    assert defaults.registry_uri("http://runs:1") == "http://models:1"


def test_a_forked_process_opens_its_own():
    code = """
import os
from flavorkit.tracking import defaults
ours = defaults.store()
experiment = ours.create_experiment("e")
if os.fork() == 0:
    theirs = defaults.store()
    assert theirs is not ours
    theirs.create_run(experiment)
    theirs.close()
    os._exit(0)
assert os.wait()[1] == 0
ours.create_run(experiment)
assert len(ours.search_runs([experiment])) == 2
"""
    subprocess.run([sys.executable, "-c", code], check=True)
