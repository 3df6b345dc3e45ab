"""The stores that the contract suite runs against, each as its users open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flavorkit.tracking.stores import open_store


@contextmanager
def sqlite(folder: Path, request: pytest.FixtureRequest) -> Iterator[object]:
    """A store in a database file of its own."""
    store = open_store(f"sqlite:///{folder}/flavorkit.db")
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


Opened = Callable[[Path, pytest.FixtureRequest], object]
STORES: dict[str, Opened] = {"http": http, "sqlite": sqlite}


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    """A store with nothing in it but the experiment that every store has."""
    with STORES[request.param](tmp_path, request) as opened:
        yield opened
