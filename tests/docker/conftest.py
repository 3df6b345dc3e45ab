"""A real engine, and containers of it that no test leaves behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import pytest

from flavorkit.docker.engine import Engine
from tests.conftest import need
from tests.docker.fake import FakeEngines


@pytest.fixture(scope="session")
def docker():
    """The command of an engine that answers; without one the test is skipped, or fails in CI."""
    command = need("docker")
    if subprocess.run([command, "info"], capture_output=True, check=False).returncode != 0:
        message = "no Docker engine answers"
        if os.environ.get("FLAVORKIT_TESTS_MAY_NOT_SKIP"):
            pytest.fail(message)
        pytest.skip(message)
    return Engine("docker", command)


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """The path without any engine; stand-ins can be put there."""
    folder = tmp_path / "engines" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    return FakeEngines(folder)


@dataclass(frozen=True)
class Container:
    """A container that runs.

    Args:
        docker: the command.
        name: of the container.
        host: its address on the engine's own network, without a proxy between.
    """

    docker: str
    name: str
    host: str

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of an answer, which is JSON."""
        connection = http.client.HTTPConnection(self.host, 8080, timeout=60)
        with contextlib.closing(connection):
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def inspect(self, template: str) -> str:
        """What the engine says of it."""
        return output(self.docker, "inspect", "--format", template, self.name)

    def logs(self) -> str:
        """All that it has written."""
        done = subprocess.run([self.docker, "logs", self.name], capture_output=True, check=True)
        return (done.stdout + done.stderr).decode()

    def wait_until_healthy(self) -> None:
        """Wait for what its HEALTHCHECK says."""
        while (status := self.inspect("{{.State.Health.Status}}")) != "healthy":
            if status == "unhealthy" or self.inspect("{{.State.Running}}") != "true":
                pytest.fail(self.logs())
            time.sleep(0.1)

    def wait_until_ready(self) -> None:
        """Wait until it answers, which is before the engine looks."""
        while True:
            with contextlib.suppress(OSError):
                if self.request("GET", "/health/ready")[0] == 200:
                    return
            if self.inspect("{{.State.Running}}") != "true":
                pytest.fail(self.logs())
            time.sleep(0.05)

    def stop(self) -> int:
        """Have it drain; its exit status is returned."""
        output(self.docker, "stop", "--time", "60", self.name)
        return int(self.inspect("{{.State.ExitCode}}"))


def output(*command: str) -> str:
    """What a command says, which must not fail."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def run(docker):
    """Starts a container of an image; it is gone after the test."""
    started = []

    def start(image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
        name = f"flavorkit-test-{secrets.token_hex(4)}"
        started.append(name)
        output(docker.path, "run", "--detach", "--name", name, *options, image, *command)
        address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        host = output(docker.path, "inspect", "--format", address, name)
        return Container(docker.path, name, host)

    yield start
    for name in started:
        subprocess.run([docker.path, "rm", "--force", name], capture_output=True, check=False)
