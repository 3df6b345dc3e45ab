"""Damages XGBoost's files, as bytes and as what they mean."""

from __future__ import annotations

import json
import struct

import numpy as np
import xgboost

from flavorkit.flavors.xgboost import Xgboost, ubjson
from flavorkit.trust import Grant
from tests.flavors.forging import damaged_bytes, damaged_value

ROWS = np.random.default_rng(0).normal(size=(7, 6)).round(1).astype(np.float32)
ROWS[0, :3] = np.nan
ROWS[1:4] = np.abs(ROWS[1:4]).round()
ROWS[5] = 1e30
MODES = (
    {},
    {"output_margin": True},
    {"pred_leaf": True},
    {"pred_contribs": True},
    {"pred_interactions": True},
    {"iteration_range": (0, 1), "strict_shape": True},
)

_MARKERS = {"i1": "i", "u1": "U", ">i2": "I", ">i4": "l", ">i8": "L", ">f4": "d", ">f8": "D"}
_MARKERS = {np.dtype(code): marker.encode() for code, marker in _MARKERS.items()}


def dumps(value):
    """UBJSON as XGBoost writes it."""
    if isinstance(value, dict):
        return b"{" + b"".join(_text(key) + dumps(value[key]) for key in value) + b"}"
    if isinstance(value, list):
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(dumps, value))
    if isinstance(value, np.ndarray):
        count = struct.pack(">q", len(value))
        return b"[$" + _MARKERS[value.dtype] + b"#L" + count + value.tobytes()
    if isinstance(value, str):
        return b"S" + _text(value)
    if value is None or isinstance(value, bool):
        return {None: b"Z", True: b"T", False: b"F"}[value]
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    for marker, code in (("i", "b"), ("I", "h"), ("l", "i"), ("L", "q")):
        if -(2 ** (8 * struct.calcsize(code) - 1)) <= value < 2 ** (8 * struct.calcsize(code) - 1):
            return marker.encode() + struct.pack(f">{code}", value)
    raise ValueError(value)


def _text(value):
    content = value.encode()
    return b"L" + struct.pack(">q", len(content)) + content


def damaged(content, rng):
    if rng.random() < 0.3:
        return damaged_bytes(content, rng)
    if content[:2] == b"{L":
        return dumps(damaged_value(ubjson.loads(content), rng))
    return json.dumps(damaged_value(json.loads(content), rng)).encode()


def load(path, genuine):
    config = {"data": path.name, "model_class": genuine.stem.partition("-")[0]}
    return Xgboost().load(path.parent, config, trust=Grant.of_own(path.parent)).native


def predict(native, genuine):
    booster = native if type(native) is xgboost.Booster else native.get_booster()
    booster.set_param({"nthread": 1})
    rows = xgboost.DMatrix(ROWS[:, : max(0, booster.num_features())])
    for options in MODES:
        try:
            booster.predict(rows, validate_features=False, **options)
        except (xgboost.core.XGBoostError, ValueError):
            continue
    if native is not booster:
        native.predict(ROWS[:, : booster.num_features()])
