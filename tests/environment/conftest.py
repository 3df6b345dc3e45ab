"""Environments are slow to make, so the tests share one root, across processes too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flavorkit.environment import cache
from flavorkit.environment.create import Spec, prepare

MANAGERS = ["uv", pytest.param("virtualenv", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    return base / "environments"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder for environments of the test's own."""
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def model(tmp_path):
    """As much of a saved model as an environment is made from."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six==1.16.0\n")
    return folder


@pytest.fixture(params=MANAGERS)
def environment(request, shared_root, model, monkeypatch):
    """A real one, made by each manager, with the model's requirements in it."""
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(shared_root))
    made = prepare(Spec.of(model, request.param), lambda line: None)
    yield made
    made.release()


def names(root: Path) -> list[str]:
    """The environments in ``root``, complete or not."""
    assert cache.root() == root
    return [one.name for one in cache.cached()]
