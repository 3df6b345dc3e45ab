"""Stock MLflow, as it is installed from the package index, beside flavorkit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from pathlib import Path

import pytest

from flavorkit.testing import Answer, Server  # noqa: F401
from tests.conftest import ROOT, foreign_environment
from tests.ports import held_port
from tests.serving.conftest import start  # noqa: F401 - a fixture
from tests.tracking import served


def pytest_collection_modifyitems(items):
    for item in items:
        if "/interop/" in str(item.path):
            # MLflow's own code, and the libraries below it, warn of what they will change.
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(autouse=True)
def settings_of_before():
    """What a test has set for the processes that it might start is gone after it."""
    before = {**os.environ}
    yield
    for name in {*before, *os.environ}:
        if name.startswith(("FLAVORKIT_", "MLFLOW_")) and before.get(name) != os.environ.get(name):
            os.environ.pop(name, None)
            os.environ |= {name: before[name]} if name in before else {}


@pytest.fixture(scope="session", autouse=True)
def main_file():
    """In a process of pytest-xdist the main module has no file, and pyspark, which MLflow imports to
    look for Spark's frames, takes that for a run of its doctests and ends the process."""
    main = sys.modules["__main__"]
    with pytest.MonkeyPatch.context() as patch:
        if not hasattr(main, "__file__"):
            patch.setattr(main, "__file__", __file__, raising=False)
        yield


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory):
    """Stock MLflow, writing nothing outside a scratch folder."""
    os.environ.setdefault(
        "MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/db"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.pyfunc
        import mlflow.sklearn
    import logging

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return mlflow


@pytest.fixture(autouse=True)
def one_h2o(monkeypatch):
    """MLflow loads H2O's models into what answers at the default port, or starts a cluster there."""
    if "h2o" in sys.modules:
        monkeypatch.setattr("h2o.init", lambda **options: None)


@pytest.fixture(scope="session")
def flavorkit_tracking_server(tmp_path_factory):
    """The URL of ``flavorkit server``, for all tests that share a worker."""
    server = served.Process(tmp_path_factory.mktemp("flavorkit-server"))
    yield server.url
    server.kill()


@pytest.fixture(scope="session")
def mlflow_tracking_server(tmp_path_factory):
    """The URL of ``mlflow server``, for all tests that share a worker: it is slow to start."""
    with held_port() as port:
        yield from _mlflow_tracking_server(tmp_path_factory.mktemp("mlflow-server"), port)


def _mlflow_tracking_server(folder, port):
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=foreign_environment(),
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 300
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.2)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


class MlflowServer(Server):
    """``mlflow models serve`` on a free port of loopback."""

    def __init__(self, folder):
        self._until_ended = contextlib.ExitStack()
        self.port = self._until_ended.enter_context(held_port())
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder)]
        # It starts the uvicorn it finds on PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            [*command, "-p", str(self.port), "--env-manager", "local"],
            cwd=ROOT,
            env={**foreign_environment(), "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self):
        while True:
            assert self.process.poll() is None, "mlflow models serve has ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=60)
                return self
            time.sleep(0.05)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._until_ended.close()
