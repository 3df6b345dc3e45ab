"""Logged models as a frame of pandas: a row for each, with the columns that MLflow gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from flavorkit.tracking.entities import LoggedModel

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = sorted(field.name for field in fields(LoggedModel))


def frame_of(models: Sequence[LoggedModel]) -> pd.DataFrame:
    """A row for each model; ``tags``, ``params`` and ``metrics`` are in a cell each."""
    import pandas as pd

    return pd.DataFrame([_row(model) for model in models])


def _row(model: LoggedModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in _COLUMNS} | {
        "metrics": list(model.metrics),
        "params": dict(model.params),
        "tags": dict(model.tags),
    }
