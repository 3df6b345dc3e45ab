"""Two workers beside one, on the same models and payloads, and what two processes gain here at all.

    python benchmarks/serving/workers.py [--seconds 3] [--rounds 5]

A machine whose two processors share a core gives two busy processes less than twice what one gets;
so the same is measured of a loop of plain arithmetic. wrk runs at a lower priority; the share of a
processor that it takes is measured too. All take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from models import MODELS, save  # noqa: E402
from run import load, running  # noqa: E402
from servers import ENVIRONMENTS, SERVERS  # noqa: E402

CELLS = (("iris", 1, 64), ("pipeline", 1000, 16), ("trees", 100, 64), ("trees", 1000, 16))
BUSY = """
import sys, time
end, count = time.perf_counter() + float(sys.argv[1]), 0
while time.perf_counter() < end:
    sum(range(1000))
    count += 1
print(count)
"""


def main() -> None:
    """Measure, and print a row for each."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--envs", type=Path, default=ENVIRONMENTS)
    given = options.parse_args()
    print("| what | one | two | two to one | wrk's share of a processor |\n|---|--:|--:|--:|--:|")
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for count, seen in rates.items():
            seen.append(busy(count, given.seconds))
    row("a loop of plain arithmetic", rates, "")
    (ours,) = (server for server in SERVERS if server.name == "flavorkit")
    kinds = {count: dataclasses.replace(ours, workers=count) for count in (1, 2)}
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            cells = [cell for cell in CELLS if cell[0] == model.name]
            if not cells:
                continue
            folder = Path(scratch) / model.name
            save(model, folder)
            with contextlib.ExitStack() as stack:
                servers = {
                    count: stack.enter_context(running(kind, folder, given.envs))
                    for count, kind in kinds.items()
                }
                for _, rows, connections in cells:
                    body = folder / f"invocations-{rows}.json"
                    rates, share = {1: [], 2: []}, []
                    for _ in range(given.rounds):
                        for count, server in servers.items():
                            url = f"http://127.0.0.1:{server.port}/invocations"
                            before = spent()
                            rates[count].append(load(url, body, connections, given.seconds)["rate"])
                            share.append((spent() - before) / given.seconds)
                    named = f"{model.name}, {rows} rows, {connections} connections"
                    row(named, rates, f"{statistics.median(share):.0%}")


def busy(count: int, seconds: int) -> float:
    """How many turns a second so many processes make together."""
    command = [sys.executable, "-c", BUSY, str(seconds)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return sum(json.loads(process.communicate()[0]) for process in processes) / seconds


def spent() -> float:
    """The seconds of processor that children took that have ended, which are those of wrk."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(what: str, rates: dict[int, list[float]], share: str) -> None:
    """Print medians."""
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    print(f"| {what} | {one:,.0f} | {two:,.0f} | {two / one:.2f} | {share} |", flush=True)


if __name__ == "__main__":
    main()
