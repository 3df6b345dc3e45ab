"""A real server process on a real socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


class Server:
    """``flavorkit serve`` on a free port of loopback."""

    def __init__(self, folder, *options: str, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flavorkit", "serve", "-m", str(folder), "-p", "0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        self.log: list[str] = []
        self.port = self._wait_for_port()
        threading.Thread(target=self._drain, daemon=True).start()

    def _wait_for_port(self) -> int:
        for line in self.process.stderr:
            self.log.append(line)
            if line.startswith("serving "):
                return int(line.rsplit(":", 1)[1])
        pytest.fail(f"the server did not start: {''.join(self.log)}")

    def _drain(self) -> None:
        self.log.extend(self.process.stderr)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def invoke(self, payload: Any, content_type: str | None = "application/json") -> Answer:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {} if content_type is None else {"Content_Type": content_type}
        return self.request("POST", "/invocations", body, **headers)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def start():
    """Starts servers, and stops those that a test has left running."""
    servers = []

    def run(*args, **kwargs):
        servers.append(Server(*args, **kwargs))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        server.process.stderr.close()


@pytest.fixture(scope="session")
def server(start, iris_folder):
    """The iris model, served."""
    return start(iris_folder, "--max-body-mib", "1", "-t", "20")
