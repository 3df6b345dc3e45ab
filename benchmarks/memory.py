"""The memory of a scoring server after a thousand requests."""

from __future__ import annotations

import http.client
import subprocess
import sys

import model
from harness import ENV, Figure, Server, flavorkit_server, mlflow_server, show
from start import NEEDED

REQUESTS = 1000


def figures() -> list[Figure]:
    folder, body = model.folder(), model.one_row()
    with flavorkit_server(folder, body) as server:
        ours = _after_requests(server, body)
    with mlflow_server(folder, body) as server:
        theirs = _after_requests(server, body)
    needed = _needed()
    return [
        Figure("serve: memory", ours, "MB", None, theirs),
        Figure(
            "the same, above importing what the model needs",
            ours - needed,
            "MB",
            30,
            theirs - needed,
        ),
    ]


def _after_requests(server: Server, body: bytes) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for _ in range(REQUESTS):
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()
    return server.resident_mb()


def _needed() -> float:
    """The memory of a process that has imported what the model needs, and nothing else."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{NEEDED}; print(flush=True); input()"],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    megabytes = Server(0, process, 0).resident_mb()
    process.communicate(b"\n")
    return megabytes


if __name__ == "__main__":
    show(figures())
