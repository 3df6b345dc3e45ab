"""What a fastai learner gives for some rows, as columns with names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import PredictionError


def as_frame(found: Any, loaders: Any, index: pd.Index) -> pd.DataFrame:
    """Predictions as a frame with one column for each class or target.

    Args:
        found: what ``get_preds`` gives: a tensor of shape ``(rows,)`` or ``(rows, columns)``.
        loaders: the learner's, which know the names.
        index: that of the rows.

    Raises:
        PredictionError: it is anything else.
    """
    values = found.numpy() if hasattr(found, "numpy") else None
    if values is None or values.ndim not in {1, 2} or len(values) != len(index):
        shape = type(found).__name__ if values is None else f"the shape {values.shape}"
        raise PredictionError(
            f"the learner gave {shape} for {len(index)} rows; it must be one tensor, with one row"
            " for each: wrap another learner in a PythonModel"
        )
    values = np.asarray(values).reshape(len(index), -1)
    return pd.DataFrame(values, index, _names(loaders, values.shape[1]))


def _names(loaders: Any, width: int) -> list[str]:
    """The classes, else the targets, else ``output_0`` and so on."""
    vocabulary: Any = getattr(loaders, "vocab", ())
    if len(vocabulary) and _is_list(vocabulary[-1]):  # of texts, before that of classes
        vocabulary = vocabulary[-1]
    for known in (vocabulary, getattr(loaders, "y_names", ())):
        names = list(map(str, known))
        if len(names) == len(set(names)) == width:
            return names
    return [f"output_{position}" for position in range(width)]


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)
