"""TensorFlow's models, saved by MLflow and loaded by us."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same
from tests.flavors.cases import keras as keras_cases
from tests.flavors.cases import tensorflow as cases

pytest.importorskip("tensorflow")
pytest.importorskip("keras")
pytestmark = pytest.mark.xdist_group("tensorflow")

ROWS = cases.ROWS


def save(mlflow, model, folder, **options):
    import mlflow.tensorflow

    mlflow.tensorflow.save_model(model, str(folder), pip_requirements=["tensorflow"], **options)
    return folder


def same(mlflow, folder, data, rtol=1e-5):
    """Refused without trust; with it, what MLflow predicts."""
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    loaded = flavorkit.load_model(folder, trust=manifest.verify(folder).digest)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(data)
    assert_same(loaded.predict(data), expected, rtol)
    return expected


@pytest.mark.parametrize("with_example", [False, True])
def test_their_keras_models(mlflow, tmp_path, with_example):
    model = keras_cases.sequential()
    options = {"input_example": ROWS[:2]} if with_example else {}
    folder = save(mlflow, model, tmp_path / "m", **options)
    same(mlflow, folder, ROWS)
    native = flavorkit.tensorflow.load_model(folder, trust="all")
    assert_same(native.predict_on_batch(ROWS), model.predict_on_batch(ROWS), 1e-5)


def test_their_keras_models_of_several_inputs(mlflow, tmp_path):
    folder = save(mlflow, keras_cases.functional(), tmp_path / "m")
    same(mlflow, folder, keras_cases.NAMED)


def test_their_custom_objects(mlflow, tmp_path):
    """Of the caller's, and of those that Keras knows in this process."""
    import keras

    @keras.saving.register_keras_serializable(package="interop")
    class Tripled(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 3

    def double(inputs):
        return inputs * 2

    model = keras.Sequential([keras.Input((4,)), Tripled(), keras.layers.Activation(double)])
    folder = save(mlflow, model, tmp_path / "m", custom_objects={"double": double})
    files = {path.name for path in (folder / "data").iterdir()}
    assert {"custom_objects.cloudpickle", "global_custom_objects.cloudpickle"} <= files
    keras.saving.get_custom_objects().clear()
    assert_same(flavorkit.load_model(folder, trust="all").predict(ROWS), ROWS * 6, 1e-5)
    native = flavorkit.tensorflow.load_model(folder, trust="all")
    assert_same(native.predict_on_batch(ROWS), ROWS * 6, 1e-5)


def test_their_modules(mlflow, tmp_path):
    module = cases.modules()["linear"]
    folder = save(mlflow, module, tmp_path / "m", input_example=ROWS[:2])
    same(mlflow, folder, ROWS)
    native = flavorkit.tensorflow.load_model(folder, trust="all")
    assert_same(native(ROWS).numpy(), module(ROWS).numpy())


def test_our_folders_are_their_estimators(mlflow, tmp_path):
    """The layout of the SavedModels that MLflow before 2.0 saved, which it still loads."""
    import tensorflow as tf

    tf.saved_model.save(cases.modules()["sums"], tmp_path / "saved")
    flavorkit.tensorflow.save_model(
        tf_saved_model_dir=str(tmp_path / "saved"), path=tmp_path / "m", signature=False
    )
    frame = pd.DataFrame({"amount": [[1.0, 2.0], [3.0, 4.0]], "count": [1, 2]})
    frame["amount"] = [np.array(cell, "float32") for cell in frame["amount"]]
    expected = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(frame)
    found = flavorkit.load_model(tmp_path / "m").predict(frame)
    expected = expected[sorted(expected)]  # as Python numbers
    pd.testing.assert_frame_equal(found[sorted(found)], expected, check_dtype=False)
    (tmp_path / "m" / "manifest.json").unlink()
    native = mlflow.tensorflow.load_model(str(tmp_path / "m"))
    assert sorted(native.structured_outputs) == ["each", "total"]


def test_saving_with_mlflows_keywords(tmp_path):
    import flavorkit as mlflow

    model = keras_cases.sequential()
    mlflow.tensorflow.save_model(
        model=model,
        path=str(tmp_path / "m"),
        custom_objects={},
        signature=mlflow.models.infer_signature(ROWS, model.predict_on_batch(ROWS)),
        input_example=ROWS[:2],
        keras_model_kwargs={"save_format": "tf"},
        saved_model_kwargs=None,
        metadata={"team": "a"},
    )
    assert mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(ROWS).shape == (6, 3)
