"""Columns of categories, for boosters that know categories by their place in a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError


class CategoryColumns:
    """Turns columns of text or numbers into the categories that a model was trained with.

    A request has no categories, only text and numbers, and pandas alone would number those that
    happen to be in it.

    Args:
        known: the categories of each column that has some, by its position, in the model's order.
    """

    def __init__(self, known: Mapping[int, Any]) -> None:
        self._dtypes = {
            position: pd.CategoricalDtype(pd.Index(values)) for position, values in known.items()
        }

    def __bool__(self) -> bool:
        return bool(self._dtypes)

    def convert(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``frame`` with its columns of categories as such; columns that are already stay so.

        Raises:
            InvalidInputError: a value is no category that the model knows.
        """
        converted = frame.copy(deep=False)
        for position, dtype in self._dtypes.items():
            if position >= frame.shape[1]:
                break  # too narrow, which is for the model to say
            column = frame.iloc[:, position]
            own = getattr(column.dtype, "categories", None)
            if own is None or (len(own) == 0 and len(dtype.categories)):
                converted.isetitem(position, _categorical(column, dtype))
        return converted


def _categorical(column: pd.Series[Any], dtype: pd.CategoricalDtype) -> pd.Categorical:
    values = column.array
    found = pd.Categorical(values, dtype=dtype)
    unknown = (found.codes == -1) & ~np.asarray(column.isna())
    if unknown.any():
        row = int(np.argmax(unknown))
        listed = ", ".join(map(repr, dtype.categories[:10].tolist()))
        more = ", ..." if len(dtype.categories) > 10 else ""
        raise InvalidInputError(
            f"column {column.name!r}: {values[row]!r} (row {row}) is no category that the model"
            f" knows ({listed}{more})"
        )
    return found
