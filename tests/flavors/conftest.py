"""Every module in cases/ is one framework; every test in test_contract.py runs for each model."""

from __future__ import annotations

import importlib
import pkgutil
import textwrap

import pytest

import flavorkit
from tests.flavors import cases


def all_models():
    for info in pkgutil.iter_modules(cases.__path__):
        try:
            case = importlib.import_module(f"tests.flavors.cases.{info.name}").CASE
        except ModuleNotFoundError as exc:
            yield pytest.param(None, id=f"{info.name}: {exc.name} is not installed")
            continue
        for model in case.models:
            yield pytest.param((case, model), id=f"{info.name}: {model.name}")


def pytest_generate_tests(metafunc):
    if "case_and_model" in metafunc.fixturenames:
        metafunc.parametrize("case_and_model", list(all_models()), scope="module")


@pytest.fixture(scope="module")
def case(case_and_model):
    return case_and_model[0]


@pytest.fixture(scope="module")
def model(case_and_model):
    return case_and_model[1]


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The model, saved with an example."""
    path = tmp_path_factory.mktemp("saved") / "model"
    with_example(model, path)
    return path


def with_example(model, path, **more):
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the model refers to tests")
        return flavorkit.save_model(
            model.native, path, input_example=model.data[:2], **model.options, **more
        )


@pytest.fixture
def write(tmp_path):
    """Writes files of code under a scratch folder."""

    def files(**texts):
        for name, text in texts.items():
            path = tmp_path / "src" / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path / "src"

    return files
