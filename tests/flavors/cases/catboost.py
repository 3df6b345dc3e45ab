from __future__ import annotations

from functools import cache

import numpy as np

from flavorkit.testing import Case, Model

SMALL = {
    "iterations": 5,
    "depth": 2,
    "verbose": False,
    "allow_writing_files": False,
    "random_seed": 0,
    "thread_count": 1,
}


@cache
def flowers():
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


@cache
def mixed():
    """Two columns of categories; the one of many becomes a table, and so do combinations."""
    X, y = flowers()
    colour = np.where(y == 0, "red", np.where(np.arange(150) % 3 == 0, "green", "blue"))
    plot = [f"plot {row % 17}" for row in range(150)]
    return X.iloc[:, :2].assign(colour=colour, plot=plot), y


@cache
def described():
    X, y = flowers()
    words = np.random.default_rng(0).choice(list("abcdefgh"), (150, 4))
    texts = [
        f"{' '.join(row)} {'big' if kind else 'small'}" for row, kind in zip(words, y, strict=True)
    ]
    return X.iloc[:, :1].assign(text=texts), y


def fitted(name, *, data=flowers, arrays=False, target=None, **options):
    def fit():
        import catboost

        X, y = data()
        rows = X.to_numpy() if arrays else X
        y = y if target is None else target(y)
        settings = {**SMALL, **options}
        kind = getattr(catboost, name)
        model = kind(settings) if name == "CatBoost" else kind(**settings)
        if name == "CatBoostRanker":
            return model.fit(rows, y, group_id=np.repeat(range(10), 15)), rows[::25]
        return model.fit(rows, y), rows[::25]

    return fit


def predict(native, data, **params):
    return native.predict(data, **params)


CATEGORIES = {"data": mixed, "cat_features": ["colour", "plot"], "iterations": 20, "depth": 4}
UNEVEN = {"grow_policy": "Lossguide", "depth": 4, "max_leaves": 6}
TEXTS = {"data": described, "text_features": ["text"]}


def species(y):
    return np.array(["setosa", "versicolor", "virginica"])[y]


CASE = Case(
    flavor="catboost",
    packages=("catboost",),
    models=(
        Model("classifier", fitted("CatBoostClassifier"), predict),
        Model("two classes", fitted("CatBoostClassifier", target=lambda y: y == 1), predict),
        Model("names", fitted("CatBoostClassifier", target=species), predict),
        Model(
            "probabilities",
            fitted("CatBoostClassifier", **CATEGORIES),
            predict,
            params={"prediction_type": "Probability", "ntree_start": 1, "ntree_end": 3},
        ),
        Model("regressor", fitted("CatBoostRegressor"), predict, params={"ntree_end": 2}),
        Model("array", fitted("CatBoostRegressor", arrays=True), predict),
        Model("categories", fitted("CatBoostRegressor", **CATEGORIES), predict),
        Model(
            "one by one", fitted("CatBoostClassifier", one_hot_max_size=50, **CATEGORIES), predict
        ),
        Model("uneven", fitted("CatBoostRegressor", **UNEVEN), predict),
        Model("ranker", fitted("CatBoostRanker"), predict),
        Model("plain", fitted("CatBoost"), predict),
        Model(
            "json",
            fitted("CatBoostRegressor"),
            predict,
            {"format": "json"},
            is_data=False,
            rtol=1e-12,  # its numbers have fewer digits there
        ),
        Model("texts", fitted("CatBoostClassifier", **TEXTS), predict, is_data=False),
    ),
)
