from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np

from flavorkit.testing import Case, Model
from tests.flavors.cases import keras

ROWS = keras.ROWS
NAMED = {"amount": ROWS[:, :2].copy(), "count": np.arange(6)}


def modules():
    """Objects of ``tf.Module``: one tensor in, several, and one of a function with two traces."""
    import tensorflow as tf

    rows = tf.TensorSpec((None, 4), tf.float32, name="x")
    amount = tf.TensorSpec((None, 2), tf.float32, name="amount")
    count = tf.TensorSpec((None,), tf.int64, name="count")

    class Linear(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(np.arange(8, dtype="float32").reshape(4, 2))

        @tf.function(input_signature=[rows])
        def __call__(self, x):
            return x @ self.weights

    class Sums(tf.Module):
        @tf.function(input_signature=[amount, count])
        def totals(self, amount, count):
            counted = tf.cast(count, tf.float32)
            return {"each": amount * counted[:, None], "total": tf.reduce_sum(amount, 1) * counted}

    class Doubling(tf.Module):
        @tf.function
        def __call__(self, x):
            return x * 2

    doubling = Doubling()
    for dtype in (tf.float32, tf.int32):  # of two, neither is the signature
        doubling.__call__.get_concrete_function(tf.TensorSpec((None, 4), dtype))
    return {"linear": Linear(), "sums": Sums(), "doubling": doubling}


def one(name, data):
    return lambda: (modules()[name], data)


def folder(name, data):
    """A SavedModel, and rows for it."""

    def fit():
        import tensorflow as tf

        path = Path(tempfile.mkdtemp(prefix="flavorkit-tests-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        tf.saved_model.save(modules()[name], str(path / "saved"))
        return path / "saved", data

    return fit


def call(native, data):
    return native(data).numpy()


def by_signature(native, data):
    """Through the signature that serves, of a folder, of what was loaded, or what MLflow gives."""
    import tensorflow as tf

    if isinstance(native, Path):
        native = tf.saved_model.load(str(native))
    function = native.signatures["serving_default"] if hasattr(native, "signatures") else native
    named = {name: tf.constant(values) for name, values in data.items()}
    return {name: tensor.numpy() for name, tensor in sorted(function(**named).items())}


def totals(native, data):
    """Through the function itself, or through the signature it became."""
    if not hasattr(native, "totals"):
        return by_signature(native, data)
    return {name: tensor.numpy() for name, tensor in sorted(native.totals(**data).items())}


def model(name, fit, expected, **more):
    # A SavedModel has a number at random as its fingerprint; a .keras file says when it was saved.
    more = {"is_data": False, "is_deterministic": False, "rtol": 1e-5, **more}
    return Model(name, fit, expected, **more)


def keras_model(name, make, data, **more):
    return model(name, lambda: (make(), data), keras.predict, has_own_type=False, **more)


CASE = Case(
    flavor="tensorflow",
    models_in_processes=1,
    packages=("tensorflow-cpu",),
    other_packages=("keras", "cloudpickle"),
    also_imports=("keras", "sklearn"),
    ignored_warnings=keras.CASE.ignored_warnings,
    models=(
        model("module", one("linear", ROWS), call),
        model("module by name", one("sums", NAMED), totals),
        model("module without a signature", one("doubling", ROWS), call),
        model("folder", folder("sums", NAMED), by_signature, has_own_type=False),
        model("folder of one", folder("linear", {"x": ROWS}), by_signature, has_own_type=False),
        keras_model("keras", keras.sequential, ROWS),
        keras_model("keras frame", keras.sequential, keras.FRAME),
        keras_model("keras two outputs", lambda: keras.functional(many=True), keras.NAMED),
        keras_model("keras own layer", keras.own_layer, ROWS),
        keras_model("keras lambda", keras.own_function, ROWS),
        keras_model(
            "keras h5",
            keras.sequential,
            ROWS,
            options={"keras_model_kwargs": {"save_format": "h5"}},
        ),
    ),
)
