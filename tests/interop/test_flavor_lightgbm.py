"""LightGBM's models, saved by MLflow and loaded by us."""

from __future__ import annotations

import pytest
import yaml

import flavorkit
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same
from tests.flavors.cases import lightgbm as cases

pytest.importorskip("lightgbm")
pytestmark = pytest.mark.xdist_group("lightgbm")

RANKER = {"skops_trusted_types": ["lightgbm.sklearn.LGBMRanker"]}
MODELS = {
    "booster": (cases.booster(), {}),
    "booster of categories": (cases.booster(categories=True), {}),
    "classifier": (cases.fitted("LGBMClassifier"), {}),
    "regressor of categories": (cases.fitted("LGBMRegressor", categories=True), {}),
    "ranker": (cases.fitted("LGBMRanker"), RANKER),
    "cloudpickle": (cases.fitted("LGBMClassifier"), {"serialization_format": "cloudpickle"}),
    "pickle": (cases.fitted("LGBMClassifier"), {"serialization_format": "pickle"}),
}


@pytest.mark.parametrize("name", MODELS)
def test_we_load_theirs(mlflow, tmp_path, name):
    import mlflow.lightgbm

    fit, options = MODELS[name]
    model, rows = fit()
    folder = tmp_path / "m"
    mlflow.lightgbm.save_model(model, str(folder), pip_requirements=["lightgbm"], **options)
    expected = model.predict(rows)
    trust = "data"
    if "serialization_format" in options:
        with pytest.raises(TrustError, match="is a pickle, which can run"):
            flavorkit.load_model(folder, trust=trust)
        trust = "all"
    assert_same(flavorkit.load_model(folder, trust=trust).predict(rows), expected)
    assert_same(flavorkit.lightgbm.load_model(folder, trust=trust).predict(rows), expected)
    assert_same(mlflow.pyfunc.load_model(str(folder)).predict(rows), expected)


def test_a_folder_from_before_there_were_formats_is_a_pickle(mlflow, tmp_path):
    import mlflow.lightgbm

    model, rows = MODELS["classifier"][0]()
    options = {"serialization_format": "cloudpickle", "pip_requirements": ["lightgbm"]}
    mlflow.lightgbm.save_model(model, str(tmp_path / "m"), **options)
    path = tmp_path / "m" / "MLmodel"
    content = yaml.safe_load(path.read_text())
    del content["flavors"]["lightgbm"]["serialization_format"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(TrustError, match="is a pickle, which can run"):
        flavorkit.load_model(tmp_path / "m")
    found = flavorkit.load_model(tmp_path / "m", trust="all").predict(rows)
    assert_same(found, model.predict(rows))
