"""The targets that come along: processes, containers, and containers of a made-up engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flavorkit.deployments import BaseDeploymentClient, get_deploy_client

HERE = Path(__file__).parent
BASE = "python:3.11-slim"
IMAGE = "flavorkit-tests/served:1"
DOCKERFILE = f"""\
FROM {BASE}
COPY fake_server.py /server.py
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python3", "/server.py", "0.0.0.0", "8080"]
"""


@dataclass
class Site:
    """A target, and what deployments there are made of."""

    target: str
    client: BaseDeploymentClient
    model: str
    config: dict[str, Any]
    broken: dict[str, Any]
    """Arguments of ``update_deployment`` that do not work."""
    made: list[str] = field(default_factory=list)

    def create(self, name: str, **more: Any) -> dict[str, Any]:
        self.made.append(name)
        return self.client.create_deployment(name, self.model, config={**self.config, **more})

    def clear(self) -> None:
        for name in self.made:
            self.client.delete_deployment(name)


@dataclass
class FakeEngine:
    """A ``docker`` that is first on the path."""

    home: Path

    def calls(self, command: str) -> list[list[str]]:
        """The arguments of each call of one of its commands."""
        path = self.home / "calls"
        calls = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [call[1:] for call in calls if call[0] == command]


def eventually(condition, *, seconds=300):
    """What ``condition`` returns once that is true; fails if it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def home(patch, tmp_path_factory):
    """A folder of the module's own that its deployments are remembered in."""
    folder = tmp_path_factory.mktemp("home") / "deployments"
    patch.setenv("FLAVORKIT_DEPLOYMENTS_DIR", str(folder))
    return folder


def install_fake_engine(folder: Path, patch: pytest.MonkeyPatch) -> FakeEngine:
    """Put a made-up ``docker`` first on the path."""
    script = folder / "docker"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE}/fake_engine.py {folder} "$@"\n')
    script.chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=os.pathsep)
    return FakeEngine(folder)


@pytest.fixture(scope="module")
def fake_engine(patch, home, tmp_path_factory):
    return install_fake_engine(tmp_path_factory.mktemp("engine"), patch)


@pytest.fixture(scope="session")
def engine():
    """The command of an engine that runs; without one the test is skipped, or fails where it may
    not be."""
    docker = shutil.which("docker")
    asked = docker and subprocess.run([docker, "info"], capture_output=True, check=False)
    if asked and asked.returncode == 0:
        return docker
    message = "no container engine runs here"
    if os.environ.get("FLAVORKIT_TESTS_MAY_NOT_SKIP"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def image(engine, tmp_path_factory):
    """An image with a server of a made-up model."""
    known = subprocess.run([engine, "image", "inspect", BASE], capture_output=True, check=False)
    if known.returncode:
        pytest.skip(f"the engine has no image {BASE}")
    context = tmp_path_factory.mktemp("context")
    (context / "Dockerfile").write_text(DOCKERFILE)
    shutil.copyfile(HERE / "fake_server.py", context / "fake_server.py")
    command = [engine, "build", "--tag", IMAGE, str(context)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return IMAGE


@pytest.fixture(scope="module", params=["local", "fake docker", "docker"])
def site(request, home, iris_folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "docker":
            request.getfixturevalue("image")
        elif request.param == "fake docker":
            install_fake_engine(tmp_path_factory.mktemp("engine"), patch)
        if request.param == "local":
            model, config = str(iris_folder), {"workers": 1}
            broken = {"model_uri": str(iris_folder / "nowhere")}
        else:
            model, config = "models:/iris/1", {"image": IMAGE, "memory": "256m", "cpus": "1"}
            broken = {"config": {"env": {"BROKEN": "1"}}}
        target = request.param.rpartition(" ")[2]
        made = Site(target, get_deploy_client(target), model, config, broken)
        yield made
        made.clear()
