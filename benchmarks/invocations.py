"""Requests per second: one row of JSON, which the model gets as a frame."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import model
from harness import Figure, Server, flavorkit_server, mlflow_server, show, wrk

SECONDS, ROUNDS = 3, 5
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
"""
BUDGETS = {1: 1300}


def figures() -> list[Figure]:
    folder, body = model.folder(), model.one_row()
    found = []
    with flavorkit_server(folder, body) as ours, mlflow_server(folder, body) as theirs:
        for connections, budget in BUDGETS.items():
            rates: dict[str, list[float]] = {"ours": [], "theirs": []}
            for _ in range(ROUNDS):
                rates["ours"].append(rate(ours, body, connections))
                rates["theirs"].append(rate(theirs, body, connections))
            middle = {name: statistics.median(values) for name, values in rates.items()}
            what = f"`/invocations`, 1 row, {connections} connection"
            found.append(
                Figure(what, middle["ours"], "/s", budget, middle["theirs"], more_is_better=True)
            )
    return found


def rate(server: Server, body: bytes, connections: int) -> float:
    """Answers per second; any that is not 200 is an error."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(POST.format(body=body.decode()))
        script.flush()
        load = ["-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", script.name, server.url]
        done = subprocess.run([wrk(), *load], check=True, capture_output=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found
    return float(found[1])


if __name__ == "__main__":
    assert Path(wrk())
    show(figures())
