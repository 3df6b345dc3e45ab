from __future__ import annotations

import io
import tempfile

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model
from tests.flavors.forging_h2o import write_mojo

ROWS = 80
TYPES = {
    **dict.fromkeys(["colour", "digit", "kind", "label"], "enum"),
    **dict.fromkeys(["x", "y", "size"], "numeric"),
    "day": "time",
}


def flowers():
    """Numbers, times, categories as text and as numbers; some missing."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, ROWS)).round(3)
    colour = np.where(x > 0.3, "red", np.where(y > 0, 'sky "blue", pale', "leaf\ngreen"))
    day = pd.date_range("2020-01-01", periods=ROWS, freq="7h")
    frame = pd.DataFrame({"x": x, "y": y, "colour": colour, "day": day})
    frame["digit"] = random.integers(0, 3, ROWS)
    frame.loc[::9, "y"] = np.nan
    frame["label"] = (x + (frame.digit == 1) > 0.2).astype(int)
    frame["kind"] = np.where(x < -0.5, "low", np.where(x > 0.5, "high", "mid"))
    frame["size"] = x * 2 + frame.digit
    return frame


def in_h2o(frame):
    """As h2o's users do it."""
    import h2o

    from flavorkit.flavors.h2o.clusters import cluster

    cluster(nthreads=2, max_mem_size="1G")
    types = {name: kind for name, kind in TYPES.items() if name in frame}
    return h2o.H2OFrame(frame, column_types=types)


def trained(name, target, columns, **options):
    def fit():
        from h2o import estimators

        frame = flowers()
        known = in_h2o(frame[[*columns, *([target] if target else [])]])
        model = getattr(estimators, name)(seed=1, **options)
        model.train(columns, target, known)
        return model, frame[columns][::8].reset_index(drop=True)

    return fit


def answer(native, data):
    # What as_data_frame() does, but for its advice to install more.
    text = native.predict(in_h2o(data)).get_frame_data()
    found = pd.read_csv(io.StringIO(text), skip_blank_lines=False)
    # A column that happens to be whole comes back as integers.
    whole = native._model_json["output"]["model_category"] == "Clustering"
    floats = [name for name in found if name != "predict" or found[name].dtype.kind == "f"]
    return found if whole else found.astype(dict.fromkeys(floats, float))


def model(name, fit, **more):
    # Java writes the names of the classes that it knows by then.
    return Model(name, fit, answer, is_data=False, is_deterministic=False, rtol=1e-9, **more)


def by_hand():
    """A file, from a temporary folder that stays until the process ends."""
    home = tempfile.TemporaryDirectory(prefix="flavorkit-tests-")
    HOMES.append(home)
    path = write_mojo(f"{home.name}/linear.mojo")
    return path, flowers()[NUMBERS].dropna()[::8].reset_index(drop=True)


def linear(native, data):
    """What the model in the file computes, whoever has loaded it."""
    return pd.DataFrame({"predict": 2 * data.x + 3 * data.y + 1})


HOMES = []
MIXED = ["x", "y", "colour", "digit"]
NUMBERS = ["x", "y"]

CASE = Case(
    flavor="h2o",
    models_in_processes=1,
    packages=("h2o", "pyarrow"),
    commands=("java",),
    models=(
        model(
            "boosting",
            trained("H2OGradientBoostingEstimator", "label", MIXED, ntrees=3, min_rows=2),
        ),
        model("forest", trained("H2ORandomForestEstimator", "kind", MIXED, ntrees=3)),
        model("linear", trained("H2OGeneralizedLinearEstimator", "size", NUMBERS)),
        model("clusters", trained("H2OKMeansEstimator", None, NUMBERS, k=3)),
        Model("mojo", by_hand, linear, is_data=False, rtol=1e-9),
    ),
)
