"""Linear models answer as scikit-learn does, to the last bit, in less time."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.linear_model
import sklearn.svm
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import flavorkit
from flavorkit.flavors.sklearn.linear import CLASSIFIERS, REGRESSORS, predict_of

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 4))
NUMBERS = X @ [1.0, -2.0, 0.0, 3.0] + RANDOM.normal(size=60)
TARGETS = {
    "two": (X[:, 0] > 0).astype(int),
    "three": np.digitize(X[:, 0], [-0.5, 0.5]),
    "texts": np.array(["no", "yes", "perhaps"])[np.digitize(X[:, 1], [-0.5, 0.5])],
}


def made(name):
    return getattr(sklearn.linear_model, name, None) or getattr(sklearn.svm, name)


def fitted(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that do not converge
        return model.fit(X, y)


def is_short(model):
    return predict_of(model) != model.predict


def check_same(model):
    assert is_short(model)
    short = predict_of(model)
    for rows in (X, X[:1], X[::-3], np.asfortranarray(X), X.astype(np.float32), 1e150 * X[:2]):
        theirs = model.predict(rows)
        ours = short(rows)
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_classifiers(name, target):
    check_same(fitted(made(name)(), TARGETS[target]))


@pytest.mark.parametrize("name", sorted(REGRESSORS))
def test_regressors(name):
    y = np.stack([NUMBERS, -NUMBERS], axis=1) if name.startswith("MultiTask") else NUMBERS
    check_same(fitted(made(name)(), y))


@pytest.mark.parametrize("model", [LinearRegression(), LinearRegression(fit_intercept=False)])
def test_several_targets(model):
    check_same(fitted(model, np.stack([NUMBERS, -NUMBERS], axis=1)))


def outcome(predict, data):
    try:
        return predict(data)
    except (ValueError, TypeError) as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "data",
    [
        *(np.array([[0.0, np.nan, 0, 0]]), np.array([[0.0, np.inf, 0, 0]]), np.zeros((0, 4))),
        *(np.zeros((1, 3)), np.zeros(4), np.zeros((1, 4, 1)), np.array([["a"] * 4])),
        *(np.ones((2, 4), int), np.ones((2, 4), bool), np.ones((2, 4), object), X.astype(">f8")),
        *(X.astype(np.float16), [[1, 2, 3, 4]], pd.DataFrame(X), scipy.sparse.csr_array(X)),
        *(np.ma.masked_array(X), np.array([[None] * 4]), None, "text"),
    ],
    ids=lambda data: f"{type(data).__name__}-{getattr(data, 'dtype', '')}-{np.shape(data)}",
)
def test_what_is_no_plain_array_is_scikit_learns_to_judge(data):
    model = fitted(LogisticRegression(), TARGETS["three"])
    ours, theirs = outcome(predict_of(model), data), outcome(model.predict, data)
    if isinstance(theirs, np.ndarray):
        np.testing.assert_array_equal(ours, theirs, strict=True)
    assert isinstance(theirs, np.ndarray) or ours == theirs


class Own(LogisticRegression):
    def predict(self, X):
        return np.zeros(len(X))


def with_a_method_of_its_own(name):
    model = fitted(LinearRegression(), NUMBERS)
    setattr(model, name, lambda X: np.maximum(X @ model.coef_ + model.intercept_, -100))
    return model


@pytest.mark.parametrize(
    "model",
    [
        fitted(Own(), TARGETS["two"]),
        with_a_method_of_its_own("predict"),
        with_a_method_of_its_own("_decision_function"),
        fitted(SGDClassifier(), TARGETS["two"]).sparsify(),
        fitted(SVC(kernel="linear"), TARGETS["two"]),  # its coefficients are not how it predicts
        LogisticRegression(),
        fitted(DecisionTreeClassifier(), TARGETS["two"]).tree_,  # has no dictionary of attributes
    ],
    ids=["subclass", "predict", "decide", "sparse", "support vectors", "not fitted", "compiled"],
)
def test_what_may_predict_otherwise_is_left_alone(model):
    assert not is_short(model)


def test_another_formula_of_scikit_learns_is_noticed(monkeypatch):
    model = fitted(LogisticRegression(), TARGETS["two"])
    decide = LogisticRegression.decision_function
    monkeypatch.setattr(LogisticRegression, "decision_function", lambda self, X: -decide(self, X))
    assert not is_short(model)


@pytest.mark.parametrize(
    ("name", "value"),
    [("intercept_", None), ("coef_", np.array(1.0)), ("coef_", np.zeros((1, 1, 4)))],
)
def test_a_model_whose_parts_do_not_fit_is_refused_when_it_predicts(name, value):
    model = fitted(LogisticRegression(), TARGETS["two"])
    setattr(model, name, value)
    assert not is_short(model)


def test_scikit_learn_is_not_asked_about_the_rows_of_a_served_model(tmp_path, monkeypatch):
    model = fitted(LogisticRegression(), TARGETS["three"])
    flavorkit.save_model(model, tmp_path / "m", input_example=X[:2])
    loaded = flavorkit.load_model(tmp_path / "m")
    expected = model.predict(X)

    def refuse(self, X):
        raise AssertionError("asked")

    monkeypatch.setattr(LogisticRegression, "decision_function", refuse)
    with pytest.raises(AssertionError, match="asked"):
        model.predict(X)
    np.testing.assert_array_equal(loaded.predict(X), expected)
