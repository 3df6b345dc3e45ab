"""The stores that the contract suite runs against, each as its users open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flavorkit.tracking.stores import open_store
from tests.tracking import databases


@pytest.fixture(autouse=True)
def nothing_of_mlflows(monkeypatch):
    """What MLflow is at, which tests beside it set for the whole process, is not what we are at."""
    for name in ("TRACKING_URI", "REGISTRY_URI", "EXPERIMENT_ID", "EXPERIMENT_NAME", "RUN_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)


@contextmanager
def sqlite(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store in a database file of its own."""
    store = open_store(f"sqlite:///{folder}/flavorkit.db")
    yield store
    store.close()


@contextmanager
def files(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store in folders like MLflow's."""
    store = open_store(folder / "mlruns")
    yield store
    store.close()


@contextmanager
def http(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store behind a server of ours, on a database file of its own."""
    from tests.tracking import served

    with served.thread(served.settings_in(folder)) as url:
        store = open_store(url)
        yield store
        store.close()


@pytest.fixture(scope="session")
def postgresql_url():
    """The URL of a database of PostgreSQL, which the tests share."""
    with databases.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url():
    """The URL of a database of MariaDB, which the tests share."""
    with databases.mariadb() as url:
        yield url


@contextmanager
def in_database(url: str, folder: Path) -> Iterator[object]:
    """A store in a database that was emptied for it."""
    store = open_store(databases.emptied(url), (folder / "artifacts").as_uri())
    yield store
    store.close()


@contextmanager
def postgresql(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store in PostgreSQL."""
    with in_database(request.getfixturevalue("postgresql_url"), folder) as store:
        yield store


@contextmanager
def mariadb(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store in MariaDB."""
    with in_database(request.getfixturevalue("mariadb_url"), folder) as store:
        yield store


Opened = Callable[[Path, pytest.FixtureRequest], object]
STORES: dict[str, Opened] = {
    "files": files,
    "http": http,
    "mariadb": mariadb,
    "postgresql": postgresql,
    "sqlite": sqlite,
}
# Each server is started by one worker only.
SHARED = {"mariadb", "postgresql"}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.xdist_group(name) if name in SHARED else ())
        for name in sorted(STORES)
    ]
)
def store(request, tmp_path):
    """A store with nothing in it but the experiment that every store has."""
    with STORES[request.param](tmp_path, request) as opened:
        yield opened
