"""H2O's models, saved by MLflow and loaded by us."""

from __future__ import annotations

import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same
from tests.flavors.cases import h2o as cases

pytestmark = [
    pytest.mark.xdist_group("h2o"),
    pytest.mark.skipif(cases.CASE.missing() is not None, reason="H2O or Java is not installed"),
]


def save(model, folder, **options):
    import mlflow.h2o

    mlflow.h2o.save_model(model, str(folder), pip_requirements=["h2o"], **options)
    return folder


@pytest.mark.parametrize("model", cases.CASE.models, ids=lambda model: model.name)
def test_we_load_theirs(mlflow, tmp_path, model):
    if isinstance(model.native, str):
        pytest.skip("MLflow saves no MOJO")
    folder = save(model.native, tmp_path / "m", settings={"init": {"nthreads": 1}})
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    found = loaded.predict(model.data)
    assert_same(found, mlflow.pyfunc.load_model(str(folder)).predict(model.data), 1e-9)
    assert isinstance(found, pd.DataFrame)
    native = flavorkit.h2o.load_model(folder, trust="all")
    assert_same(cases.answer(native, model.data), cases.answer(model.native, model.data), 1e-9)
