"""A folder, a database and a process state of a test's own, for what goes to the active run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flavorkit
from flavorkit.tracking import active_model, defaults, spool
from flavorkit.tracking.fluent import active, experiments
from flavorkit.tracking.fluent.last_model import last
from tests.tracking import served

ROOT = Path(__file__).parents[2]


def forget() -> None:
    """Be as a process that has only just begun."""
    active._forget()
    experiments._deactivate()
    active_model.clear()
    last.set(None, None)
    spool.enable_async_logging(False)
    spool._close()
    spool._looked_after.clear()
    defaults.set_tracking_uri(None)
    defaults.set_registry_uri(None)
    defaults.close_stores()


def settings():
    """The variables of the environment that say how tracking works."""
    return [name for name in os.environ if name.startswith(("FLAVORKIT_", "MLFLOW_"))]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """The folder that the test works in; runs go to a database there."""
    for name in settings():
        monkeypatch.delenv(name)
    forget()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLAVORKIT_SPOOL_DIR", str(tmp_path / "spool"))
    flavorkit.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    yield tmp_path
    forget()
    for name in settings():  # MLflow leaves some behind
        del os.environ[name]


@pytest.fixture(params=["database", "folders", "server"])
def anywhere(request, workspace):
    """The same, with runs in a database, in MLflow's folders, or behind a server of ours."""
    if request.param == "folders":
        flavorkit.set_tracking_uri(workspace / "mlruns")
    if request.param != "server":
        yield workspace
        return
    with served.thread(served.settings_in(workspace)) as url:
        flavorkit.set_tracking_uri(url)
        yield workspace
        forget()


def eventually(condition, *, seconds=30):
    """What ``condition`` returns once that is true; fails if it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def run_python(code: str, *, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with this flavorkit."""
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
