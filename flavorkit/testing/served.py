"""A real server process on a real socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pytest


def _children_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/task/{pid}/children")


@dataclass
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must be JSON that any parser takes."""
        return json.loads(self.body, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


class Server:
    """``flavorkit serve`` on a free port of loopback, with one worker if not told otherwise."""

    def __init__(self, folder: str | Path, *options: str, **env: str) -> None:
        if not {"-w", "--workers"} & {*options}:
            options = ("-w", "1", *options)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flavorkit", "serve", "-m", str(folder), "-p", "0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        self._stderr = cast(IO[str], self.process.stderr)
        self.log: list[str] = []
        self.port = self._wait_for_port()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _wait_for_port(self) -> int:
        for line in self._stderr:
            self.log.append(line)
            announced = re.search(r"serving .* on http://\S+:(\d+)", line)
            if announced:
                return int(announced[1])
        pytest.fail(f"the server did not start: {''.join(self.log)}")

    def _drain(self) -> None:
        with contextlib.suppress(ValueError):  # closed
            self.log.extend(self._stderr)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; underscores in the names of headers stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def workers(self) -> list[int]:
        """The ids of the processes that answer."""
        pid = self.process.pid
        return [int(child) for child in _children_of(pid).read_text().split()]

    def invoke(self, payload: Any, content_type: str | None = "application/json") -> Answer:
        """Send ``payload``, as it is if it is bytes and else as JSON, to ``/invocations``."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {} if content_type is None else {"Content_Type": content_type}
        return self.request("POST", "/invocations", body, **headers)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end, and for all of the log; the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self._reader.join(60)
        return status

    def kill(self) -> None:
        """End it at once, if it is still running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._stderr.close()
