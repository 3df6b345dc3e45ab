"""Linear models, whose predictions are one product of matrices.

scikit-learn spends on what may be wrong with its input, dispatch between libraries of arrays, and
tags, forty times what the product takes for a row. For arrays of which nothing is wrong only the
product is left here; everything else, and every error, is scikit-learn's own. The formulas are
those of ``decision_function`` and ``predict`` in ``sklearn/linear_model/_base.py`` of 1.9, and a
model for which they do not give the very same here is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Formula = Callable[[NDArray[Any]], NDArray[Any]]

CLASSIFIERS = frozenset(
    {
        *("LinearSVC", "LogisticRegression", "LogisticRegressionCV", "Perceptron"),
        "SGDClassifier",
    }
)
REGRESSORS = frozenset(
    {
        *("ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "LarsCV", "Lasso", "LassoCV"),
        *("LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "LinearSVR"),
        *("MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"),
        *("OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "QuantileRegressor"),
        *("Ridge", "RidgeCV", "TheilSenRegressor"),
    }
)
_DTYPES: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.float64))
_TRIED_ROWS = 8
_WIDEST = 1000
"""Of wider rows the product takes so long that the rest hardly matters."""


def predict_of(estimator: Any) -> Callable[..., Any]:
    """``estimator.predict``, or a function that gives the same in less time.

    Args:
        estimator: of any kind; the coefficients that it has now are used.
    """
    predict: Callable[..., Any] = estimator.predict
    formula = _formula_of(estimator)
    if formula is None:
        return predict
    width = estimator.coef_.shape[-1]
    if not _agree(formula, predict, width):
        return predict

    def shortcut(data: Any, **params: Any) -> Any:
        if params or not _is_sound(data, width):
            return predict(data, **params)
        return formula(data)

    return shortcut


def _formula_of(estimator: Any) -> Formula | None:
    """How it predicts, if that is known."""
    kind = type(estimator)
    if not kind.__module__.startswith("sklearn."):
        return None
    if {"predict", "feature_names_in_"} & vars(estimator).keys():  # a method of its own, or a name
        return None  # that an array lacks, of which scikit-learn warns
    coefficients = getattr(estimator, "coef_", None)
    if type(coefficients) is not np.ndarray:  # not fitted, or sparse
        return None
    if coefficients.ndim not in {1, 2} or coefficients.shape[-1] > _WIDEST:
        return None
    factor = coefficients.T
    intercept = getattr(estimator, "intercept_", 0.0)
    if kind.__name__ in REGRESSORS:
        return lambda rows: rows @ factor + intercept
    if kind.__name__ in CLASSIFIERS:
        classes = estimator.classes_
        return lambda rows: classes.take(_places(rows @ factor + intercept))
    return None


def _places(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Which class it is for each row: of two there is the score of the second alone."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    places: NDArray[np.intp] = scores.argmax(axis=1)
    return places


def _is_sound(data: Any, width: int) -> bool:
    """Whether scikit-learn would find nothing wrong with it, and change nothing."""
    return (
        type(data) is np.ndarray
        and data.dtype in _DTYPES
        and data.ndim == 2
        and data.shape[1] == width
        and len(data) > 0
        and bool(np.isfinite(data).all())
    )


def _agree(formula: Formula, predict: Formula, width: int) -> bool:
    """Whether both give the same, to the last bit, for some rows of each dtype."""
    rows = np.random.default_rng(0).standard_normal((_TRIED_ROWS, width))
    try:
        return all(_are_same(formula(tried), predict(tried)) for tried in map(rows.astype, _DTYPES))
    except Exception:  # noqa: BLE001 - whoever predicts with such an estimator is told by it
        return False


def _are_same(ours: Any, theirs: Any) -> bool:
    return (
        type(ours) is type(theirs) and ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    )
