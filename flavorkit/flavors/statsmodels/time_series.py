"""The time series of statsmodels: a range of periods in, one prediction for each of them out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.flavors.base import Predictor
from flavorkit.flavors.methods import parameters_of, predicting
from flavorkit.flavors.statsmodels.regressors import Regressors
from flavorkit.signature.columns import is_missing

MAX_PERIODS = 10_000
"""How many periods beyond its data a model is asked for at most; each takes time and memory."""

# How it is predicted, where the framework has a choice.
_PARAMETERS = frozenset({"dynamic", "information_set", "signal_only"})
# What statsmodels and pandas raise over a start or an end that they do not find.
_NOT_FOUND = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


def is_series(native: Any) -> bool:
    """Whether these are the results of a time series."""
    from statsmodels.tsa.base.tsa_model import TimeSeriesModel

    return isinstance(getattr(native, "model", None), TimeSeriesModel)


def is_vector(native: Any) -> bool:
    """Whether these are of a vector autoregression, which can forecast and not predict."""
    return is_series(native) and not hasattr(native, "predict") and hasattr(native, "forecast")


def predictor(native: Any) -> Predictor:
    """``predict`` or ``forecast`` of the results, one call at a time.

    Args:
        native: the results of a time series.

    The predictor takes a frame. One row says which periods are asked for, from ``start`` up to
    ``end``, which are positions or dates; or how many ``steps`` a vector autoregression forecasts.
    Or the rows are data to predict with, and parameters of these names say which periods: the
    exogenous variables of the periods after the sample, or the latest values of the variables of a
    vector autoregression. It gives one prediction for each period.
    """
    from statsmodels.tools.sm_exceptions import MissingDataError

    series = _Vector(native) if is_vector(native) else _Series(native)
    lock = threading.Lock()  # predicting writes into the model

    def predict(data: Any, params: Mapping[str, Any]) -> Any:
        if not isinstance(data, pd.DataFrame):
            raise InvalidInputError(
                f"a time series takes a frame with named columns, got shape {np.shape(data)}"
            )
        with lock, predicting(ValueError, TypeError, MissingDataError):
            return series.predicted(data, params)

    return predict


class _Series:
    """What has ``predict(start, end)``: autoregressions, state spaces, exponential smoothing."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._model = model = native.model
        known = parameters_of(native.predict)
        self._known = _PARAMETERS & known
        self._exog_name = "exog_oos" if "exog_oos" in known else "exog"
        count = getattr(model, "k_exog", None)
        if count is None:  # of an autoregression, which counts its lags among the names
            count = 0 if getattr(model, "exog", None) is None else model.exog.shape[1]
        self._exog = Regressors.last(model, count) if count else None

    def predicted(self, data: pd.DataFrame, params: Mapping[str, Any]) -> Any:
        """One prediction for each period from the start up to the end."""
        given = {key: params[key] for key in params if key in self._known}
        if {"start", "end"} <= set(data.columns):
            asked = _only_row(data)
            start, end = _range(self._model, asked["start"], asked["end"])
            return self._native.predict(start=start, end=end, **given)
        if self._exog is None:
            raise InvalidInputError(
                "columns are missing: expected one row with start and end, got the columns"
                f" {list(data.columns)}"
            )
        first = len(self._model.endog)
        last = first + max(len(data), 1) - 1
        start, end = _range(self._model, params.get("start", first), params.get("end", last))
        given[self._exog_name] = self._exog.select(data)
        return self._native.predict(start=start, end=end, **given)


class _Vector:
    """What has ``forecast(y, steps)``: vector autoregressions."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._variables = Regressors(tuple(native.names), are_named=True)

    def predicted(self, data: pd.DataFrame, params: Mapping[str, Any]) -> Any:
        """A row of forecasts for each step, with the names of the variables."""
        lags, index = self._native.k_ar, None
        if "steps" in data.columns and "steps" not in self._variables.names:
            steps = _steps(_only_row(data)["steps"])
            known = np.asarray(self._native.model.endog)
            index = _periods_after(self._native.model, steps)
        else:
            steps = _steps(params.get("steps", 1))
            known = self._variables.select(data).to_numpy()
            if len(known) < lags:
                raise InvalidInputError(
                    f"the model looks back {lags} periods; expected at least as many rows, or one"
                    f" row with steps, got {len(known)} rows"
                )
        found = self._native.forecast(known[len(known) - lags :], steps)
        return pd.DataFrame(found, index=index, columns=list(self._variables.names))


def _only_row(data: pd.DataFrame) -> Mapping[str, Any]:
    if len(data) != 1:
        raise InvalidInputError(
            f"expected one row, which says which periods to predict, got {len(data)} rows"
        )
    return {str(name): data.iat[0, place] for place, name in enumerate(data.columns)}


def _steps(value: Any) -> int:
    steps = _whole(value)
    if not isinstance(steps, int) or not 1 <= steps <= MAX_PERIODS:
        raise InvalidInputError(f"steps must be a whole number, 1 to {MAX_PERIODS}, got {value}")
    return steps


def _range(model: Any, start: Any, end: Any) -> tuple[Any, Any]:
    """Start and end as statsmodels takes them, which are in its reach."""
    index, count = model._index, len(model.endog)  # noqa: SLF001 - there is no public name
    start, end = _whole(start), _whole(end)
    asked = f"start={start} and end={end}"
    covered = f"its data are the periods {index[0]} to {index[-1]}, by position 0 to {count - 1}"
    if is_missing(start) or is_missing(end):
        raise InvalidInputError(f"{asked}: both have to be given; {covered}")
    try:
        if max(_position(start, index), _position(end, index)) >= count + MAX_PERIODS:
            raise InvalidInputError(
                f"{asked}: expected at most {MAX_PERIODS} periods after the data; {covered}"
            )
        _periods(model, start, end)
    except _NOT_FOUND as exc:
        # What it raises over a date where the data have none says nothing of that.
        is_dated = not isinstance(exc, AttributeError)
        said = exc.args[0] if is_dated and exc.args else "the data have no dates"
        raise InvalidInputError(f"{asked} is no range of the model: {said}; {covered}") from exc
    return start, end


def _whole(value: Any) -> Any:
    """Numbers that are whole as Python's, and all else, such as dates, as it is."""
    if isinstance(value, np.generic) and value.dtype.kind in "iuf":
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _position(key: Any, index: pd.Index) -> float:
    """About where ``key`` lies; statsmodels would make an index that long in order to see."""
    if isinstance(key, bool):
        raise TypeError("a position is a whole number")
    if isinstance(key, int):
        return key
    dates = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if not isinstance(dates, pd.DatetimeIndex) or len(dates) < 2:
        return 0
    return float((pd.Timestamp(key) - dates[0]) / ((dates[-1] - dates[0]) / (len(dates) - 1)))


def _periods(model: Any, start: Any, end: Any) -> Any:
    """The index of a range of periods; None where the data have none."""
    return model._get_prediction_index(start, end)[3]  # noqa: SLF001 - there is no public name


def _periods_after(model: Any, steps: int) -> Any:
    """The periods that follow the data, where the index of the data goes on."""
    count = len(model.endog)
    try:
        return _periods(model, count, count + steps - 1)
    except _NOT_FOUND:
        return None
