from __future__ import annotations

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model

RNG = np.random.default_rng(0)
ROWS = RNG.random((6, 4)).astype("float32")
FRAME = pd.DataFrame(RNG.random((6, 4)), columns=list("abcd"))
NAMED = {"left": ROWS[:, :2].copy(), "right": ROWS[:, 2:].copy()}


def sequential():
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS[:, :3], verbose=0)
    return model


def functional(*, many=False):
    import keras

    keras.utils.set_random_seed(0)
    left, right = (keras.Input((2,), name=name) for name in ("left", "right"))
    joined = keras.layers.Concatenate()([left, right])
    first = keras.layers.Dense(1, name="price")(joined)
    second = keras.layers.Dense(2, name="label", activation="softmax")(joined)
    return keras.Model([left, right], [first, second] if many else first)


def convolution():
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    hidden = keras.layers.Conv2D(2, 3)(image)
    hidden = keras.layers.BatchNormalization()(hidden)
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.5)(hidden))
    return keras.Model(image, keras.layers.Dense(2)(pooled))


def own_layer():
    import keras

    class Scaling(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    class Network(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.scaling, self.dense = Scaling(), keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(self.scaling(inputs))

    keras.utils.set_random_seed(0)
    model = Network()
    model(ROWS)
    return model


def own_predict():
    import keras

    class Scaled(keras.Sequential):
        def predict(self, x, scale=1.0):
            return super().predict_on_batch(x) * scale

    keras.utils.set_random_seed(0)
    return Scaled([keras.Input((4,)), keras.layers.Dense(3)])


def own_function():
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Lambda(lambda inputs: inputs * 2), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((4,)), *layers])


def words():
    import keras

    keras.utils.set_random_seed(0)
    vectors = keras.layers.TextVectorization(
        vocabulary=["a", "rose", "is"], output_sequence_length=4
    )
    layers = [vectors, keras.layers.Embedding(5, 2), keras.layers.GlobalAveragePooling1D()]
    return keras.Sequential([keras.Input((1,), dtype="string"), *layers])


TEXTS = pd.DataFrame({"text": ["a rose", "is a rose", "no flower", "none"]})


def predict(native, data, **params):
    """In one batch, since ``predict`` of Keras fails with no row."""
    if isinstance(data, pd.DataFrame):
        return pd.DataFrame(predict(native, data.to_numpy(), **params))
    answer = native.predict(data, **params) if params else native.predict_on_batch(data)
    return (
        dict(zip(native.output_names, answer, strict=True)) if isinstance(answer, list) else answer
    )


def serve(native, data):
    """The answer of a Keras model, or of what it was exported as."""
    return native.serve(data).numpy() if hasattr(native, "serve") else predict(native, data)


def model(name, make, data, expected=predict, options=None, **more):
    # A .keras file says when it was saved; with more or fewer rows, sums are rounded otherwise.
    more = {"is_data": False, "is_deterministic": False, "rtol": 1e-5, **more}
    return Model(name, lambda: (make(), data), expected, options or {}, **more)


CASE = Case(
    flavor="keras",
    models_in_processes=1,
    packages=("keras", "tensorflow-cpu"),
    other_packages=("cloudpickle",),
    also_imports=("tensorflow", "sklearn"),
    ignored_warnings=(
        "ignore:The object being serialized includes a `lambda`",
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    ),
    models=(
        model("sequential", sequential, ROWS),
        model("frame", sequential, FRAME),
        model("params", own_predict, ROWS, params={"scale": 2.0}),
        model("convolution", convolution, RNG.random((5, 8, 8, 1)).astype("float32")),
        model("two inputs", functional, NAMED),
        model("two outputs", lambda: functional(many=True), NAMED),
        model("own layer", own_layer, ROWS),
        model("lambda", own_function, ROWS),
        model("words", words, TEXTS, others=("dict", "list")),
        model("exported", sequential, ROWS, serve, {"save_exported_model": True}),
    ),
)
