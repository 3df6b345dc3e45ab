"""Inference parameters: plain Python values of the declared type."""

import datetime as dt

import numpy as np
import pytest

from flavorkit.errors import InvalidInputError
from flavorkit.signature import Object, ParamSchema, ParamSpec, Property, params
from flavorkit.signature.types import DataType


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (True, "boolean", True),
        (np.bool_(False), "boolean", False),
        (1, "integer", 1),
        (np.int8(1), "long", 1),
        (2.0, "long", 2),
        (1, "float", 1.0),
        (np.float32(0.5), "double", 0.5),
        ("x", "string", "x"),
        ("2026-01-31T12:00:00", "datetime", dt.datetime(2026, 1, 31, 12)),
        ("2026-01-31", "datetime", dt.date(2026, 1, 31)),
        (dt.datetime(2026, 1, 31), "datetime", dt.datetime(2026, 1, 31)),
        (None, "long", None),
    ],
)
def test_values_become_plain_python(value, kind, expected):
    result = params.convert(value, DataType[kind], is_list=False)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "boolean"), (True, "long"), (1.5, "long"), ("1", "long"), (float("nan"), "long"),
        ("1", "double"), (True, "double"), (1, "string"), (1, "datetime"), ("then", "datetime"),
        ("NaT", "datetime"), ([1], "long"), (1j, "double"),
    ],
)  # fmt: skip
def test_other_values_are_refused(value, kind):
    with pytest.raises(ValueError, match=f"expected a {kind}"):
        params.convert(value, DataType[kind], is_list=False)


def test_lists():
    assert params.convert((1, 2.0), DataType.long, is_list=True) == [1, 2]
    assert params.convert(np.array([1.5]), DataType.double, is_list=True) == [1.5]
    for value in (1, "ab", np.array([[1]]), None):
        with pytest.raises(ValueError, match="expected a list of a long"):
            params.convert(value, DataType.long, is_list=True)


def test_objects_are_checked_and_kept():
    kind = Object([Property("k", "long")])
    value = {"k": 1}
    assert params.convert(value, kind, is_list=False) is value
    with pytest.raises(ValueError, match="at 'k'"):
        params.convert({"k": "x"}, kind, is_list=False)


SCHEMA = ParamSchema([ParamSpec("k", "long", 5)])


def test_names_are_text():
    schema = ParamSchema([ParamSpec("1", "long", 5)])
    assert params.enforce({1: 7}, schema) == {"1": 7}


def test_unknown_names_are_left_out_and_can_be_listed():
    assert params.enforce({"k": 1, "z": 2}, SCHEMA) == {"k": 1}
    assert params.unknown({"k": 1, "z": 2}, SCHEMA) == ["z"]
    assert params.unknown({"z": 2}, None) == ["z"]
    assert params.unknown(None, None) == []


def test_they_must_be_a_mapping():
    with pytest.raises(InvalidInputError, match="params must be an object"):
        params.enforce([1], SCHEMA)
