"""What is special to scikit-learn: estimators that look at several rows, and odd descriptors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import NMF, PCA, MiniBatchNMF
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - makes the next import work
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import flavorkit
from flavorkit.errors import TrustError, UnreadableModelError
from flavorkit.flavors.registry import get_flavor

ROWS = np.abs(np.random.default_rng(0).normal(size=(60, 6)))
MODELS = {
    "rows one by one": (make_pipeline(StandardScaler(), PCA(2)), True),
    "columns imputed from others": (IterativeImputer(random_state=0), True),
    "no function": (FunctionTransformer(), True),
    "one factorization of all rows": (NMF(3, solver="mu", max_iter=500, random_state=0), False),
    "the same within a pipeline": (make_pipeline(PCA(2), MiniBatchNMF(2)), False),
    "random imputations": (IterativeImputer(sample_posterior=True, random_state=0), False),
    "random flips": (BernoulliRBM(2), False),
    "a function of numpy": (FunctionTransformer(np.cumsum), False),
    "a function of numpy backwards": (FunctionTransformer(inverse_func=np.cumsum), False),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_file_may_be_predicted_in_parts_where_no_row_looks_at_another(name):
    model, is_row_wise = MODELS[name]
    assert get_flavor("sklearn").row_wise(model) is is_row_wise


def test_a_factorization_answers_parts_otherwise_than_the_whole():
    """Which is why it is none of those that may be predicted in parts."""
    model = MODELS["one factorization of all rows"][0].fit(ROWS)
    parts = np.vstack([model.transform(ROWS[:10]), model.transform(ROWS[10:])])
    assert not np.allclose(parts, model.transform(ROWS))


@pytest.fixture
def folder(tmp_path):
    """A model of somebody else's, without a manifest."""
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    flavorkit.save_model(model, tmp_path / "m", serialization_format="pickle")
    (tmp_path / "m" / "manifest.json").unlink()
    return tmp_path / "m"


def test_a_file_that_is_not_there_is_named(folder):
    (folder / "model.pkl").unlink()
    with pytest.raises(UnreadableModelError, match=r"model\.pkl .*it is not there"):
        flavorkit.load_model(folder, trust="all")


@pytest.mark.parametrize("odd", ["[predict]", "{a: b}", "null", "1"])
def test_a_method_that_is_no_name_is_refused(folder, odd):
    text = (folder / "MLmodel").read_text()
    assert "predict_fn: predict\n" in text
    (folder / "MLmodel").write_text(text.replace("predict_fn: predict\n", f"predict_fn: {odd}\n"))
    with pytest.raises(TrustError, match="its predictions come from"):
        flavorkit.load_model(folder)


def test_arrays_are_for_those_that_never_look_at_names():
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import StandardScaler

    from flavorkit.flavors.sklearn import Sklearn

    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    by_name = ColumnTransformer([("b", StandardScaler(), ["b"])])
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    nested = make_pipeline(make_pipeline(StandardScaler()), LogisticRegression())
    choosy = [
        make_pipeline(by_name, LogisticRegression()),
        make_pipeline(make_pipeline(by_name), LogisticRegression()),
        make_pipeline(FeatureUnion([("b", by_name)]), LogisticRegression()),
        VotingClassifier([("b", make_pipeline(by_name, LogisticRegression()))]),
    ]
    for model in (plain, nested, *choosy):
        model.fit(rows, [0, 1, 0, 1])
    names = ["a", "b"]
    assert Sklearn().takes_matrix(plain, names)
    assert Sklearn().takes_matrix(nested, names)
    assert not Sklearn().takes_matrix(plain, ["b", "a"])
    assert not any(Sklearn().takes_matrix(model, names) for model in choosy)
