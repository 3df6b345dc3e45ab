"""XGBoost's models, saved by MLflow and loaded by us."""

from __future__ import annotations

import pytest

import flavorkit
from flavorkit.testing import assert_same
from tests.flavors.cases import xgboost as cases

pytest.importorskip("xgboost")
pytestmark = pytest.mark.xdist_group("xgboost")

MODELS = {
    "booster": (cases.booster(), cases.predict_matrix, {}),
    "booster json": (cases.booster(), cases.predict_matrix, {"model_format": "json"}),
    "classifier": (cases.fitted("XGBClassifier"), cases.predict, {}),
    "ranker": (cases.fitted("XGBRanker"), cases.predict, {}),
    "forest json": (cases.fitted("XGBRFRegressor"), cases.predict, {"model_format": "json"}),
    "categories": (
        cases.fitted("XGBRegressor", categories=True, enable_categorical=True),
        cases.predict,
        {},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_we_load_theirs(mlflow, tmp_path, name):
    import mlflow.xgboost

    fit, predict, options = MODELS[name]
    model, rows = fit()
    folder = tmp_path / "m"
    mlflow.xgboost.save_model(model, str(folder), pip_requirements=["xgboost"], **options)
    expected = predict(model, rows)
    assert_same(flavorkit.load_model(folder, trust="data").predict(rows), expected)
    assert_same(predict(flavorkit.xgboost.load_model(folder), rows), expected)
    assert_same(mlflow.pyfunc.load_model(str(folder)).predict(rows), expected)
