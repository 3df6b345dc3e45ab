"""Rows of several requests as one table, and predictions for it as those of each request."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd


def rows_of(data: Any) -> int | None:
    """How many rows ``data`` has, as far as that can be told."""
    if isinstance(data, Mapping):
        return next(iter(set(map(rows_of, data.values()))), None) if data else None
    shape = getattr(data, "shape", None)
    if shape:
        return int(shape[0])
    return len(data) if isinstance(data, list) else None


def kind_of(data: Any) -> Hashable | None:
    """What two inputs must have in common to be joined; None for what is never joined."""
    if isinstance(data, np.ndarray):
        return (data.dtype, data.shape[1:]) if data.ndim else None
    if isinstance(data, pd.DataFrame):
        # Rows that have names of their own keep them only in a call of their own.
        if type(data.index) is not pd.RangeIndex or data.index.start:
            return None
        return (tuple(data.columns), tuple(data.dtypes))
    if isinstance(data, Mapping) and data and len(set(map(rows_of, data.values()))) == 1:
        kinds = {name: kind_of(value) for name, value in data.items()}
        return None if None in kinds.values() else tuple(kinds.items())
    return None


def join(inputs: Sequence[Any]) -> Any:
    """One input of the rows of all ``inputs``, which are of one :func:`kind_of`."""
    first = inputs[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(inputs)
    if isinstance(first, pd.DataFrame):
        return pd.concat(inputs, ignore_index=True)
    return {name: join([data[name] for data in inputs]) for name in first}


def split(predictions: Any, counts: Sequence[int]) -> list[Any] | None:
    """The predictions for each of the inputs, which had ``counts`` rows.

    Returns:
        None if there is not one prediction for each row.
    """
    if rows_of(predictions) != sum(counts):
        return None
    if isinstance(predictions, Mapping):
        parts = {name: split(values, counts) for name, values in predictions.items()}
        if None in parts.values():
            return None
        return [
            {name: part[number] for name, part in parts.items() if part is not None}
            for number in range(len(counts))
        ]
    bounds = pairwise(accumulate(counts, initial=0))
    if isinstance(predictions, pd.DataFrame | pd.Series):
        return [predictions.iloc[low:high].reset_index(drop=True) for low, high in bounds]
    if isinstance(predictions, np.ndarray | list) or hasattr(predictions, "tocsr"):
        return [predictions[low:high] for low, high in bounds]
    return None
