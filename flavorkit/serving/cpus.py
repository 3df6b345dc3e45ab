"""How many processors this process may use, and how a model's workers and threads share them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flavorkit.flavors import threads

THREAD_VARIABLES = (
    *(threads.VARIABLE, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)
"""What the libraries of numbers read when they are imported."""

THREADED = frozenset({"fastai", "h2o", "keras", "onnx", "pytorch", "spark", "tensorflow"})
"""Flavors whose one call uses all processors well: one worker, and the threads are its own. All
others answer more with many workers of one thread each."""


@dataclass(frozen=True)
class Plan:
    """How many workers there are, and how many threads the libraries in each may start."""

    workers: int
    threads: int

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What to set before a framework is imported; what somebody has set stays.

        Who sets the first variable alone means all of them: the libraries fall back on it, but
        PyTorch, for one, asks MKL_NUM_THREADS before it.
        """
        general = threads.allowed(environ)
        threads_each = str(self.threads if general is None else general)
        return {name: threads_each for name in THREAD_VARIABLES if not environ.get(name)}


def plan(flavor: str, workers: int | None, cpus: int) -> Plan:
    """Share ``cpus`` out for a model of ``flavor``, over ``workers`` if their number is given."""
    if flavor in THREADED:
        workers = workers or 1
        return Plan(workers, max(cpus // workers, 1))
    return Plan(workers or cpus, 1)


def available(root: Path = Path("/")) -> int:
    """The processors that this process may use: its affinity, and the quota of its control groups.

    A quota of 1.5 processors counts as 2, so that none of it is left over.

    Args:
        root: where ``proc`` and ``sys`` are mounted.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(math.ceil(min(count, _quota(root))), 1)


def _quota(root: Path) -> float:
    """The smallest quota of the groups that this process is in, in processors."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    quotas = [math.inf]
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            quotas += _quotas_up(root / "sys/fs/cgroup", path, _version_two)
        elif "cpu" in controllers.split(","):
            quotas += _quotas_up(root / "sys/fs/cgroup/cpu", path, _version_one)
    return min(quotas)


def _quotas_up(mount: Path, path: str, read: Callable[[Path], float]) -> list[float]:
    """The quotas of a group and those above it; in a container, its own is mounted at the root."""
    folders = [mount]
    for part in Path(path.lstrip("/")).parts:
        folders.append(folders[-1] / part)
    found = []
    for folder in folders:
        try:
            found.append(read(folder))
        except (OSError, ValueError):
            continue
    return found


def _version_two(folder: Path) -> float:
    quota, period = (folder / "cpu.max").read_text().split()
    return math.inf if quota == "max" else float(quota) / float(period)


def _version_one(folder: Path) -> float:
    quota = float((folder / "cpu.cfs_quota_us").read_text())
    period = float((folder / "cpu.cfs_period_us").read_text())
    return math.inf if quota <= 0 else quota / period
