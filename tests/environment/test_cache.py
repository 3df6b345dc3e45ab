"""Environments that nobody uses can go, and no others."""

from __future__ import annotations

import os
import time

import pytest

from flavorkit.environment import cache
from flavorkit.environment.create import Spec, prepare
from tests.environment.conftest import names

DAY = 24 * 3600


@pytest.fixture
def made(fake_uv, model, root):
    fake_uv.install()
    return prepare(Spec.of(model, "uv"), lambda line: None)


def age(environment, days):
    then = time.time() - days * DAY
    os.utime(environment.place.folder / "complete.json", (then, then))


def test_one_in_use_stays(made, root):
    age(made, 100)
    assert cache.prune(None) == []
    made.release()
    assert cache.prune(None) == [made.place.folder.name]
    assert names(root) == []


def test_the_unused_go(made, root):
    made.release()
    age(made, 29)
    assert cache.prune(30) == []
    age(made, 31)
    assert cache.prune(30) == [made.place.folder.name]
    assert [path.name for path in root.iterdir()] == [".flavorkit-locks"]


def test_incomplete_ones_go_in_any_case(made, root):
    made.release()
    (made.place.folder / "complete.json").write_text("{")
    assert [one.used_at for one in cache.cached()] == [None]
    assert cache.prune(30) == [made.place.folder.name]


def test_what_others_keep_there_stays(made, root):
    made.release()
    (root / "mlflow-0123456789").mkdir()
    (root / ".flavorkit-removed-abc").mkdir()
    cache.prune(None)
    assert {path.name for path in root.iterdir()} == {"mlflow-0123456789", ".flavorkit-locks"}


def test_nothing_is_kept_where_there_is_nothing(root):
    assert cache.cached() == []
    assert cache.prune(None) == []
    assert not root.exists()


def test_where_they_are(monkeypatch, tmp_path):
    monkeypatch.delenv("FLAVORKIT_ENV_ROOT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "flavorkit" / "envs"
    monkeypatch.setenv("MLFLOW_ENV_ROOT", "/theirs")
    assert str(cache.root()) == "/theirs"
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", "/ours")
    assert str(cache.root()) == "/ours"
