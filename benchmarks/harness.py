"""What every benchmark needs: figures, medians, processes timed side by side."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# MLflow's commands look for other commands on PATH.
BIN = Path(sys.executable).parent
ENV = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "MLFLOW_TRACKING_URI": "sqlite:////nowhere",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    what: str
    ours: float
    unit: str
    budget: float | None = None
    theirs: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than MLflow."""
        if self.theirs is None or min(self.ours, self.theirs) <= 0:
            return None
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours

    @property
    def is_met(self) -> bool | None:
        """Whether it is within its budget, where it has one."""
        if self.budget is None:
            return None
        return self.ours >= self.budget if self.more_is_better else self.ours <= self.budget


def shown(value: float | None, unit: str) -> str:
    """A figure with three digits, or as many as it takes."""
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"


def show(figures: Sequence[Figure]) -> None:
    """Print figures as they come, for one benchmark run by itself."""
    for figure in figures:
        parts = [f"{figure.what}: {shown(figure.ours, figure.unit)}"]
        if figure.budget is not None:
            verdict = "met" if figure.is_met else "MISSED"
            parts.append(f"budget {shown(figure.budget, figure.unit)} {verdict}")
        if figure.ratio is not None:
            parts.append(f"MLflow {shown(figure.theirs, figure.unit)}, ratio {figure.ratio:.1f}")
        print("; ".join(parts), flush=True)


def table(figures: Sequence[Figure]) -> str:
    """Figures as a table of Markdown."""
    lines = ["| what | flavorkit | budget | | MLflow | ratio |\n|---|--:|--:|---|--:|--:|\n"]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}"
        met = {True: "met", False: "**missed**", None: ""}[figure.is_met]
        cells = (
            figure.what,
            shown(figure.ours, figure.unit),
            shown(figure.budget, figure.unit),
            met,
            shown(figure.theirs, figure.unit),
            ratio,
        )
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def side_by_side(
    runs: dict[str, Callable[[], object]], times: dict[str, int] | int
) -> dict[str, float]:
    """The median seconds of each; they take turns, so that noise falls on all of them alike.

    Each turn has an order of its own, or one would always find the caches as the same other left
    them.
    """
    chance = random.Random(0)
    counts = dict.fromkeys(runs, times) if isinstance(times, int) else times
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(max(counts.values())):
        due = [name for name in runs if turn < counts[name]]
        chance.shuffle(due)
        for name in due:
            begun = time.perf_counter()
            runs[name]()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def per_second(
    what: str,
    count: int,
    budget: float | None,
    runs: dict[str, Callable[[], object]],
    rounds: int,
) -> Figure:
    """How many of something are done in a second, where each run does ``count`` of it."""
    for run in runs.values():
        run()
    seconds = side_by_side(runs, rounds)
    rates = {name: count / value for name, value in seconds.items()}
    return Figure(what, rates["ours"], "/s", budget, rates.get("theirs"), more_is_better=True)


def python(*arguments: str) -> Callable[[], object]:
    """A run of the interpreter, from start to end."""
    command = [sys.executable, *arguments]

    def run() -> None:
        subprocess.run(command, check=True, env=ENV, capture_output=True)

    return run


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A scoring server that has answered its first request."""

    port: int
    process: subprocess.Popen[bytes]
    seconds_to_first_answer: float

    @property
    def url(self) -> str:
        """Where it predicts."""
        return f"http://127.0.0.1:{self.port}/invocations"

    def resident_mb(self) -> float:
        """The memory of the process and all it has started, shared pages counted once each."""
        pids = [self.process.pid]
        for pid in pids:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (thread / "children").read_text().split())
        kilobytes = 0
        for pid in pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        return kilobytes / 1000


@contextlib.contextmanager
def flavorkit_server(folder: Path, body: bytes) -> Iterator[Server]:
    port = free_port()
    command = ["-m", "flavorkit", "serve", "-m", str(folder), "-p", str(port), "-w", "1"]
    with _serving(port, command, body) as server:
        yield server


@contextlib.contextmanager
def mlflow_server(folder: Path, body: bytes) -> Iterator[Server]:
    port = free_port()
    command = ["-m", "mlflow", "models", "serve", "-m", str(folder), "-p", str(port)]
    with _serving(port, [*command, "--env-manager", "local"], body) as server:
        yield server


@contextlib.contextmanager
def _serving(port: int, command: list[str], body: bytes) -> Iterator[Server]:
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for_answer(port, body, process)
        yield Server(port, process, time.perf_counter() - begun)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_answer(port: int, body: bytes, process: subprocess.Popen[bytes]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
    )
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)


def wrk() -> str:
    """The load generator."""
    path = shutil.which("wrk")
    if path is None:
        sys.exit("this needs wrk; on Debian and Ubuntu: apt-get install wrk")
    return path
