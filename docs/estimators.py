"""Save and load every estimator of scikit-learn; docs/generate.py and a test use it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

import flavorkit
from flavorkit.errors import TrustError, UnsavableModelError

X, Y = make_classification(80, 5, random_state=0)
X = np.abs(X)
REGRESSION = np.abs(make_regression(80, 5, n_targets=2, random_state=0)[1]) + 1
TEXTS = ["a rose", "is a rose", "is another"] * 20

# What fit() takes where two arrays are not right; tried in this order.
TRAINING = (
    (X, Y),
    (X,),
    (X, REGRESSION[:, 0]),
    (X, REGRESSION),
    (X, np.c_[Y, 1 - Y]),
    (np.zeros((10, 20, 20)),),
    (X[:, 0], REGRESSION[:, 0]),
    (Y,),
    (X @ X.T,),
    (TEXTS,),
    ([{"a": 1.0, "b": 2.0}] * 10,),
)
# What those take that have no defaults, because they stand around others.
MEMBERS = (
    (LogisticRegression(),),
    (LinearRegression(),),
    (LogisticRegression(), {"C": [0.1, 1]}),
    ([("scale", StandardScaler(), [0, 1])],),
    ([("scale", StandardScaler())],),
    ([("one", LogisticRegression()), ("other", DecisionTreeClassifier())],),
    ([("one", LinearRegression()), ("other", DecisionTreeRegressor())],),
    (LogisticRegression().fit(X, Y),),
    (X[:3],),
    (2,),
)
METHODS = ("predict", "transform", "score_samples")


@dataclass(frozen=True)
class Result:
    """What became of one estimator."""

    name: str
    outcome: str
    """One of "data", "needs a signature", "skops cannot save it", or why it was not tried."""
    detail: str = ""
    was_tried: bool = True


def results() -> Iterator[Result]:
    """Every estimator that can be constructed and fitted by default, saved and loaded as data."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")
        for name, cls in all_estimators():
            yield _try(name, cls, Path(scratch, name))


def _try(name: str, cls: Any, path: Path) -> Result:
    np.random.seed(0)
    estimator, trained = next(_trained(cls), (None, None))
    if trained is None:
        return Result(name, "could not be fitted", was_tried=False)
    rows, method, expected = trained
    try:
        flavorkit.save_model(estimator, path)
    except UnsavableModelError as exc:
        return Result(name, "skops cannot save it", str(exc))
    try:
        loaded = flavorkit.sklearn.load_model(path, trust="data")
    except TrustError as exc:
        return Result(name, "needs a signature", exc.refused)
    if method is not None:
        _same(name, expected, getattr(loaded, method)(rows))
    flavorkit.sklearn.load_model(path)  # our own, under the default policy
    return Result(name, "data")


def _trained(cls: Any) -> Iterator[tuple[Any, Any]]:
    """The estimator with its defaults, else around a simple one, as far as it can be fitted."""
    for arguments in ((), *MEMBERS):
        try:
            estimator = cls(*arguments)
        except TypeError:
            continue
        trained = _train(estimator)
        if trained is not None:
            yield estimator, trained


def _train(estimator: Any) -> tuple[Any, str | None, Any] | None:
    """Rows, the method that answers them, and its answer; None if no data suits the estimator."""
    for training in TRAINING:
        rows = training[0][:10]
        try:
            estimator.fit(*training)
            method = next((name for name in METHODS if hasattr(estimator, name)), None)
            return rows, method, getattr(estimator, method)(rows) if method else None
        except Exception:  # noqa: BLE001, S112 - each estimator refuses data in its own way
            continue
    return None


def _same(name: str, left: Any, right: Any) -> None:
    for one, other in zip(_parts(left), _parts(right), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def _parts(value: Any) -> tuple[Any, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(part.toarray() if hasattr(part, "toarray") else part for part in values)
