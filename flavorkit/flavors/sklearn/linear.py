"""Linear models, whose predictions are one product of matrices.

Around it scikit-learn looks for what may be wrong with its input, and for the library that the
arrays are of: 100 us, where the formula takes 4 for a row. For arrays of which nothing is wrong
only the formula is left here; everything else, and every error, is scikit-learn's own. The formulas
are those of ``decision_function`` and ``predict`` in ``sklearn/linear_model/_base.py`` of 1.9, and
a model for which they do not give the very same here is left alone.
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
_WIDEST = 10_000
"""Of wider rows the product takes as long as the rest, and the trial takes memory."""
# What an estimator may hold that makes it predict otherwise than its class, or warn: scikit-learn
# warns where names of columns are known, which an array lacks.
_OWN = frozenset({"predict", "decision_function", "_decision_function", "feature_names_in_"})


def predict_of(estimator: Any) -> Callable[..., Any]:
    """``estimator.predict``, or a function that gives the same in less time.

    Args:
        estimator: of any kind.
    """
    predict: Callable[..., Any] = estimator.predict
    formula = _formula_of(estimator)
    if formula is None:
        return predict
    if not _agree(formula, predict, estimator.coef_.shape[-1]):
        return predict

    def shortcut(data: Any, **params: Any) -> Any:
        if params or not _is_sound(data, estimator.coef_.shape[-1]):
            return predict(data, **params)
        return formula(data)

    return shortcut


def _formula_of(estimator: Any) -> Formula | None:
    """How it predicts, if that is known."""
    kind = type(estimator)
    is_classifier = kind.__name__ in CLASSIFIERS
    if not kind.__module__.startswith("sklearn.") or not (
        is_classifier or kind.__name__ in REGRESSORS
    ):
        return None
    if _OWN & vars(estimator).keys():
        return None
    coefficients = getattr(estimator, "coef_", None)
    if type(coefficients) is not np.ndarray:  # not fitted, or sparse
        return None
    if coefficients.ndim not in {1, 2} or coefficients.shape[-1] > _WIDEST:
        return None
    if is_classifier:
        return lambda rows: estimator.classes_.take(_places(_scores(estimator, rows)))
    return lambda rows: _scores(estimator, rows)


def _scores(estimator: Any, rows: NDArray[Any]) -> Any:
    return rows @ estimator.coef_.T + estimator.intercept_


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
