"""Damages CatBoost's files, as bytes, as numbers where numbers are, and as what they say of themselves."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import tempfile
from functools import cache
from pathlib import Path

import catboost
import numpy as np
import pandas as pd

from flavorkit.flavors.catboost import Catboost
from flavorkit.trust import Grant
from tests.flavors.cases import catboost as cases
from tests.flavors.forging import INTEGERS, damaged_bytes, damaged_value

NOTHING = dataclasses.replace(Grant.of_own(""), code=False)
TEXT = re.compile(rb"[ -~\n]{60,}")
TYPES = (
    *("RawFormulaVal", "Class", "Probability", "LogProbability", "Exponent"),
    "RMSEWithUncertainty",
)
LOSSES = (
    *("RMSE", "Logloss", "MultiClass", "MultiClassOneVsAll", "CrossEntropy", "Quantile", "Poisson"),
    *(
        "RMSEWithUncertainty",
        "MultiRMSE",
        "MultiLogloss",
        "YetiRank",
        "Tweedie",
        "Cox",
        "SurvivalAft",
    ),
    *("MultiQuantile", "Focal", "QuerySoftMax", "Huber", "MultiCrossEntropy", "nothing"),
)


def damaged(content, rng):
    if rng.random() < 0.2:
        return damaged_bytes(content, rng)
    if rng.random() < 0.15:
        return with_infos(content, rng)
    return with_numbers(content, rng)


def with_numbers(content, rng):
    """Some numbers changed, beside the texts, which are most of a small file."""
    found = bytearray(content)
    texts = [range(*match.span()) for match in TEXT.finditer(content)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(found))
        while any(at in text for text in texts) and rng.random() < 0.97:
            at = rng.randrange(len(found))
        code = rng.choice("BbHiiiiq")
        size = struct.calcsize(code)
        at = max(0, min(at - at % size, len(found) - size))
        (old,) = struct.unpack_from(f"<{code}", found, at)
        other = rng.randrange(0, len(found) - size)
        (moved,) = struct.unpack_from(f"<{code}", found, other - other % size)
        new = rng.choice((old + 1, old - 1, old + 1, old * 2, old + 4, moved, *INTEGERS))
        struct.pack_into(f"<{size}s", found, at, (new % 2 ** (8 * size)).to_bytes(size, "little"))
    return bytes(found)


def with_infos(content, rng):
    """What it says of its training and its classes changed; CatBoost writes it again."""
    model = catboost.CatBoost().load_model(blob=content)
    infos = model.get_metadata()
    key = rng.choice(["class_params", "params", "params"])
    value = {"class_to_label": [0, 1], "classes_count": 2, "class_names": []}
    if key in infos.keys():  # noqa: SIM118 - it is no mapping
        value = json.loads(infos[key])
    if key == "params" and rng.random() < 0.6:
        loss = {"type": rng.choice(LOSSES), "params": rng.choice(({}, {"alpha": "0.1,0.5,0.9"}))}
        value["loss_function"] = loss
    else:
        value = damaged_value(value, rng)
    infos[key] = json.dumps(value)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_model(Path(scratch) / "m")
        return (Path(scratch) / "m").read_bytes()


@cache
def rows(kind):
    data = cases.mixed if kind.startswith("categories") else cases.flowers
    few = data()[0].iloc[::25].copy()
    many = pd.concat([data()[0]] * 3, ignore_index=True)
    few.iloc[0, 0] = np.nan
    few.iloc[1, :2] = 1e30
    return few, many


def load(path, genuine):
    name = {"r": "CatBoostRegressor", "c": "CatBoostClassifier", "b": "CatBoost"}[genuine.stem[-1]]
    config = {"data": path.name, "model_type": name, "save_format": "cbm"}
    return Catboost().load(path.parent, config, trust=NOTHING).native


def predict(native, genuine):
    few, many = rows(genuine.stem)
    for data in (few, many):
        for kind in TYPES:
            attempt(catboost.CatBoost.predict, native, data, prediction_type=kind)
    attempt(native.predict, few.iloc[:1])
    attempt(native.predict, few, ntree_start=1)
    attempt(native.calc_leaf_indexes, few)
    attempt(lambda: list(native.staged_predict(few)))
    attempt(native.virtual_ensembles_predict, few, virtual_ensembles_count=2)
    pool = catboost.Pool(few, cat_features=native.get_cat_feature_indices())
    for kind in ("PredictionValuesChange", "ShapValues", "Interaction"):
        attempt(native.get_feature_importance, pool, type=kind)
    native.predict(few)


def attempt(call, *args, **options):
    try:
        return call(*args, **options)
    except Exception:  # noqa: BLE001 - as long as it is one
        return None
