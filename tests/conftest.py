"""What every test stands on: a home of its own, and small data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest

from tests.ports import held_port

# Before the first test module imports it.
pytest.register_assert_rewrite(
    "flavorkit.testing.contract",
    "flavorkit.testing.cases",
    "flavorkit.testing.crowd",
    "tests.interop.tracking_steps",
)

# Keys that the tests make belong to the tests. Set before anything reads it, and inherited by every
# process that a test starts.
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="flavorkit-tests-")
for name in list(os.environ):
    if name.startswith(("FLAVORKIT_", "MLFLOW_")) and name != "FLAVORKIT_TESTS_MAY_NOT_SKIP":
        del os.environ[name]

# The same examples each time, so that what fails was changed; `make test-long` looks for new ones.
# How long one takes depends on what else the machine does.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None)
hypothesis.settings.register_profile(
    "explore",
    derandomize=False,
    max_examples=5000,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("tests")

ROOT = Path(__file__).parent.parent


def pytest_sessionfinish():
    shutil.rmtree(os.environ["XDG_CONFIG_HOME"], ignore_errors=True)


@pytest.fixture
def port():
    """A port for a server of the test, which nobody else is given meanwhile."""
    with held_port() as held:
        yield held


def need(tool: str) -> str:
    """The path of a command; without it the test is skipped, or fails where it may not be."""
    path = shutil.which(tool)
    if path is None:
        message = f"{tool} is not installed"
        if os.environ.get("FLAVORKIT_TESTS_MAY_NOT_SKIP"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def as_a_user_has_it(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what tests before have set for themselves and for MLflow."""
    ours = ("FLAVORKIT_", "MLFLOW_")
    return {name: value for name, value in environ.items() if not name.startswith(ours)}


def foreign_environment() -> dict[str, str]:
    """The environment of processes that run nothing of ours.

    What they do is not looked at to count the lines of ours that run, which would take them half
    as long again; and MLflow's server starts no processes beside it for jobs that nobody gives it.
    """
    ours = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    ours.pop("COVERAGE_PROCESS_CONFIG", None)
    return ours


@pytest.fixture
def keys_home(tmp_path, monkeypatch):
    """A configuration folder of the test's own, without any key in it."""
    home = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home / "flavorkit"


@pytest.fixture(scope="session")
def iris():
    """150 flowers: a frame of four double columns, and their species."""
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="session")
def iris_model(iris):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000).fit(*iris)


@pytest.fixture(scope="session")
def iris_folder(iris, iris_model, tmp_path_factory):
    """A saved model, which tests copy before they change it."""
    import flavorkit

    folder = tmp_path_factory.mktemp("models") / "iris"
    flavorkit.save_model(iris_model, folder, input_example=iris[0][:3])
    return folder


@pytest.fixture
def iris_copy(iris_folder, tmp_path):
    return Path(shutil.copytree(iris_folder, tmp_path / "iris"))


@pytest.fixture
def fake_uv(tmp_path, monkeypatch):
    from tests.environment.fake import FakeUv

    fake = FakeUv(tmp_path / "fake")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=os.pathsep)
    return fake
