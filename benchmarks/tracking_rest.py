"""Logging over REST: our client and MLflow's against our server, MLflow's against MLflow's."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness import ENV, Figure, Server, free_port, per_second, side_by_side

METRICS, RUNS, ASYNCHRONOUS = 50, 5, 1_000
MEGABYTES = 10


def figures(folder: Path, rounds: int) -> Iterator[Figure]:
    """What is done in a second, and the memory that the servers take after it.

    Args:
        folder: where the servers and clients keep everything.
        rounds: how often each takes its turn.
    """
    # MLflow's client prints where a run can be seen whenever one ends.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["FLAVORKIT_SPOOL_DIR"] = str(folder / "spool")
    with _our_server(folder) as our_server, _their_server(folder) as their_server:
        yield from _measured(folder, _url(our_server), _url(their_server), rounds)
        yield Figure(
            "tracking server: memory after that, all processes",
            *(our_server.resident_mb(), "MB", 150, their_server.resident_mb()),
        )


def _measured(folder: Path, our_url: str, their_url: str, rounds: int) -> Iterator[Figure]:
    from mlflow import MlflowClient

    from flavorkit import FlavorkitClient

    clients: dict[str, Any] = {
        "ours": FlavorkitClient(our_url),
        "mixed": MlflowClient(our_url),
        "theirs": MlflowClient(their_url),
    }
    ids = {name: client.create_run("0").info.run_id for name, client in clients.items()}
    steps = itertools.count()

    def metrics(name: str) -> Callable[[], None]:
        def log() -> None:
            for step in itertools.islice(steps, METRICS):
                clients[name].log_metric(ids[name], "loss", 0.5, step=step)

        return log

    def whole(name: str) -> Callable[[], None]:
        def log() -> None:
            for _ in range(RUNS):
                _whole_run(clients[name])

        return log

    yield from _three("`log_metric` over REST", METRICS, (1_000, 400), metrics, rounds)
    yield from _three("runs with 3 params and 2 metrics over REST", RUNS, (250, 60), whole, rounds)

    def unwaited(name: str) -> Callable[[], None]:
        def log() -> None:
            waiting = [
                clients[name].log_metric(ids[name], "loss", 0.5, step=step, synchronous=False)
                for step in itertools.islice(steps, ASYNCHRONOUS)
            ]
            for one in waiting:
                one.wait()

        return log

    both = {"ours": unwaited("ours"), "theirs": unwaited("theirs")}
    what = "`log_metric` over REST with `synchronous=False`, until the store has all"
    yield per_second(what, ASYNCHRONOUS, None, both, min(rounds, 3))

    file = folder / "model.bin"
    file.write_bytes(os.urandom(MEGABYTES * 1_000_000))

    def sent(name: str) -> Callable[[], None]:
        return lambda: clients[name].log_artifact(ids[name], str(file))

    seconds = side_by_side({"ours": sent("ours"), "theirs": sent("theirs")}, rounds)
    yield Figure(
        f"`log_artifact` of {MEGABYTES} MB through the server",
        *(seconds["ours"] * 1000, "ms", None, seconds["theirs"] * 1000),
    )


def _three(
    what: str,
    count: int,
    budgets: tuple[float, float],
    run: Callable[[str], Callable[[], None]],
    rounds: int,
) -> list[Figure]:
    """Our client and MLflow's with our server, both beside MLflow's with MLflow's."""
    runs = {name: run(name) for name in ("ours", "mixed", "theirs")}
    for one in runs.values():
        one()
    seconds = side_by_side(runs, rounds)
    rates = {name: count / value for name, value in seconds.items()}
    theirs = rates["theirs"]
    return [
        Figure(f"{what}, our client", rates["ours"], "/s", budgets[0], theirs, more_is_better=True),
        Figure(
            f"{what}, MLflow's client",
            *(rates["mixed"], "/s", budgets[1], theirs),
            more_is_better=True,
        ),
    ]


def _whole_run(client: Any) -> None:
    run = client.create_run("0").info.run_id
    for key in ("a", "b", "c"):
        client.log_param(run, key, "1")
    for key in ("x", "y"):
        client.log_metric(run, key, 0.5)
    client.set_terminated(run)


def _url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@contextlib.contextmanager
def _our_server(folder: Path) -> Iterator[Server]:
    options = ["--backend-store-uri", f"sqlite:///{folder}/our-server.db"]
    options += ["--artifacts-destination", str(folder / "our-artifacts")]
    with _serving(["-m", "flavorkit", "server", *options], folder) as server:
        yield server


@contextlib.contextmanager
def _their_server(folder: Path) -> Iterator[Server]:
    options = ["--backend-store-uri", f"sqlite:///{folder}/their-server.db"]
    options += ["--artifacts-destination", str(folder / "their-artifacts"), "--workers", "1"]
    with _serving(["-m", "mlflow", "server", *options], folder) as server:
        yield server


@contextlib.contextmanager
def _serving(command: list[str], folder: Path) -> Iterator[Server]:
    """A server that answers, with nothing else in its process group."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        env=ENV,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for_health(port, process)
        yield Server(port, process, 0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_health(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args} did not answer, status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                answer.read()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
