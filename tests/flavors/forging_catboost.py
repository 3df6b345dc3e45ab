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
    *("MultiQuantile", "Focal", "QuerySoftMax", "Huber", "MultiCrossEntropy"),
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
    return written(model)


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
    answer = Catboost().predictor(native, {})
    for data in (few, many):
        for kind in TYPES:
            attempt(answer, data, {"prediction_type": kind})
    attempt(native.predict, few.iloc[:1])
    attempt(native.predict, few, ntree_start=1)
    attempt(native.calc_leaf_indexes, few)
    attempt(lambda: list(native.staged_predict(few)))
    attempt(native.virtual_ensembles_predict, few, virtual_ensembles_count=2)
    # With names it would look for columns by them, and its explanations then in the wrong place.
    pool = attempt(catboost.Pool, few.to_numpy(), cat_features=native.get_cat_feature_indices())
    # A thread that explains a loss of an unknown name ends the process, in good order.
    if params_of(native) == params_of(catboost.CatBoost().load_model(str(genuine))):
        for kind in ("PredictionValuesChange", "ShapValues", "Interaction"):
            attempt(native.get_feature_importance, pool, type=kind)
    native.predict(few)


def params_of(native):
    return native.get_metadata().get("params")


def attempt(call, *args, **options):
    try:
        return call(*args, **options)
    except Exception:  # noqa: BLE001 - as long as it is one
        return None


START = 8  # of the first FlatBuffer
TREES = 1
CLASSES = {"class_to_label": [0, 1, 2], "classes_count": 0, "class_names": [0, 1, 2]}


def table_at(content, path, start=START):
    """Where the table lies that ``path`` leads to: fields, or pairs of a field and an item."""
    at = start + number_at(content, start)
    for step in path:
        field, item = step if isinstance(step, tuple) else (step, None)
        at = field_at(content, at, field)
        at += number_at(content, at)
        if item is not None:
            at += 4 + 4 * item
            at += number_at(content, at)
    return at


def field_at(content, table, field):
    layout = table - struct.unpack_from("<i", content, table)[0]
    offset = struct.unpack_from("<H", content, layout + 4 + 2 * field)[0]
    assert offset, "no such field"
    return table + offset


def number_at(content, at):
    return struct.unpack_from("<I", content, at)[0]


def changed(content, path, value, *, item=None, code="i", start=START, count=False):
    """A number changed: a field, an item of a vector of numbers, or how many those are."""
    at = field_at(content, table_at(content, path[:-1], start), path[-1])
    if item is not None or count:
        at += number_at(content, at)
        item = item + number_at(content, at) if item is not None and item < 0 else item
        at += 0 if count else 4 + item * struct.calcsize(code)
    found = bytearray(content)
    struct.pack_into(f"<{code}", found, at, value)
    return bytes(found)


def without(content, path):
    """A field taken away, of this table and those of the same layout."""
    table = table_at(content, path[:-1])
    layout = table - struct.unpack_from("<i", content, table)[0]
    found = bytearray(content)
    struct.pack_into("<H", found, layout + 4 + 2 * path[-1], 0)
    return bytes(found)


def tables_start(content):
    """Where the first table of categories starts."""
    return START + number_at(content, 4) + 8


def with_info(content, **infos):
    """What it says of itself changed; CatBoost writes it again."""
    model = catboost.CatBoost().load_model(blob=content)
    for key, value in infos.items():
        model.get_metadata()[key] = value if isinstance(value, str) else json.dumps(value)
    return written(model)


def written(model):
    with tempfile.TemporaryDirectory() as scratch:
        model.save_model(Path(scratch) / "m")
        return (Path(scratch) / "m").read_bytes()
