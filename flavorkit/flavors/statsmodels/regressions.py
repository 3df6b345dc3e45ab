"""The regressions of statsmodels: rows of regressors in, one prediction for each out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.flavors.base import Predictor
from flavorkit.flavors.methods import parameters_of, predicting
from flavorkit.flavors.statsmodels import formulas
from flavorkit.flavors.statsmodels.regressors import Regressors

# What the caller may choose: which statistic is predicted, and for how much exposure.
_PARAMETERS = frozenset({"exposure", "linear", "offset", "which"})
# Where the models are whose prediction is a function of one row and the coefficients.
_ROW_WISE = frozenset(
    f"statsmodels.{module}"
    for module in (
        *("discrete.discrete_model", "genmod.generalized_estimating_equations"),
        *("genmod.generalized_linear_model", "miscmodels.ordinal_model"),
        *("regression.linear_model", "regression.mixed_linear_model"),
        *("regression.quantile_regression", "robust.robust_linear_model"),
    )
)


def predictor(native: Any) -> Predictor:
    """``predict`` of the results, which gets the columns that the model was fitted on.

    Args:
        native: the results of a model that is no time series.

    The predictor takes a frame or an array of shape ``(rows, regressors)``, of a model with a
    formula a frame. It gives what statsmodels gives: for a frame a series, or a frame where there
    are several values for each row, with its index; for an array an array.
    """
    known = _PARAMETERS & parameters_of(native.model.predict)
    formula = formulas.of(native)
    regressors = Regressors.of(native.model) if formula is None else None

    def predict(data: Any, params: Mapping[str, Any]) -> Any:
        given = {key: _single(key, params[key]) for key in params if key in known}
        if regressors is not None:
            with predicting(ValueError, TypeError, NotImplementedError):
                found = native.predict(exog=regressors.select(data), **given)
        elif formula is not None:
            found = formula.evaluated(data, lambda frame: native.predict(exog=frame, **given))
        found = getattr(found, "predicted_values", found)  # of hazards, beside their errors
        if isinstance(found, pd.Series | pd.DataFrame) and found.index is not data.index:
            found.index = data.index
        return found

    return predict


def is_row_wise(native: Any) -> bool:
    """Whether each prediction depends on its own row alone."""
    if type(native.model).__module__ not in _ROW_WISE:
        return False
    formula = formulas.of(native)
    return formula is None or formula.is_row_wise


def _single(name: str, value: Any) -> Any:
    if np.ndim(value):
        raise InvalidInputError(f"parameter {name!r}: expected one value for all rows")
    return value
