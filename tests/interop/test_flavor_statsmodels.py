"""statsmodels' results, saved by MLflow and loaded by us."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from tests.flavors.cases import statsmodels as cases

pytest.importorskip("statsmodels")
pytestmark = pytest.mark.xdist_group("statsmodels")

NAMES = ("array", "least squares", "multinomial", "formula", "gee")
SERIES = (
    *("arima", "arima numbered", "sarimax", "autoregression", "exponential smoothing"),
    *("error trend seasonal", "components"),
)
MODELS = {model.name: model for model in (*cases.CASE.models, *cases.MORE)}


def save(mlflow, model, folder, **options):
    import mlflow.statsmodels

    options = {"pip_requirements": ["statsmodels"], **options}
    mlflow.statsmodels.save_model(model, str(folder), **options)
    return folder


@pytest.mark.parametrize("has_example", [False, True], ids=["bare", "example"])
@pytest.mark.parametrize("name", [*NAMES, *SERIES])
def test_we_load_theirs(mlflow, tmp_path, name, has_example):
    native, data = MODELS[name].fit()
    options = {"input_example": data[:2]} if has_example else {}
    folder = save(mlflow, native, tmp_path / "m", **options)
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(data)
    found = loaded.predict(data)
    assert type(found) is type(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    if isinstance(expected, pd.Series | pd.DataFrame):
        assert found.index.equals(expected.index)
    again = flavorkit.statsmodels.load_model(folder, trust="all")
    assert type(again) is type(native)


def test_we_load_theirs_without_data(mlflow, tmp_path):
    native, data = MODELS["least squares"].fit()
    expected = native.predict(data)
    folder = save(mlflow, native, tmp_path / "m", remove_data=True)
    found = flavorkit.load_model(folder, trust="all").predict(data)
    np.testing.assert_allclose(found, expected)


def test_we_load_their_vector_autoregressions_which_they_cannot_predict_with(mlflow, tmp_path):
    native, data = MODELS["vector"].fit()
    folder = save(mlflow, native, tmp_path / "m")
    found = flavorkit.load_model(folder, trust="all").predict(data)
    np.testing.assert_array_equal(found, cases.forecast(native, data))
    with pytest.raises(AttributeError, match="predict"):
        mlflow.pyfunc.load_model(str(folder)).predict(cases.STEPS.assign(start=1, end=2))


def test_their_pyfunc_forecasts_ours_through_our_loader(mlflow, tmp_path):
    native, data = MODELS["vector"].fit()
    flavorkit.save_model(native, tmp_path / "m", input_example=data)
    found = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(data)
    np.testing.assert_array_equal(found, cases.forecast(native, data))
