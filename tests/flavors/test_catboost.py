"""What is special to CatBoost: texts, categories, kinds of predictions, and its formats."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import flavorkit
from flavorkit.errors import InvalidInputError, TrustError, UnsavableModelError
from flavorkit.flavors.registry import get_flavor
from flavorkit.testing import assert_same
from tests.flavors.cases import catboost as cases

catboost = pytest.importorskip("catboost")
pytestmark = pytest.mark.xdist_group("catboost")


def saved(model, path, **options):
    flavorkit.catboost.save_model(model, path, **options)
    return flavorkit.load_model(path)


def test_classes_come_as_catboost_gives_them(tmp_path):
    """A column of them where there are more than two, as from MLflow."""
    for number, (target, shape) in enumerate([(cases.species, (6, 1)), (lambda y: y > 0, (6,))]):
        model, rows = cases.fitted("CatBoostClassifier", target=target)()
        predictions = saved(model, tmp_path / str(number)).predict(rows)
        assert predictions.shape == shape
        assert_same(predictions, model.predict(rows))


@pytest.mark.parametrize("kind", ["RawFormulaVal", "Class", "Probability", "LogProbability"])
def test_a_kind_of_prediction_can_be_asked_for(tmp_path, kind):
    model, rows = cases.fitted("CatBoostClassifier")()
    signature = flavorkit.infer_signature(rows, params={"prediction_type": "Class"})
    loaded = saved(model, tmp_path / "m", signature=signature)
    expected = model.predict(rows, prediction_type=kind)
    assert_same(loaded.predict(rows, {"prediction_type": kind}), expected)


BAD_PARAMS = {
    "an unknown kind": ({"prediction_type": "Guess"}, "Invalid value of prediction_type=Guess"),
    "a kind that needs classes": ({"prediction_type": "Class"}, "out of bounds"),
    "trees that are not there": ({"ntree_end": 6}, "whole number from 0 to 5, got 6"),
    "trees before the first": ({"ntree_start": -1}, "whole number from 0 to 5, got -1"),
    "no trees": ({"ntree_start": 3, "ntree_end": 2}, r"Empty tree range \[3, 2\)"),
}


@pytest.mark.parametrize("value", ["2", None, float("nan"), float("inf"), [1], 1.5, True])
def test_a_number_of_trees_that_is_none_is_the_callers_error(value):
    model, rows = cases.fitted("CatBoostRegressor")()
    predict = get_flavor("catboost").predictor(model, {})
    with pytest.raises(InvalidInputError, match="ntree_end must be a whole number from 0 to 5"):
        predict(rows, {"ntree_end": value})


@pytest.mark.parametrize("case", BAD_PARAMS)
def test_parameters_that_catboost_refuses_are_the_callers_error(tmp_path, case):
    params, problem = BAD_PARAMS[case]
    model, rows = cases.fitted("CatBoostRegressor")()
    defaults = {"prediction_type": "RawFormulaVal", "ntree_start": 0, "ntree_end": 0}
    signature = flavorkit.infer_signature(rows, params=defaults)
    loaded = saved(model, tmp_path / "m", signature=signature)
    with pytest.raises(InvalidInputError, match=problem):
        loaded.predict(rows, params)


def test_predictions_with_their_uncertainty_come_from_models_of_it_only(tmp_path):
    """CatBoost reads a second output, also where there is none, and crashes."""
    defaults = {"prediction_type": "RMSEWithUncertainty"}
    model, rows = cases.fitted("CatBoostRegressor", loss_function="RMSEWithUncertainty")()
    signature = flavorkit.infer_signature(rows, params=defaults)
    loaded = saved(model, tmp_path / "m", signature=signature)
    assert_same(loaded.predict(rows), model.predict(rows))
    assert loaded.predict(rows).shape == (6, 2)
    model, rows = cases.fitted("CatBoostRegressor")()
    loaded = saved(model, tmp_path / "other", signature=signature)
    with pytest.raises(InvalidInputError, match="for models of that loss only"):
        loaded.predict(rows)


def test_a_caller_cannot_choose_threads_or_devices(tmp_path):
    model, rows = cases.fitted("CatBoostRegressor")()
    example = (rows, {"thread_count": 100_000, "task_type": "GPU"})
    assert_same(
        saved(model, tmp_path / "m", input_example=example).predict(rows), model.predict(rows)
    )


def test_the_native_model_knows_its_parameters_again(tmp_path):
    model, _ = cases.fitted("CatBoostClassifier", class_weights=[1, 2, 3])()
    saved(model, tmp_path / "m")
    native = flavorkit.catboost.load_model(tmp_path / "m")
    assert type(native) is catboost.CatBoostClassifier
    assert native.get_params()["class_weights"] == [1, 2, 3]
    assert native.classes_.tolist() == [0, 1, 2]


def test_categories_are_texts_and_whole_numbers(tmp_path):
    X, y = cases.mixed()
    X = X.assign(plot=np.arange(150) % 17)
    model = catboost.CatBoostClassifier(**cases.SMALL, cat_features=["colour", "plot"]).fit(X, y)
    loaded = saved(model, tmp_path / "m", input_example=X[:3])
    assert_same(loaded.predict(X[::9]), model.predict(X[::9]))
    typed = X.astype({"colour": "category"})
    assert_same(loaded.predict(typed[::9]), model.predict(X[::9]))
    unknown = X[:1].assign(colour="violet")
    assert_same(loaded.predict(unknown), model.predict(unknown))
    for missing in (None, np.nan):
        with pytest.raises(InvalidInputError, match=r"column 'colour': a value is missing"):
            loaded.predict(X[:2].assign(colour=["red", missing]))


def test_missing_numbers_are_predicted(tmp_path):
    X, y = cases.flowers()
    X = X.mask(X > 6)
    model = catboost.CatBoostRegressor(**cases.SMALL).fit(X, y)
    assert_same(saved(model, tmp_path / "m", input_example=X).predict(X), model.predict(X))


def test_sparse_rows_stay_sparse(tmp_path):
    X, y = cases.flowers()
    rows = scipy.sparse.csr_matrix(X.where(X > 2, 0).to_numpy())
    model = catboost.CatBoostRegressor(**cases.SMALL).fit(rows, y)
    assert_same(
        saved(model, tmp_path / "m", input_example=rows[:3]).predict(rows), model.predict(rows)
    )


def test_texts_and_embeddings_load_from_those_you_trust(tmp_path):
    X, y = cases.flowers()
    vectors = X.iloc[:, :1].assign(vector=list(X.to_numpy()))
    options = {**cases.SMALL, "embedding_features": ["vector"]}
    model = catboost.CatBoostClassifier(**options).fit(vectors, y)
    saved(model, tmp_path / "m", input_example=vectors[:3])
    (tmp_path / "m" / "manifest.json").unlink()
    with pytest.raises(TrustError, match=r"embed_process.*which CatBoost reads without checking"):
        flavorkit.load_model(tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m", trust="all")
    assert_same(loaded.predict(vectors[::9]), model.predict(vectors[::9]))


def test_a_missing_text_is_an_error_that_names_the_column(tmp_path):
    X, y = cases.described()
    model = catboost.CatBoostClassifier(**cases.SMALL, text_features=["text"]).fit(X, y)
    with pytest.raises(InvalidInputError, match=r"column 'text': a value is missing"):
        saved(model, tmp_path / "m").predict(X[:2].assign(text=["a b", None]))


def test_rows_of_another_width_or_shape_are_the_callers_error(tmp_path):
    model, _ = cases.fitted("CatBoostRegressor")()
    loaded = saved(model, tmp_path / "m")
    with pytest.raises(InvalidInputError, match="is present in model but not in pool"):
        loaded.predict(np.zeros((2, 3)))
    with pytest.raises(InvalidInputError, match=r"rows of features, got shape \(4,\)"):
        loaded.predict(np.zeros(4))
    with pytest.raises(InvalidInputError, match="should be feature with name sepal length"):
        loaded.predict(pd.DataFrame(np.zeros((2, 4)), columns=list("abcd")))


def test_json_can_be_read_by_people(tmp_path):
    model, rows = cases.fitted("CatBoostClassifier", **cases.CATEGORIES)()
    X, y = cases.mixed()
    pool = catboost.Pool(X, y, cat_features=["colour", "plot"])
    for number, options in enumerate([{}, {"pool": pool}]):
        folder = tmp_path / str(number)
        assert_same(
            saved(model, folder, format="json", **options).predict(rows), model.predict(rows)
        )
        assert json.loads((folder / "model.cb").read_text())["oblivious_trees"]


def test_what_cannot_be_saved_says_so(tmp_path):
    class Own(catboost.CatBoostRegressor):
        pass

    model, _ = cases.fitted("CatBoostRegressor")()
    cases_of_it = [
        (model, {"format": "onnx"}, "is not of"),
        (catboost.CatBoostRegressor(), {}, "this CatBoostRegressor is not fitted"),
        (Own(), {}, r"keep no class of your own such as .*Own"),
    ]
    for one, options, problem in cases_of_it:
        with pytest.raises(UnsavableModelError, match=problem):
            flavorkit.catboost.save_model(one, tmp_path / "m", **options)
    assert not (tmp_path / "m").exists()
