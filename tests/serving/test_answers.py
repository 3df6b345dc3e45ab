"""Predictions of every kind become strict JSON, of the values that MLflow gives."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse

from flavorkit.errors import InvalidInputError, PredictionError
from flavorkit.serving.answers import encode
from flavorkit.web.error_answers import encode_error


def answer(predictions):
    content = json.loads(encode(predictions), parse_constant=pytest.fail)
    assert list(content) == ["predictions"]
    return content["predictions"]


LONG = b"x" * 60


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([1, 2]), [1, 2]),
        (np.array([[1.5, np.nan], [np.inf, -np.inf]]), [[1.5, None], [None, None]]),
        (np.array([0.1], "float32"), [float(np.float32(0.1))]),
        (np.array([0.5], "float16"), [0.5]),
        (np.array([1, 2], ">i4"), [1, 2]),
        (np.array([[1, 2], [3, 4]]).T, [[1, 3], [2, 4]]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["a", None, 1.5, np.float32(2)], dtype=object), ["a", None, 1.5, 2.0]),
        (np.array([b"hi"]), ["aGk=\n"]),
        (np.array(["2026-01-31"], "datetime64[ns]"), [1769817600000000000]),
        (np.array(["2026-01-31"], "datetime64[s]"), ["2026-01-31T00:00:00"]),
        (np.array(3.5), 3.5),
        (np.zeros((0, 2)), []),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({"t": pd.to_datetime(["2026-01-31", None])}), [{"t": "2026-01-31T00:00:00"}, {"t": None}]),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), [{"a": 1}, {"a": None}]),
        (pd.DataFrame({"f": np.array([0.1], "float32")}), [{"f": float(np.float32(0.1))}]),
        (pd.DataFrame({0: [1]}), [{"0": 1}]),
        (pd.Series([1, 2], name="y"), [{"y": 1}, {"y": 2}]),
        (pd.Series([1.5]), [{"0": 1.5}]),
        (scipy.sparse.csr_matrix([[0, 1]]), [[0, 1]]),
        ([1, "a", None, {"b": np.int64(2)}], [1, "a", None, {"b": 2}]),
        ({"a": np.array([1]), 2: "b"}, {"a": [1], "2": "b"}),
        ("text", "text"),
        (LONG, base64.encodebytes(LONG).decode()),
        ([dt.datetime(2026, 1, 31), dt.date(2026, 1, 31), dt.time(12)], ["2026-01-31T00:00:00", "2026-01-31", "12:00:00"]),
        ([pd.Timestamp("2026-01-31"), pd.NaT, pd.NA], ["2026-01-31T00:00:00", None, None]),
        ([float("nan")], [None]),
        ({1, }, [1]),
        ([pd.DataFrame({"a": [1]})], [[{"a": 1}]]),
    ],
)  # fmt: skip
def test_values(predictions, expected):
    assert answer(predictions) == expected


def test_a_bare_answer_is_the_list_alone():
    assert encode(np.array([1]), is_bare=True) == b"[1]"


@pytest.mark.parametrize("value", [object(), 1j, decimal.Decimal(1)])
def test_what_has_no_form_in_json_is_a_type_error(value):
    with pytest.raises(TypeError, match="not JSON serializable"):
        encode([value])


@pytest.mark.parametrize(
    "predictions",
    [
        pd.DataFrame([[1, 2]], columns=["1", "1"]),
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
        pa.table([[1], [2]], names=["1", "1"]),
    ],
)
def test_no_column_of_a_frame_takes_the_place_of_another(predictions):
    with pytest.raises(PredictionError, match=r"more than one column named '1'.*; give each a"):
        encode(predictions)


def test_errors_have_one_shape_whatever_they_quote():
    content = json.loads(encode_error(InvalidInputError("half a \ud800"), error_id="x"))
    assert content == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "half a ?",
        "error_id": "x",
    }
