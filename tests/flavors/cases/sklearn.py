from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from flavorkit.testing import Case, Model
from tests.flavors.custom import Clipper, halve

X, y = load_iris(return_X_y=True, as_frame=True)
WIDE, progression = load_diabetes(return_X_y=True, as_frame=True)
MIXED = X.iloc[:, :2].assign(
    colour=np.where(y == 0, "red", "blue"), size=pd.Categorical(np.where(y == 1, "S", "L"))
)
ROWS = X.iloc[::25]


def predict(native, data):
    return native.predict(data)


def proba(native, data):
    return native.predict_proba(data)


def transform(native, data):
    return native.transform(data)


def mixed_pipeline():
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), MIXED.columns[:2].tolist()),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["colour", "size"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(MIXED, y)


forest = RandomForestClassifier(5, random_state=0).fit(X, y)
own_class = make_pipeline(Clipper(), LinearRegression()).fit(X, y)
own_function = make_pipeline(FunctionTransformer(halve), LinearRegression()).fit(X, y)
search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1]}, scoring="f1_macro", cv=2)

DOCUMENTS = pd.DataFrame({"text": ["a rose", "is a rose", "no flower", "none at all"] * 10})
texts = make_pipeline(TfidfVectorizer(), LogisticRegression())
texts.fit(DOCUMENTS["text"], DOCUMENTS["text"].str.contains("rose"))


def model(name, native, data, expected, options=None, **more):
    options = options or {}
    # skops writes the addresses of objects into the file.
    more = {"is_deterministic": "serialization_format" in options, **more}
    return Model(name, lambda: (native, data), expected, options, **more)


CASE = Case(
    flavor="sklearn",
    # skops imports all of scikit-learn, a part of which imports torch where it is installed.
    also_imports=("torch",),
    packages=("scikit-learn",),
    other_packages=("numpy", "scipy", "skops", "cloudpickle", "pandas"),
    ignored_warnings=("ignore:the model refers to tests",),
    models=(
        model("classifier", LogisticRegression(max_iter=1000).fit(X, y), ROWS, predict),
        model("probabilities", forest, ROWS, proba, {"pyfunc_predict_fn": "predict_proba"}),
        model("forest", forest, ROWS, predict),
        model("regressor", LinearRegression().fit(WIDE, progression), WIDE[:5], predict),
        model("array", LinearRegression().fit(X.to_numpy(), y), ROWS.to_numpy(), predict),
        model("boosting", GradientBoostingRegressor(n_estimators=5).fit(X, y), ROWS, predict),
        model(
            "histogram",
            HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(
                MIXED.drop(columns="colour"), y
            ),
            MIXED.drop(columns="colour")[::25],
            predict,
        ),
        model("neighbours", KNeighborsRegressor().fit(X, y), ROWS, predict),
        model("clusterer", KMeans(3, n_init=1, random_state=0).fit(X), ROWS, predict),
        model("outliers", IsolationForest(n_estimators=5, random_state=0).fit(X), ROWS, predict),
        model("transformer", StandardScaler().fit(X), ROWS, transform),
        model("outputs", MultiOutputRegressor(LinearRegression()).fit(X, X), ROWS, predict),
        model("pipeline", mixed_pipeline(), MIXED[::25], predict),
        model("documents", texts, DOCUMENTS[:5], lambda native, data: native.predict(data["text"])),
        model("search", search.fit(X, y), ROWS, predict),
        model("own class", own_class, ROWS, predict, is_data=False),
        model("own function", own_function, ROWS, predict, is_data=False),
        model(
            "cloudpickle",
            own_class,
            ROWS,
            predict,
            {"serialization_format": "cloudpickle"},
            is_data=False,
        ),
        model(
            "pickle", own_class, ROWS, predict, {"serialization_format": "pickle"}, is_data=False
        ),
    ),
)
