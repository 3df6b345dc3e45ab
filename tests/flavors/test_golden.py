"""What an earlier version has saved, every later one loads; see tests/data/make_golden.py."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.flavors.registry import BUILTIN
from flavorkit.serving import answers
from flavorkit.signature import example
from flavorkit.testing import assert_same
from tests.flavors.cases import all_cases

MODELS = Path(__file__).parent.parent / "data" / "models"
CASES = {case.flavor: case for case in all_cases()}


def golden_folders():
    for folder in sorted(MODELS.iterdir()):
        flavor = ModelDescriptor.read(folder / "model").loadable_flavors[0]
        case = CASES[flavor]
        marks = [
            pytest.mark.xdist_group(flavor),
            # Frameworks of other releases than those that have saved it.
            pytest.mark.filterwarnings("ignore"),
            pytest.mark.skipif(bool(case.missing()), reason=f"{case.missing()} is not installed"),
        ]
        yield pytest.param(folder, id=folder.name, marks=marks)


@pytest.mark.parametrize("golden", list(golden_folders()))
def test_a_model_saved_by_an_earlier_version_predicts_the_same(golden):
    saved_with = ModelDescriptor.read(golden / "model").flavors.get("h2o", {}).get("h2o_version")
    if saved_with and saved_with != version("h2o"):
        pytest.skip("H2O reads its own format in the version that wrote it, and in no other")
    model = flavorkit.load_model(golden / "model", trust="all")
    info = model.metadata.saved_input_example_info
    data, params = example.read(golden / "model", info)
    found = json.loads(answers.encode(model.predict(data, params)))
    expected = json.loads((golden / "expected.json").read_text())["predictions"]
    assert_same(found["predictions"], expected, rtol=1e-5)


def test_every_flavor_has_a_golden_folder():
    flavors = {
        ModelDescriptor.read(path / "model").loadable_flavors[0] for path in MODELS.iterdir()
    }
    assert flavors == {*BUILTIN} - {"python_function"}
