"""CatBoost's models, saved by MLflow and loaded by us."""

from __future__ import annotations

import pytest
import yaml

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import FILENAME
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same
from tests.flavors.cases import catboost as cases

pytest.importorskip("catboost")
pytestmark = pytest.mark.xdist_group("catboost")

MODELS = {model.name: model for model in cases.CASE.models}


def save(mlflow, model, folder, **options):
    import mlflow.catboost

    options = {"pip_requirements": ["catboost"], **options}
    mlflow.catboost.save_model(model, str(folder), **options)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_we_load_theirs(mlflow, tmp_path, name):
    model = MODELS[name]
    folder = save(mlflow, model.native, tmp_path / "m", **model.options)
    if not model.is_data:
        with pytest.raises(TrustError, match="nobody has signed it"):
            flavorkit.load_model(folder)
    trust = "data" if model.is_data else manifest.verify(folder).digest
    expected = mlflow.pyfunc.load_model(str(folder)).predict(model.data)
    assert_same(flavorkit.load_model(folder, trust=trust).predict(model.data), expected)
    native = flavorkit.catboost.load_model(folder, trust=trust)
    theirs = mlflow.catboost.load_model(str(folder))
    assert type(native) is type(theirs)
    assert_same(native.predict(model.data), theirs.predict(model.data))
    assert native.get_params() == theirs.get_params()


@pytest.mark.parametrize("name", ["classifier", "json"])
def test_the_descriptor_says_what_theirs_says(mlflow, tmp_path, name):
    model = MODELS[name]
    save(mlflow, model.native, tmp_path / "theirs", **model.options)
    model.save(tmp_path / "ours")
    theirs, ours = (
        yaml.safe_load((tmp_path / who / FILENAME).read_text())["flavors"]
        for who in ("theirs", "ours")
    )
    assert ours["catboost"] == theirs["catboost"]
    assert ours["python_function"]["data"] == theirs["python_function"]["data"]


def test_theirs_with_an_example_has_its_signature(mlflow, tmp_path):
    model = MODELS["categories"]
    folder = save(mlflow, model.native, tmp_path / "m", input_example=model.data[:3])
    loaded = flavorkit.load_model(folder)
    assert loaded.signature.to_dict() == mlflow.models.Model.load(str(folder)).signature.to_dict()
    assert_same(loaded.predict(model.data), model.native.predict(model.data))
