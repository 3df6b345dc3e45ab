"""Damages LightGBM's texts, as bytes and as what they mean."""

from __future__ import annotations

import lightgbm
import numpy as np

from flavorkit.flavors.lightgbm import Lightgbm
from flavorkit.trust import Grant
from tests.flavors.forging import damaged_bytes, damaged_value

ROWS = np.random.default_rng(0).normal(size=(7, 6)).round(1)
ROWS[0, :3] = np.nan
ROWS[1:4] = np.abs(ROWS[1:4]).round()
ROWS[5] = 1e30
MODES = (
    {},
    {"raw_score": True},
    {"pred_leaf": True},
    {"pred_contrib": True},
    {"start_iteration": 1, "num_iteration": 1},
)


def parsed(content):
    """The lines of a text: the header, each tree, and the rest."""
    head, *trees = content.decode("latin-1").split("Tree=")
    rest = ""
    if trees:
        trees[-1], _, rest = trees[-1].partition("end of trees")
    return {
        "head": _lines(head),
        "trees": [_lines(tree) for tree in trees],
        "rest": ("end of trees" + rest).split("\n"),
    }


def written(model, *, is_counted=True):
    """The text of lines, with the sizes of the trees that are in it."""
    trees = ["Tree=" + _text(tree) for tree in model["trees"]]
    head = {**model["head"]}
    if is_counted and trees:
        head["tree_sizes"] = [str(len(tree)) for tree in trees]
    rest = "\n".join(map(str, model["rest"]))
    return (_text(head) + "".join(trees) + rest).encode("latin-1", "replace")


def _lines(text):
    """Keys with the words behind them; lines without "=" are keys alone."""
    found = {}
    for number, line in enumerate(text.split("\n")):
        key, equals, value = line.partition("=")
        found[key if equals else f"{number}\t{line}"] = value.split(" ") if equals else []
    return found


def _text(lines):
    return "\n".join(
        key.partition("\t")[2] if "\t" in key else f"{key}={' '.join(map(str, value))}"
        for key, value in lines.items()
    )


def damaged(content, rng):
    if rng.random() < 0.2:
        return damaged_bytes(content, rng)
    model = damaged_value(parsed(content), rng)
    return written(model, is_counted=rng.random() < 0.9)


def load(path, genuine):
    folder = path.parent
    return Lightgbm().load(folder, {"data": path.name}, trust=Grant.of_own(folder)).native


def predict(native, genuine):
    rows = ROWS[:, : native.num_feature()]
    for options in MODES:
        try:
            native.predict(rows, num_threads=2, **options)
        except (lightgbm.basic.LightGBMError, ValueError):
            continue
    native.model_to_string()
