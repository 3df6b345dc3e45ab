"""Runs as a frame of pandas: a row for each, with the columns that MLflow gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flavorkit.tracking.entities import Run

if TYPE_CHECKING:
    import pandas as pd

_INFO = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
_TIMES = frozenset({"start_time", "end_time"})


def frame_of(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each run.

    The columns are ``run_id``, ``experiment_id``, ``status``, ``artifact_uri``, ``start_time`` and
    ``end_time`` (in UTC), then ``metrics.X`` (floats, NaN where a run has none), ``params.X`` and
    ``tags.X`` (text, None where a run has none), in the order in which they are first met.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in _INFO:
        values = [getattr(run.info, name) for run in runs]
        columns[name] = _times(values) if name in _TIMES else values
    columns |= _columns("metrics", [run.data.metrics for run in runs], float("nan"))
    columns |= _columns("params", [run.data.params for run in runs], None)
    columns |= _columns("tags", [run.data.tags for run in runs], None)
    return pd.DataFrame(columns)


def value_of(run: Run, column: str) -> Any:
    """What stands in a column of the frame, for one run.

    Raises:
        KeyError: the run has no such column.
    """
    return frame_of([run])[column].iloc[0]


def _times(milliseconds: Sequence[int | None]) -> Any:
    import pandas as pd

    if not milliseconds:
        return []
    given: Any = list(milliseconds)
    return pd.to_datetime(given, unit="ms", utc=True)


def _columns(prefix: str, rows: Sequence[Mapping[str, Any]], missing: Any) -> dict[str, list[Any]]:
    keys = dict.fromkeys(_all_keys(rows))
    return {f"{prefix}.{key}": [row.get(key, missing) for row in rows] for key in keys}


def _all_keys(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for row in rows:
        yield from row
