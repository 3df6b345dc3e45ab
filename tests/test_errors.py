"""The tree of errors is what its drawing says."""

import inspect
import re

import pytest

from flavorkit import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.FlavorkitError)
]
DRAWN = re.findall(r"^\s*[*x] (\w+)\s+(\d+) (\w+)", errors.__doc__, re.MULTILINE)


def test_every_error_derives_from_one_base():
    assert all(issubclass(cls, errors.FlavorkitError) for cls in CLASSES)


def test_the_drawing_has_every_error_with_its_status_and_code():
    assert {(cls.__name__, str(cls.status), cls.error_code) for cls in CLASSES} == set(DRAWN)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_status_is_one_of_http(cls):
    assert 400 <= cls.status < 600
    assert cls.__doc__


def test_a_trust_error_says_what_why_and_how():
    error = errors.TrustError("m", "x is a pickle", "nobody has signed it", ["a", "b"])
    assert str(error) == (
        "m was not loaded: x is a pickle, and nobody has signed it. To allow it: a; or b."
    )
    assert error.get_http_status_code() == 403


def test_a_missing_dependency_says_how_to_install_it():
    error = errors.MissingDependencyError("reading Parquet", "pyarrow", extra="arrow")
    assert "pip install 'flavorkit[arrow]'" in str(error)


def test_an_unsupported_model_names_the_flavors():
    error = errors.UnsupportedModelError(object(), ["sklearn"])
    assert "builtins.object" in str(error)
    assert "sklearn" in str(error)
    assert "flavor=" in str(error)
