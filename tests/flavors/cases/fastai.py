from __future__ import annotations

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model


def people():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "city": rng.choice(["Berlin", "Kyiv", "Lima"], 40),
            "age": rng.integers(18, 80, 40).astype(float),
            "height": rng.normal(170, 10, 40),
        }
    )


def fitted(frame, targets, *, block=None, missing=False, **options):
    """A learner of two epochs, in which nothing is printed and nothing left to chance."""
    from fastai.tabular.all import (
        Categorify,
        FillMissing,
        Normalize,
        TabularDataLoaders,
        set_seed,
        tabular_learner,
    )

    set_seed(0)
    names = [name for name in frame if name not in {"city", *targets}]
    loaders = TabularDataLoaders.from_df(
        frame,
        procs=[Categorify, *([FillMissing] if missing else []), Normalize],
        cat_names=["city"],
        cont_names=names,
        y_names=targets,
        y_block=block,
        bs=16,
        valid_idx=[0, 1, 2, 3],
        device="cpu",
    )
    learner = tabular_learner(loaders, layers=[8], **options)
    with learner.no_bar(), learner.no_logging():
        learner.fit(2)
    return learner


def classifier():
    frame = people()
    frame["buys"] = np.where(frame["age"] > 50, "yes", "no")
    return fitted(frame, ["buys"]), people()[:6]


def numbered_classes():
    from fastai.tabular.all import CategoryBlock

    frame = people()
    frame["stars"] = np.arange(40) % 3
    return fitted(frame, ["stars"], block=CategoryBlock()), people()[:6]


def regressor():
    frame = people()
    frame["weight"] = frame["height"] - 100
    return fitted(frame, ["weight"], y_range=(20, 150)), people()[:6]


def targets():
    frame = people()
    frame["weight"], frame["shoe"] = frame["height"] - 100, frame["height"] / 4
    return fitted(frame, ["weight", "shoe"]), people()[:6]


def missing():
    frame = people()
    frame.loc[::3, "age"] = np.nan
    data = frame[:6].copy()
    frame["buys"] = np.where(frame["height"] > 170, "yes", "no")
    return fitted(frame, ["buys"], missing=True), data


def predict(native, data):
    with native.no_bar():
        found, _ = native.get_preds(dl=native.dls.test_dl(data, num_workers=0))
    found = found.numpy().reshape(len(data), -1)
    names = native.dls.y_names if found.shape[1] == len(native.dls.y_names) else native.dls.vocab
    return pd.DataFrame(found, data.index, list(names))


# Batches of other sizes are multiplied by other instructions; and get_preds, which the contract
# calls between two saves, sets the learner's meters back.
CLOSE = {"is_data": False, "rtol": 1e-5, "is_deterministic": False}

CASE = Case(
    flavor="fastai",
    packages=("fastai", "torch"),
    other_packages=("cloudpickle", "fastcore", "fasttransform", "numpy", "pandas", "pyarrow"),
    also_imports=("torch", "sklearn"),
    ignored_warnings=(
        "ignore:.torch.jit.* is deprecated:DeprecationWarning",
        "ignore:The 'mode.chained_assignment' option is deprecated",
        "ignore:The given NumPy array is not writable:UserWarning",
    ),
    models=(
        Model("classifier", classifier, predict, **CLOSE),
        Model("numbered classes", numbered_classes, predict, **CLOSE),
        Model("regressor", regressor, predict, **CLOSE),
        Model("targets", targets, predict, **CLOSE),
        Model("missing", missing, predict, **CLOSE),
    ),
)
