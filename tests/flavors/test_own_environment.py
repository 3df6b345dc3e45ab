"""A model runs in an environment of nothing but what its requirements name, and flavorkit."""

from __future__ import annotations

import json

import pytest

from flavorkit.flavors.registry import BUILTIN
from flavorkit.models import predict
from flavorkit.serving import answers
from flavorkit.signature.example import SERVING_EXAMPLE
from flavorkit.testing import assert_same, rows_of
from tests.flavors.cases import all_cases

# Quick to install. The others take minutes and gigabytes: `make test-envs` runs them too.
SMALL = {"catboost", "lightgbm", "onnx", "sklearn", "statsmodels", "xgboost"}
# uv finds no build of torch for CPUs on every index, pip does.
MANAGERS = {"pytorch": "virtualenv", "fastai": "virtualenv"}


def one_model_of_each():
    for case in all_cases():
        marks = [pytest.mark.slow, pytest.mark.xdist_group("environments")]
        if case.flavor not in SMALL:
            marks.append(pytest.mark.envs)
        marks += [pytest.mark.filterwarnings(text) for text in case.ignored_warnings]
        yield pytest.param(case, id=case.flavor, marks=marks)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("environments")


@pytest.mark.parametrize("case", list(one_model_of_each()))
def test_it_predicts_where_only_its_requirements_are_installed(case, tmp_path, root):
    if case.missing():
        pytest.skip(f"{case.missing()} is not installed")
    model = case.models[0]
    model.save(tmp_path / "m", flavor=case.flavor)
    manager = MANAGERS.get(case.flavor, "uv")
    found = predict(
        tmp_path / "m",
        input_path=tmp_path / "m" / SERVING_EXAMPLE,
        env_manager=manager,
        extra_envs={"FLAVORKIT_ENV_ROOT": str(root), "PYTHONWARNINGS": "ignore"},
    )
    expected = model.answer(rows_of(model.data, 0, model.example_rows))
    plain = json.loads(answers.encode(expected))["predictions"]
    assert_same(json.loads(found)["predictions"], plain, rtol=1e-5)


def test_every_flavor_has_a_case():
    assert {case.flavor for case in all_cases()} == {*BUILTIN} - {"python_function"}
