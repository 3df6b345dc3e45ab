"""Signatures: the same JSON as stock MLflow, and everything accepted that MLflow accepts."""

from __future__ import annotations

import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flavorkit
from flavorkit.errors import FlavorkitError
from flavorkit.signature import ColSpec, DataType, Schema, TensorSpec, enforce

FULL = pd.DataFrame(
    {
        "a": [1, 2],
        "b": [1.5, None],
        "c": ["x", None],
        "d": [True, False],
        "e": pd.to_datetime(["2020-01-01", "2020-01-02"]),
        "f": [b"a", b"b"],
        "g": [[1, 2], [3]],
        "h": [{"k": 1}, {"k": 2, "j": "x"}],
        "i": np.array([1, 2], "i1"),
        "j": np.array([1, 2], "u4"),
        "k": np.array([1, 2], "f4"),
    }
)
CASES = {
    "every kind of column": (FULL,),
    "uint64": (pd.DataFrame({"u": np.array([1], "u8")}),),
    "category": (pd.DataFrame({"cat": pd.Categorical(["a", "b"])}),),
    "nullable": (pd.DataFrame({"I": pd.array([1, None], dtype="Int64")}),),
    "string": (pd.DataFrame({"s": pd.array(["a", "b"], dtype="string")}),),
    "array": (np.zeros((3, 2), "f4"),),
    "arrays": ({"a": np.zeros((3, 2))},),
    "series": (pd.Series([1, 2], name="y"),),
    "unnamed series": (pd.Series([1.0, 2.0]),),
    "texts": (["a", "b"],),
    "text": ("a",),
    "number": (1,),
    "records": ([{"a": 1, "b": "x"}, {"a": 2}],),
    "dict": ({"a": 1, "b": ["x"], "c": None, "d": {}},),
    "mixed list": ([1, "a"],),
    "empty list": ([],),
    "output alone": (None, np.array([1, 2])),
    "parameters": (
        pd.DataFrame({"a": [1]}),
        pd.DataFrame({"a": [1]}),
        {"x": 1, "y": [1.0, 2.0], "z": {"k": 1}, "s": "str", "b": True},
    ),
    "nested list": ([[1, 2], [3, 4]],),
    "csr": (sp.csr_matrix(np.eye(3)),),
    "csc": (sp.csc_matrix(np.eye(3)),),
    "array of text": (np.array(["a", "b"]),),
    "array of bytes": (np.array([b"a"]),),
    "array of objects": (np.array([1, None], object),),
    "unnamed columns": (pd.DataFrame([[1, 2.5]]),),
    "nothing but missing": (pd.DataFrame({"x": [None, None]}),),
    "mixed column": (pd.DataFrame({"x": [1, "a"]}),),
    "lists, one empty": (pd.DataFrame({"x": [[], [1.0]]}),),
    "deep objects": (
        pd.DataFrame({"x": [{"a": None}, {"a": 1, "b": [{"c": 1}, {"c": 2, "d": True}]}]}),
    ),
    "dates": (pd.DataFrame({"x": [dt.date(2020, 1, 1)]}),),
    "complex": (pd.DataFrame({"c": [1j]}),),
    "double": (3.5,),
    "bool": (True,),
    "bytes": (b"x",),
    "datetime": (dt.datetime(2020, 1, 1),),
    "numpy scalar": (np.float32(1.0),),
    "frame and array": (FULL, np.array([1.0, 2.0])),
    "typed parameters": (
        FULL,
        None,
        {
            "d": dt.datetime(2020, 1, 2, 3),
            "l": [1, 2],
            "f": np.float32(2),
            "n": {"a": {"b": "c"}},
        },
    ),
    "objects of numbers": (pd.DataFrame({"x": [None, 1.0, 2]}, dtype=object),),
    "objects of bools": (pd.DataFrame({"x": [True, None]}),),
    "arrays in cells": (pd.DataFrame({"x": [np.array([1.0]), np.array([2.0])]}),),
    "list with None": ({"a": [1, None]},),
    "None and number": ([None, 1],),
    "three dimensions": (np.zeros((2, 3, 4), "i8"), np.zeros((2,), "f8")),
    "nullable bool and float": (
        pd.DataFrame(
            {
                "x": pd.array([True, None], dtype="boolean"),
                "y": pd.array([1.5, None], dtype="Float64"),
            }
        ),
    ),
    "time zone": (pd.DataFrame({"x": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")}),),
    "timedelta": (pd.DataFrame({"t": pd.to_timedelta([1])}),),
    "arrow numbers": (pd.DataFrame({"a": [1, None]}).astype("int64[pyarrow]"),),
    "arrow text": (pd.DataFrame({"a": ["x", None]}).astype("string[pyarrow]"),),
    "object or None": ([{"a": {"x": 1}}, {"a": None}],),
    "list or empty": ([{"a": [1]}, {"a": []}],),
}


@pytest.mark.parametrize("case", CASES)
def test_the_json_of_an_inferred_signature_is_mlflows(mlflow, case):
    args = CASES[case]
    theirs = mlflow.models.infer_signature(*args).to_dict()
    assert flavorkit.infer_signature(*args).to_dict() == theirs


@pytest.mark.parametrize("case", CASES)
def test_each_reads_what_the_other_writes(mlflow, case):
    theirs = mlflow.models.infer_signature(*CASES[case])
    ours = flavorkit.models.ModelSignature.from_dict(theirs.to_dict())
    assert mlflow.models.ModelSignature.from_dict(ours.to_dict()) == theirs


COLUMNS = {
    "bool": np.array([True, False]),
    "int8": np.array([1, 2], "i1"),
    "int16": np.array([1, 2], "i2"),
    "int32": np.array([1, 2], "i4"),
    "int64": np.array([5, 2]),
    "int64 of 0 and 1": np.array([0, 1]),
    "uint8": np.array([1, 2], "u1"),
    "uint32": np.array([1, 2], "u4"),
    "uint64": np.array([1, 2], "u8"),
    "float16": np.array([1.5], "f2"),
    "float32": np.array([1.5], "f4"),
    "float64": np.array([0.1]),
    "whole float64": np.array([1.0, 2]),
    "float64 with NaN": np.array([1.0, np.nan]),
    "str": pd.array(["a", "b"]),
    "objects of text": np.array(["a", None], object),
    "objects of bytes": np.array([b"a", None], object),
    "datetime in us": np.array(["2020-01-01"], "M8[us]"),
    "datetime in s": np.array(["2020-01-01"], "M8[s]"),
    "objects of numbers": np.array([5, 2], object),
    "None": np.array([None], object),
    "objects of bools": np.array([True, False], object),
    "objects of bools, None": np.array([True, None], object),
    "objects of dates": np.array([dt.date(2020, 1, 1)], object),
    "Int64 with NA": pd.array([1, None], dtype="Int64"),
    "Int64": pd.array([1, 2], dtype="Int64"),
    "boolean with NA": pd.array([True, None], dtype="boolean"),
    "boolean": pd.array([True, False], dtype="boolean"),
    "Float64": pd.array([1.5, None], dtype="Float64"),
    "category": pd.Categorical(["a", "b"]),
    "decimal": np.array([decimal.Decimal("1.5"), None], object),
    "objects of ints, None": np.array([1, None], object),
    "arrow ints": pd.array([1, None], dtype="int64[pyarrow]"),
    "arrow text": pd.array(["a", None], dtype="string[pyarrow]"),
    "time zone": pd.array([pd.Timestamp("2020-01-01", tz="UTC")]),
    "mixed": np.array([1, "a"], object),
    "objects of floats": np.array([1.5, None], object),
}
# Where MLflow takes a bool for a number, which we refuse.
BOOL_AS_NUMBER = {("objects of bools, None", "double")}


@pytest.mark.parametrize("required", [True, False], ids=["required", "optional"])
@pytest.mark.parametrize("kind", [kind.name for kind in DataType])
@pytest.mark.parametrize("column", COLUMNS)
def test_what_mlflow_accepts_is_accepted_with_the_same_result(mlflow, column, kind, required):
    from mlflow.models.utils import _enforce_schema
    from mlflow.types import ColSpec as TheirColSpec
    from mlflow.types import Schema as TheirSchema

    frame = pd.DataFrame({"x": pd.Series(COLUMNS[column])})
    try:
        theirs = _enforce_schema(frame.copy(), TheirSchema([TheirColSpec(kind, "x", required)]))
    except Exception:  # noqa: BLE001 - MLflow raises what pandas raises
        return
    if (column, kind) in BOOL_AS_NUMBER:
        with pytest.raises(FlavorkitError, match="expected a double"):
            enforce(frame.copy(), Schema([ColSpec(kind, "x", required)]))
        return
    ours = enforce(frame.copy(), Schema([ColSpec(kind, "x", required)]))
    pd.testing.assert_frame_equal(ours, theirs)


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.integers(-5, 5).map(float),
    st.none(),
)
VALUES = {
    "double": NUMBERS,
    "float": st.one_of(st.floats(-1e30, 1e30), st.integers(-1000, 1000), st.none()),
    "long": st.one_of(st.integers(-(2**63), 2**63 - 1)),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "boolean": st.booleans(),
    "string": st.one_of(st.text(max_size=5), st.none()),
    "binary": st.binary(max_size=5),
    "datetime": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
}


@given(data=st.data())
@settings(
    max_examples=max(150, settings.default.max_examples), suppress_health_check=list(HealthCheck)
)
@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "inputs", "instances"])
def test_requests_are_decoded_to_the_same_frame(mlflow, form, data):
    import base64

    from mlflow.models.utils import _enforce_schema
    from mlflow.pyfunc.scoring_server import infer_and_parse_data
    from mlflow.types import ColSpec as TheirColSpec
    from mlflow.types import Schema as TheirSchema

    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    if form in {"inputs", "instances"}:
        # There MLflow takes base64 for the bytes themselves, and turns null into the text "None".
        kinds = [kind for kind in kinds if kind not in {"binary", "string"}] or ["double"]
    rows = data.draw(st.integers(1, 4))
    table = [[jsonable(data.draw(VALUES[kind]), base64) for kind in kinds] for _ in range(rows)]
    names = [f"c{position}" for position in range(len(kinds))]
    payload = {form: payload_of(form, names, table)}
    schema = TheirSchema(
        [TheirColSpec(kind, name) for kind, name in zip(kinds, names, strict=True)]
    )
    try:
        parsed = infer_and_parse_data(json.loads(json.dumps(payload)), schema)
        theirs = _enforce_schema(parsed, schema)
    except Exception:  # noqa: BLE001 - MLflow raises what pandas raises
        return
    ours = flavorkit.signature.Decoder(
        flavorkit.ModelSignature(
            Schema([ColSpec(kind, name) for kind, name in zip(kinds, names, strict=True)])
        )
    )(payload)[0]
    assert ours.columns.tolist() == theirs.columns.tolist()
    for name, kind in zip(names, kinds, strict=True):
        assert comparable(ours[name]) == comparable(theirs[name]), (kind, payload)
        if kind not in {"string", "binary"}:
            assert ours[name].dtype == theirs[name].dtype


def jsonable(value, base64):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, dt.datetime) else value


def payload_of(form, names, table):
    if form == "dataframe_split":
        return {"columns": names, "data": table}
    if form == "inputs":
        return {name: [row[n] for row in table] for n, name in enumerate(names)}
    return [dict(zip(names, row, strict=True)) for row in table]


def comparable(column):
    return [None if value is None or value != value else value for value in column.tolist()]  # noqa: PLR0124


TENSORS = {
    "float32": (TensorSpec("float32", (-1, 2)), [[0.1, 2], [3, 4]]),
    "int64": (TensorSpec("int64", (-1,)), [1, 2]),
    "bool": (TensorSpec("bool", (-1,)), [True, False]),
    "str": (TensorSpec("str", (-1,)), ["a", "b"]),
    "three dimensions": (TensorSpec("float64", (-1, 2, 1)), [[[1.0], [2.0]]]),
}


@pytest.mark.parametrize("form", ["inputs", "instances"])
@pytest.mark.parametrize("case", TENSORS)
def test_tensors_are_decoded_to_the_same_array(mlflow, form, case):
    from mlflow.models.utils import _enforce_schema
    from mlflow.pyfunc.scoring_server import infer_and_parse_data
    from mlflow.types import Schema as TheirSchema

    spec, values = TENSORS[case]
    schema = Schema([spec])
    theirs = TheirSchema.from_json(schema.to_json())
    expected = _enforce_schema(infer_and_parse_data({form: values}, theirs), theirs)
    ours = flavorkit.signature.Decoder(flavorkit.ModelSignature(schema))({form: values})[0]
    assert ours.dtype == expected.dtype
    np.testing.assert_array_equal(ours, expected)
