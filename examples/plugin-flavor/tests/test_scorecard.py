"""What flavorkit promises of every flavor, and what is special to this one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scorecard import Scorecard

import flavorkit
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.testing import Case, FlavorContract, Model

ROWS = pd.DataFrame({"age": [30.0, 71.5, 18.0], "debt": [0.5, 3.0, 0.0]})


def fit():
    return Scorecard({"age": 0.25, "debt": -4.0}, start=2.0), ROWS


def score(native, data, **params):
    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data, columns=ROWS.columns)
    return native.score(frame, **params)


class TestContract(FlavorContract):
    cases = (
        Case(
            flavor="scorecard",
            packages=("scorecard-flavor",),
            models=(
                Model("scores", fit, score),
                Model("at least", fit, score, {"indent": 2}, params={"least": 7.0}),
            ),
        ),
    )


@pytest.fixture
def bare(tmp_path):
    """Saved without an example, so that no signature checks the data first."""
    flavorkit.save_model(fit()[0], tmp_path / "m")
    return tmp_path / "m"


def test_the_file_can_be_read_by_people(bare):
    assert json.loads((bare / "scorecard.json").read_text()) == {
        "start": 2.0,
        "points": {"age": 0.25, "debt": -4.0},
    }


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (ROWS[["age"]], r"the column 'debt' is missing"),
        (pd.DataFrame({"age": ["old"], "debt": [1.0]}), r"takes numbers: .*'old'"),
    ],
)
def test_what_it_cannot_score_is_an_error_of_the_caller(bare, rows, match):
    with pytest.raises(InvalidInputError, match=match):
        flavorkit.load_model(bare).predict(rows)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"start": 0, "points": {"a": "x"}}', '{"start": NaN, "points": {}}']
)
def test_a_forged_file_is_refused(bare, text):
    (bare / "scorecard.json").write_text(text)
    (bare / "manifest.json").unlink()
    with pytest.raises(UnreadableModelError, match=r"scorecard.json cannot be loaded"):
        flavorkit.load_model(bare)


def test_what_json_cannot_hold_is_not_saved(tmp_path):
    class Own(Scorecard):
        pass

    with pytest.raises(UnsavableModelError, match=r"wrap it in a PythonModel"):
        flavorkit.scorecard.save_model(Own({}), tmp_path / "m")
    with pytest.raises(UnsavableModelError, match=r"no NaN and no infinity"):
        flavorkit.scorecard.save_model(Scorecard({"a": np.nan}), tmp_path / "m")
