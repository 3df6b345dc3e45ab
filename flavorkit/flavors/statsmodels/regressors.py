"""The columns of numbers that a model of statsmodels was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError


@dataclass(frozen=True)
class Regressors:
    """Selects them from the data of a call."""

    names: tuple[Any, ...]
    """In the order of the model; none where its data were removed, and with them their number."""
    are_named: bool
    """Whether the names are the caller's; of arrays statsmodels makes some up."""

    @classmethod
    def of(cls, model: Any) -> Regressors:
        """Those of a regression; ``exog_names`` may hold names of other coefficients too."""
        given = model.data.orig_exog
        if isinstance(given, pd.DataFrame):
            return cls(tuple(given.columns), are_named=True)
        if isinstance(given, pd.Series):
            return cls((given.name,), are_named=True)
        names = [] if given is None else model.exog_names[: model.exog.shape[1]]
        return cls(tuple(names), are_named=False)

    @classmethod
    def last(cls, model: Any, count: int) -> Regressors:
        """The last ``count`` of a time series, whose trend and lags have names before them."""
        names = model.exog_names
        return cls(
            tuple(names[len(names) - count :]), are_named=type(model.data).__name__ == "PandasData"
        )

    def select(self, data: Any) -> Any:
        """The regressors in ``data``, as float64.

        Args:
            data: a frame, whose columns are found by their names if it has any of them, and else
                taken as they stand; or an array of shape ``(rows, regressors)``.

        Returns:
            A frame with the index of ``data``, or an array; each always of one memory layout, for
            of another the last bit of a prediction would be another.

        Raises:
            InvalidInputError: some are missing, or are no numbers.
        """
        if isinstance(data, pd.DataFrame):
            data = self._by_name(data)
        elif len(self.names) == 1 and data.ndim == 1:
            data = data.reshape(-1, 1)
        count = len(self.names) or data.shape[-1]
        if data.ndim != 2 or data.shape[1] != count:
            raise InvalidInputError(
                f"expected rows of {count} numbers ({', '.join(map(str, self.names))}), got shape"
                f" {data.shape}"
            )
        if isinstance(data, np.ndarray):
            return _numbers(data, "the array")
        values = np.asfortranarray(_columns(data))
        return pd.DataFrame(values, index=data.index, columns=data.columns)

    def _by_name(self, frame: pd.DataFrame) -> pd.DataFrame:
        if tuple(frame.columns) == self.names:
            return frame
        missing = [name for name in self.names if name not in frame.columns]
        if not self.are_named or len(missing) == len(self.names) == frame.shape[1]:
            return frame
        if missing:
            raise InvalidInputError(f"columns are missing: {', '.join(map(repr, missing))}")
        return frame[list(self.names)]


def _columns(frame: pd.DataFrame) -> Any:
    values = frame.to_numpy()
    if values.dtype.kind in "biuf":
        return values.astype(float, copy=False)
    columns = (
        _numbers(frame.iloc[:, place], f"column {name!r}")
        for place, name in enumerate(frame.columns)
    )
    return np.column_stack(tuple(columns))


def _numbers(values: Any, what: str) -> Any:
    kind = getattr(values.dtype, "kind", "O")
    if kind == "O" and any(isinstance(value, str | bytes) for value in np.ravel(values)):
        kind = "U"  # which numpy would read as a number if it looks like one
    if kind not in "biufO":
        said = "text" if kind in "US" else values.dtype
        raise InvalidInputError(f"{what}: expected numbers, got {said}")
    try:
        if isinstance(values, pd.Series):
            return values.to_numpy(dtype=float, na_value=np.nan)
        return np.ascontiguousarray(values, dtype=float)
    except (TypeError, ValueError) as exc:
        raise InvalidInputError(f"{what}: expected numbers: {exc}") from exc
