"""Files of metrics: a line for each value that was logged.

    run     timestamp value step [dataset_name dataset_digest]
    model   timestamp value step run_id [dataset_name dataset_digest]

The oldest files have lines without a step. MLflow reads lines with a dataset as if their step were
0, and appends lines that are there already; we read the step, and a line once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from flavorkit.tracking.entities import Metric
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import METRICS, key_path

_log = logging.getLogger(__name__)
_SPACE = "\N{NO-BREAK SPACE}"


def append(folder: Folder, metrics: Sequence[Metric], *, run_id: str | None = None) -> None:
    """Append values, those of one metric in one step.

    Args:
        folder: of a run or a logged model.
        metrics: what to append.
        run_id: of the run they were logged in, if the folder is of a logged model.
    """
    lines: dict[str, list[str]] = {}
    for metric in metrics:
        lines.setdefault(metric.key, []).append(_line(metric, run_id))
    paths = {key: key_path(key, "metric") for key in lines}
    for key, path in paths.items():
        folder.append([METRICS, *path], "".join(lines[key]).encode())


def read_all(folder: Folder, *, model_id: str | None = None) -> list[list[Metric]]:
    """The values of every metric, as they stand in its file.

    Args:
        folder: of a run or a logged model.
        model_id: of the logged model, if it is one.
    """
    inner = folder.find(METRICS)
    if inner is None:
        return []
    with inner:
        found = [
            _parsed(inner.read(*names), "/".join(names), inner.path, model_id)
            for names in inner.files()
        ]
    return [metrics for metrics in found if metrics]


def read_one(folder: Folder, key: str) -> list[Metric]:
    """The values of a metric of a run, as they stand in its file; none if there is none."""
    return _parsed(folder.read(METRICS, *key_path(key, "metric")), key, folder.path, None)


def latest(metrics: Iterable[Metric]) -> Metric:
    """The value that counts: of the largest step, then timestamp, then the largest."""
    return max(metrics, key=_by_step)


def latest_by_dataset(metrics: Iterable[Metric]) -> list[Metric]:
    """The value that counts on each dataset."""
    groups: dict[tuple[str | None, str | None], list[Metric]] = {}
    for metric in metrics:
        groups.setdefault((metric.dataset_name, metric.dataset_digest), []).append(metric)
    return [latest(group) for group in groups.values()]


def in_time(metrics: Iterable[Metric]) -> list[Metric]:
    """Values by time, step and value."""
    return sorted(metrics, key=lambda metric: (metric.timestamp, metric.step, _rank(metric.value)))


def thinned(history: Sequence[Metric], limit: int, run_id: str) -> list[Metric]:
    """Values by step, evenly left out where there are more than ``limit``; the last one stays.

    Args:
        history: of a metric of one run.
        limit: how many there are at most.
        run_id: of the run; it is set in each.
    """
    values = [replace(metric, run_id=run_id) for metric in sorted(history, key=_by_step)]
    last = len(values) - 1
    if last < limit:
        return values
    return [values[last - place * last // max(limit - 1, 1)] for place in reversed(range(limit))]


def _line(metric: Metric, run_id: str | None) -> str:
    parts = [str(metric.timestamp), repr(float(metric.value)), str(metric.step)]
    if run_id is not None:
        parts.append(run_id)
    if metric.dataset_name and metric.dataset_digest:
        # Spaces part the fields, and MLflow reads nothing of a run if there are too many.
        parts += [_SPACE.join(metric.dataset_name.split()), "".join(metric.dataset_digest.split())]
    return " ".join(parts) + "\n"


def _parsed(content: bytes | None, key: str, path: str, model_id: str | None) -> list[Metric]:
    if content is None:
        return []
    found: dict[str, Metric] = {}
    broken = 0
    for line in content.decode("utf-8", "replace").split("\n"):
        if line in found or not line.strip():
            continue
        try:
            found[line] = _metric(line, key, model_id)
        except (ValueError, IndexError):
            broken += 1
    if broken:
        _log.warning("left out %d broken lines of the metric %s in %s", broken, key, path)
    return list(found.values())


def _metric(line: str, key: str, model_id: str | None) -> Metric:
    timestamp, value, *rest = line.rstrip("\r").split(" ")
    step = int(rest[0]) if rest else 0
    run_id = None
    if model_id is not None:
        run_id = rest.pop(1)
    # MLflow writes the name of a dataset as it is, spaces or not; a digest has none.
    name = " ".join(rest[1:-1]).replace(_SPACE, " ") or None
    digest = rest[-1] if name else None
    return Metric(key, float(value), int(timestamp), step, model_id, name, digest, run_id)


def _by_step(metric: Metric) -> tuple[int, int, tuple[bool, float]]:
    return metric.step, metric.timestamp, _rank(metric.value)


def _rank(value: float) -> tuple[bool, float]:
    """NaN, which is neither more nor less than anything, comes first."""
    return (False, 0.0) if math.isnan(value) else (True, value)
