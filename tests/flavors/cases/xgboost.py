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


def fitted(name, *, categories=False, arrays=False, **options):
    def fit():
        import xgboost

        X, y = mixed() if categories else flowers()
        rows = X.to_numpy() if arrays else X
        model = getattr(xgboost, name)(n_estimators=5, max_depth=2, **options)
        if name == "XGBRanker":
            return model.fit(rows, y, qid=np.repeat(range(10), 15)), rows[::25]
        return model.fit(rows, y), rows[::25]

    return fit


def booster(*, categories=False):
    def fit():
        import xgboost

        X, y = mixed() if categories else flowers()
        data = xgboost.DMatrix(X, y, enable_categorical=True)
        return xgboost.train({"max_depth": 2}, data, num_boost_round=5), X[::25]

    return fit


def predict(native, data, **params):
    return native.predict(data, **params)


def predict_matrix(native, data, **params):
    import xgboost

    return native.predict(xgboost.DMatrix(data, enable_categorical=True), **params)


FEW = {"iteration_range": (0, 2)}

CASE = Case(
    flavor="xgboost",
    packages=("xgboost-cpu",),
    other_packages=("scikit-learn",),
    also_imports=("sklearn",),
    ignored_warnings=("ignore:.*Empty dataset",),
    models=(
        Model("booster", booster(), predict_matrix),
        Model("booster json", booster(), predict_matrix, {"model_format": "json"}),
        Model("booster params", booster(), predict_matrix, params={"output_margin": True, **FEW}),
        Model("booster categories", booster(categories=True), predict_matrix),
        Model("classifier", fitted("XGBClassifier"), predict),
        Model("classifier json", fitted("XGBClassifier"), predict, {"model_format": "json"}),
        Model("classifier array", fitted("XGBClassifier", arrays=True), predict),
        Model("regressor", fitted("XGBRegressor"), predict, params=FEW),
        Model(
            "categories", fitted("XGBRegressor", categories=True, enable_categorical=True), predict
        ),
        Model("ranker", fitted("XGBRanker"), predict),
        Model("forest classifier", fitted("XGBRFClassifier"), predict),
        Model("forest regressor", fitted("XGBRFRegressor"), predict),
    ),
)
