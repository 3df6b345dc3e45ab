"""A model that answers with what it was given, so that two servers can be compared by it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class Echo(BaseEstimator):
    """Predicts, for each row, the dtype and the value of every column."""

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        if isinstance(X, dict):
            return [f"{name}: {described(array)}" for name, array in X.items()]
        if isinstance(X, np.ndarray):
            return [described(row) for row in X]
        columns = {name: X[name] for name in X.columns}
        rows = range(len(X))
        return [
            " ".join(
                f"{name}={kind(column)}:{shown(column.iloc[row])}"
                for name, column in columns.items()
            )
            for row in rows
        ]


def described(array):
    return f"{np.asarray(array).dtype} {np.asarray(array).tolist()}"


def kind(column):
    """Text is text, whether pandas calls it str or object."""
    return "text" if column.dtype.kind == "O" else str(column.dtype)


def shown(value):
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return "missing"
    return f"{value.item()!r}" if isinstance(value, np.generic) else f"{value!r}"
