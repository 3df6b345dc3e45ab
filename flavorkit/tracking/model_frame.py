"""Logged models as a frame of pandas: a row for each, with the columns that MLflow gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flavorkit.tracking.entities import LoggedModel

if TYPE_CHECKING:
    import pandas as pd


def frame_of(models: Sequence[LoggedModel]) -> pd.DataFrame:
    """A row for each model; ``tags``, ``params`` and ``metrics`` are in a cell each."""
    import pandas as pd

    return pd.DataFrame([_row(model) for model in models])


def _row(model: LoggedModel) -> dict[str, Any]:
    return {
        "experiment_id": model.experiment_id,
        "model_id": model.model_id,
        "name": model.name,
        "artifact_location": model.artifact_location,
        "creation_timestamp": model.creation_timestamp,
        "last_updated_timestamp": model.last_updated_timestamp,
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
        "status": model.status,
        "status_message": model.status_message,
        "tags": dict(model.tags),
        "params": dict(model.params),
        "metrics": [asdict(metric) for metric in model.metrics],
        "model_uri": model.model_uri,
    }
