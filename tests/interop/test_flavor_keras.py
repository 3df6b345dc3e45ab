"""Keras's models, saved by MLflow's keras flavor and loaded by us, and what it reads of ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same
from tests.flavors.cases import keras as cases

pytest.importorskip("tensorflow")
pytest.importorskip("keras")
pytestmark = pytest.mark.xdist_group("keras")

ROWS = cases.ROWS


def save(mlflow, model, folder, **options):
    import mlflow.keras

    mlflow.keras.save_model(model, str(folder), pip_requirements=["keras"], **options)
    return folder


@pytest.mark.parametrize("exported", [False, True])
def test_we_load_theirs(mlflow, tmp_path, exported):
    model = cases.sequential()
    signature = mlflow.models.infer_signature(ROWS, model.predict_on_batch(ROWS))
    folder = save(mlflow, model, tmp_path / "m", signature=signature, save_exported_model=exported)
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(ROWS)
    assert_same(loaded.predict(ROWS), expected, 1e-5)
    native = flavorkit.keras.load_model(folder, trust="all")
    answer = native.serve(ROWS) if exported else native.predict_on_batch(ROWS)
    assert_same(np.asarray(answer), model.predict_on_batch(ROWS), 1e-5)


def test_a_frame_without_a_signature_is_answered_with_the_same_frame(mlflow, tmp_path):
    folder = save(mlflow, cases.sequential(), tmp_path / "m")
    frame = pd.DataFrame(ROWS, index=range(3, 9))
    expected = mlflow.pyfunc.load_model(str(folder)).predict(frame)
    found = flavorkit.load_model(folder, trust="all").predict(frame)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)


def test_their_models_of_several_inputs_predict_by_name(mlflow, tmp_path):
    folder = save(mlflow, cases.functional(), tmp_path / "m")
    expected = mlflow.pyfunc.load_model(str(folder)).predict(cases.NAMED)
    found = flavorkit.load_model(folder, trust="all").predict(cases.NAMED)
    assert_same(found, expected, 1e-5)


def test_their_models_with_own_classes_load_with_the_classes_given(mlflow, tmp_path):
    import keras

    def double(inputs):
        return inputs * 2

    model = keras.Sequential([keras.Input((4,)), keras.layers.Activation(double)])
    folder = save(mlflow, model, tmp_path / "m")
    native = flavorkit.keras.load_model(folder, trust="all", custom_objects={"double": double})
    assert_same(native.predict_on_batch(ROWS), ROWS * 2)


@pytest.mark.parametrize("make", [cases.own_layer, cases.own_function, cases.own_predict])
def test_their_pyfunc_reads_our_classes_and_lambdas_through_our_loader(mlflow, tmp_path, make):
    flavorkit.save_model(make(), tmp_path / "m", input_example=ROWS[:2])
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(ROWS)
    assert_same(theirs, flavorkit.load_model(tmp_path / "m").predict(ROWS))


def test_saving_with_mlflows_keywords(tmp_path):
    import flavorkit as mlflow

    model = cases.sequential()
    mlflow.keras.save_model(
        model=model,
        path=str(tmp_path / "m"),
        save_exported_model=True,
        signature=mlflow.models.infer_signature(ROWS, model.predict_on_batch(ROWS)),
        input_example=ROWS[:2],
        save_model_kwargs=None,
        extra_pip_requirements=["tabulate"],
        metadata={"team": "a"},
    )
    assert mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(ROWS).shape == (6, 3)
