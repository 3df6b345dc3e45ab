from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model


@cache
def flowers():
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


@cache
def mixed():
    X, y = flowers()
    colour = pd.Categorical(np.where(y == 0, "red", "blue"))
    return X.iloc[:, :2].assign(colour=colour), y


QUIET = {"verbosity": -1, "num_leaves": 4}


def fitted(name, *, categories=False, arrays=False):
    def fit():
        import lightgbm

        X, y = mixed() if categories else flowers()
        rows = X.to_numpy() if arrays else X
        model = getattr(lightgbm, name)(n_estimators=5, **QUIET)
        if name == "LGBMRanker":
            return model.fit(rows, y, group=[15] * 10), rows[::25]
        return model.fit(rows, y), rows[::25]

    return fit


def booster(*, categories=False, **options):
    def fit():
        import lightgbm

        X, y = mixed() if categories else flowers()
        return lightgbm.train({**QUIET, **options}, lightgbm.Dataset(X, y), 5), X[::25]

    return fit


def predict(native, data, **params):
    return native.predict(data, **params)


def estimator(name, fit, options=None, **more):
    options = options or {}
    # skops writes the addresses of objects into the file.
    more = {"is_deterministic": "serialization_format" in options, **more}
    return Model(name, fit, predict, options, **more)


FEW = {"num_iteration": 2}
PICKLE = {"serialization_format": "pickle"}
CLOUDPICKLE = {"serialization_format": "cloudpickle"}

CASE = Case(
    flavor="lightgbm",
    packages=("lightgbm",),
    other_packages=("cloudpickle", "numpy", "scikit-learn", "skops"),
    # skops imports all of scikit-learn, and a part of that torch where it is installed.
    also_imports=("sklearn", "torch"),
    ignored_warnings=("ignore:X does not have valid feature names",),
    models=(
        Model("booster", booster(), predict),
        Model("booster classes", booster(objective="multiclass", num_class=3), predict),
        Model("booster params", booster(), predict, params={"raw_score": True, **FEW}),
        Model("booster leaves", booster(), predict, params={"pred_leaf": True}),
        Model("booster contributions", booster(), predict, params={"pred_contrib": True}),
        Model("booster categories", booster(categories=True), predict),
        estimator("classifier", fitted("LGBMClassifier")),
        estimator("classifier array", fitted("LGBMClassifier", arrays=True)),
        estimator("classifier pickle", fitted("LGBMClassifier"), PICKLE, is_data=False),
        estimator("regressor", fitted("LGBMRegressor"), params=FEW),
        estimator("categories", fitted("LGBMRegressor", categories=True)),
        estimator("ranker", fitted("LGBMRanker")),
        estimator("ranker cloudpickle", fitted("LGBMRanker"), CLOUDPICKLE, is_data=False),
    ),
)
