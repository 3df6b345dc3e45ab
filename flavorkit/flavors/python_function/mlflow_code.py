"""Files of code that MLflow's users write: what they say to MLflow, heard here.

Such a file calls ``mlflow.models.set_model`` and may read ``mlflow.models.ModelConfig``. Both go
through two variables of MLflow's, which exist once the file has imported it. MLflow itself is never
imported for its own sake.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_MODEL = ("mlflow.models.model", "__mlflow_model__")
_CONFIG = ("mlflow.models.model_config", "__mlflow_model_config__")


@contextmanager
def listening(path: Path, config: Mapping[str, Any]) -> Iterator[list[Any]]:
    """While the file at ``path`` runs: what it tells MLflow is the model ends up in the list."""
    models: list[Any] = []
    if b"mlflow" not in path.read_bytes() or importlib.util.find_spec("mlflow") is None:
        yield models
        return
    before = {}
    for (module, variable), value in ((_MODEL, None), (_CONFIG, dict(config) or None)):
        home = importlib.import_module(module)
        before[module, variable] = getattr(home, variable, None)
        setattr(home, variable, value)
    try:
        yield models
        told = getattr(sys.modules[_MODEL[0]], _MODEL[1])
        if told is not None:
            models.append(told)
    finally:
        for (module, variable), value in before.items():
            setattr(sys.modules[module], variable, value)
