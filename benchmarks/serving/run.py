"""flavorkit beside MLflow, MLServer, BentoML, LitServe and an empty endpoint, on the same work.

    python benchmarks/serving/run.py [--models iris ...] [--servers flavorkit ...] [--seconds 5]

Each server gets one worker, one thread for arithmetic, and the same rows in its own protocol, from
wrk on the same machine. The environments of the rivals are made once, in ``--envs``. Writes
``results.json``, and the table into README.md when all was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import tables  # noqa: E402
from harness import Server, free_port  # noqa: E402
from models import MODELS, ROWS, save  # noqa: E402
from servers import ENVIRONMENTS, SERVERS, ServerKind  # noqa: E402

CONNECTIONS = (1, 16, 64)
START_SECONDS = 120


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--models", nargs="+", default=[model.name for model in MODELS])
    options.add_argument("--servers", nargs="+", default=[server.name for server in SERVERS])
    options.add_argument("--seconds", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--envs", type=Path, default=ENVIRONMENTS)
    options.add_argument("--output", type=Path, default=HERE / "results.json")
    given = options.parse_args()
    found: list[dict[str, Any]] = []
    servers = [server for server in SERVERS if server.name in given.servers]
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            if model.name not in given.models:
                continue
            folder = Path(scratch) / model.name
            save(model, folder)
            found += measure(servers, folder, given)
            given.output.write_text(json.dumps(found, indent=1))
    if len({(row["model"], row["server"]) for row in found}) == len(MODELS) * len(SERVERS):
        tables.write(found)


def measure(
    servers: list[ServerKind], folder: Path, given: argparse.Namespace
) -> list[dict[str, Any]]:
    """All cells of one model. The servers take turns, so that what disturbs one disturbs all."""
    rows = []
    with contextlib.ExitStack() as until_measured:
        started = {
            server: until_measured.enter_context(running(server, folder, given.envs))
            for server in servers
        }
        for count, connections in itertools.product(ROWS, CONNECTIONS):
            runs: dict[ServerKind, list[dict[str, float]]] = {server: [] for server in servers}
            for _ in range(given.rounds):
                for server, process in started.items():
                    url = f"http://127.0.0.1:{process.port}{server.path}"
                    body = folder / f"{server.protocol}-{count}.json"
                    runs[server].append(load(url, body, connections, given.seconds))
            for server, process in started.items():
                cell = {
                    key: statistics.median(run[key] for run in runs[server])
                    for key in ("rate", "p50", "p99")
                }
                cell |= {"rows": count, "connections": connections}
                cell |= {"failed": sum(run["failed"] for run in runs[server])}
                cell |= {
                    "first_answer": process.seconds_to_first_answer,
                    "memory_mb": process.resident_mb(),
                }
                rows.append({"model": folder.name, "server": server.name, **cell})
                print(rows[-1], flush=True)
    return rows


@contextlib.contextmanager
def running(server: ServerKind, folder: Path, envs: Path) -> Iterator[Server]:
    """The server, from its first answer on."""
    python = server.environment(envs)
    port = free_port()
    begun = time.perf_counter()
    log = folder / f"{server.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server.command(python, folder, port),
            env=server.variables(python, folder, port),
            cwd=HERE,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}{server.path}"
    try:
        try:
            first = _first_answer(url, folder / f"{server.protocol}-1.json", process, begun)
        except RuntimeError as exc:
            sys.exit(f"{exc}; it said:\n{log.read_text()[-3000:]}")
        yield Server(port, process, first)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def load(url: str, body: Path, connections: int, seconds: int) -> dict[str, float]:
    """Requests per second and milliseconds, by wrk with one thread that yields to the server."""
    script = HERE / "post.lua"
    command = ["nice", "-n", "5", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    done = subprocess.run(
        [*command, "-s", str(script), url, "--", str(body)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    return {name: float(value) for name, value in figures.items()}


def _first_answer(url: str, body: Path, process: subprocess.Popen[bytes], begun: float) -> float:
    request = urllib.request.Request(
        url, body.read_bytes(), {"Content-Type": "application/json"}, method="POST"
    )
    while time.perf_counter() - begun < START_SECONDS:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=30):
                return time.perf_counter() - begun
        except urllib.error.HTTPError as exc:
            if exc.code not in {404, 503}:
                raise RuntimeError(f"{url}: {exc.code} {exc.read()[:300]!r}") from exc
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} gave no answer in {START_SECONDS} s")


if __name__ == "__main__":
    main()
