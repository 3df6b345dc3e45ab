"""JSON requests become exactly what the signature says, in every form that MLflow takes."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from flavorkit.errors import InvalidInputError, RequestError
from flavorkit.signature import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Decoder,
    Map,
    ModelSignature,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)


def decode(schema, payload):
    signature = None if schema is None else ModelSignature(inputs=Schema(schema))
    return Decoder(signature)(payload)[0]


def split(*columns):
    return {"dataframe_split": {"columns": list(columns), "data": []}}


ALL = [ColSpec(kind, kind.name) for kind in DataType]
ROW = {
    "boolean": True,
    "integer": 1,
    "long": 2**53 + 1,
    "float": 0.1,
    "double": 0.1,
    "string": "x",
    "binary": "aGk=",
    "datetime": "2026-01-31T12:00:00.123456789",
}
FORMS = {
    "dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]},
    "dataframe_records": [ROW],
    "instances": [ROW],
    "inputs": {name: [value] for name, value in ROW.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_type_in_every_form(form):
    frame = decode(ALL, {form: FORMS[form]})
    assert [frame[name].dtype.kind for name in ROW] == ["b", "i", "i", "f", "f", "O", "O", "M"]
    assert frame.iloc[0].tolist() == [
        True,
        1,
        2**53 + 1,
        np.float32(0.1),
        0.1,
        "x",
        b"hi",
        pd.Timestamp("2026-01-31T12:00:00.123456789"),
    ]
    assert frame["integer"].dtype == "int32"
    assert frame["float"].dtype == "float32"


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("double", [1, 2.5, None, "3.5"], [1.0, 2.5, None, 3.5]),
        ("long", [1, 2.0, "3"], [1, 2, 3]),
        ("integer", ["-7"], [-7]),
        ("boolean", [True, 0, 1], [True, False, True]),
        ("string", ["a", None], ["a", None]),
        ("binary", ["aGk=", None, "aGk\n="], [b"hi", None, b"hi"]),
        ("datetime", ["2026-01-31", None], [pd.Timestamp("2026-01-31"), None]),
        ("datetime", [0], [pd.Timestamp("1970-01-01")]),
    ],
)
def test_json_values_become_values_of_the_type(kind, values, expected):
    frame = decode([ColSpec(kind, "x")], {"dataframe_records": [{"x": v} for v in values]})
    assert [None if pd.isna(value) else value for value in frame["x"]] == expected


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("long", 1.5, "expected a long, row 0 holds 1.5"),
        ("long", True, "expected a long, row 0 holds True"),
        ("long", None, "expected a long in every row, row 0 has none"),
        ("long", 2**63, "9223372036854775808 is out of its range"),
        ("long", "1.5", "row 0 holds '1.5'"),
        ("long", [1], r"row 0 holds \[1\]"),
        ("integer", 2**31, "2147483648 is out of its range"),
        ("double", True, "expected a double, row 0 holds True"),
        ("double", "x", "row 0 holds 'x'"),
        ("double", {"a": 1}, "row 0 holds {'a': 1}"),
        ("float", 1e300, r"1e\+300 in row 0 is out of range"),
        ("boolean", 2, "expected true or false, row 0 holds 2"),
        ("boolean", "false", "expected true or false, row 0 holds 'false'"),
        ("boolean", None, "row 0 has none"),
        ("binary", "not base64!", "expected bytes as base64 text, row 0"),
        ("binary", 5, "expected bytes as base64 text, row 0 holds 5"),
        ("datetime", "yesterday", "expected a datetime such as"),
        ("datetime", 1.5, "row 0 holds 1.5"),
        ("datetime", "2026-01-31T12:00:00Z", "without a time zone"),
        ("datetime", "9999-12-31T23:59:60Z", "expected a datetime"),
        ("double", "x" * 500, "row 0 holds 'xxx"),
    ],
)
@pytest.mark.parametrize("form", ["dataframe_records", "inputs"])
def test_values_that_would_lose_something_are_refused(form, kind, value, problem):
    payload = [{"x": value}] if form == "dataframe_records" else {"x": [value]}
    with pytest.raises(InvalidInputError, match=f"column 'x': .*{problem}") as caught:
        decode([ColSpec(kind, "x")], {form: payload})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("kind", "dtype"), [("long", "Int64"), ("boolean", "boolean")])
def test_optional_columns_may_hold_null(kind, dtype):
    frame = decode([ColSpec(kind, "x", False)], {"inputs": {"x": [1, None]}})
    assert frame["x"].dtype == dtype
    assert frame["x"].isna().tolist() == [False, True]


def test_numbers_in_a_text_column():
    """Frames keep them, as MLflow does; elsewhere they become text, as numpy makes them."""
    schema = [ColSpec("string", "x")]
    assert decode(schema, {"dataframe_records": [{"x": 5}]})["x"].tolist() == [5]
    assert decode(schema, {"inputs": {"x": [5, None]}})["x"].tolist()[0] == "5"


DOUBLES = [ColSpec("double", "a"), ColSpec("double", "b")]


def test_a_table_of_doubles_is_read_in_one_step():
    payload = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2.5], [None, 4]]}}
    frame = decode(DOUBLES, payload)
    assert frame.to_dict("list") == {
        "a": [1.0, pytest.approx(float("nan"), nan_ok=True)],
        "b": [2.5, 4.0],
    }
    assert frame.columns.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "payload",
    [
        {"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1]]}},
        {"dataframe_split": {"data": [[1, 2]]}},
        {"dataframe_split": {"columns": ["a", "z", "b"], "data": [[1, 9, 2]]}},
        {"dataframe_split": {"columns": ["a", "b"], "data": [["1", 2]]}},
        {"dataframe_records": [{"b": 2, "a": 1, "z": 9}]},
        {"instances": [[1, 2]]},
        {"inputs": [[1, 2]]},
        {"inputs": {"a": 1, "b": 2}},
        {"inputs": [{"a": 1, "b": 2}], "unknown": 1},
    ],
)
def test_columns_are_found_by_name_or_by_position(payload):
    assert decode(DOUBLES, payload).to_dict("list") == {"a": [1.0], "b": [2.0]}


def test_the_index_of_a_frame_is_kept():
    payload = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]], "index": ["r"]}}
    assert decode(DOUBLES, payload).index.tolist() == ["r"]
    payload["dataframe_split"]["columns"] = ["b", "a"]
    assert decode(DOUBLES, payload).index.tolist() == ["r"]


def test_a_record_without_a_key_has_null_there():
    frame = decode(DOUBLES, {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3}]})
    assert np.isnan(frame["b"][1])


@pytest.mark.parametrize("form", ["inputs", "instances"])
def test_one_column_takes_bare_values(form):
    assert decode([ColSpec("long", "x")], {form: [1, 2]})["x"].tolist() == [1, 2]
    assert decode([ColSpec("long", "x")], {form: 1})["x"].tolist() == [1]
    assert decode([ColSpec("string")], {form: ["a", "b"]})[0].tolist() == ["a", "b"]
    assert decode([ColSpec("long", "x")], {"dataframe_split": {"columns": ["x"], "data": [1, 2]}})[
        "x"
    ].tolist() == [1, 2]


def test_cells_with_structure():
    schema = [
        ColSpec(Array("double"), "a"),
        ColSpec(Object([Property("k", "datetime"), Property("b", "binary", False)]), "o"),
        ColSpec(Map("long"), "m"),
        ColSpec(AnyType(), "x"),
    ]
    row = {"a": [1, 2], "o": {"k": "2026-01-31"}, "m": {"z": 1.0}, "x": [1, "a"]}
    for payload in (
        {"dataframe_records": [row]},
        {"instances": [row]},
        {"inputs": [row]},
        {"inputs": row},
    ):
        cells = decode(schema, payload).iloc[0]
        assert cells["a"] == [1.0, 2.0]
        assert pd.Timestamp(cells["o"]["k"]) == dt.datetime(2026, 1, 31)
        assert cells["m"] == {"z": 1}
        assert cells["x"] == [1, "a"]
    with pytest.raises(InvalidInputError, match=r"column 'a': row 0: expected a double"):
        decode(schema, {"dataframe_records": [{**row, "a": ["x"]}]})


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ([], "the body must be an object with exactly one of .*it is a list"),
        ("x", "it is a string"),
        (None, "it is null"),
        (1, "it is a value"),
        ({}, r"it has the keys \[\]"),
        ({"data": 1}, r"it has the keys \['data'\]"),
        ({"inputs": 1, "instances": 1}, "it has instances and inputs"),
        ({"inputs": [1], "params": [1]}, '"params" must be an object'),
        ({"dataframe_split": []}, '"dataframe_split" must be an object'),
        ({"dataframe_split": {"columns": ["a"]}}, 'must have "data"'),
        ({"dataframe_split": {"data": [], "rows": []}}, "and nothing else; it has"),
        ({"dataframe_split": {"data": {}}}, '"data" of "dataframe_split" must be a list'),
        ({"dataframe_split": {"data": None}}, "must be a list of rows"),
        (
            {"dataframe_split": {"data": [], "columns": "a"}},
            '"columns" of "dataframe_split" must be a list',
        ),
        ({"dataframe_split": {"data": [[1, 2]], "columns": ["a", "a"]}}, "has a name twice"),
        (
            {"dataframe_split": {"data": [[1, 2]], "index": [1, 2]}},
            '"index" has 2 values for 1 rows',
        ),
        ({"dataframe_split": {"data": [[1, 2], [3]]}}, "row 1 has 1 values, expected 2"),
        ({"dataframe_split": {"data": [[1, 2], 3]}}, "some rows are lists"),
        (
            {"dataframe_split": {"data": [[1]], "columns": ["a", "b"]}},
            "row 0 has 1 values, expected 2",
        ),
        ({"dataframe_records": {"a": 1}}, "must be a list of objects"),
        ({"dataframe_records": [1]}, "must be a list of objects"),
    ],
)
@pytest.mark.parametrize("schema", [DOUBLES, None], ids=["signature", "none"])
def test_malformed_requests_are_refused(schema, payload, problem):
    with pytest.raises(RequestError, match=problem):
        decode(schema, payload)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, "column 'b' is missing"),
        ({"dataframe_split": {"columns": ["a"], "data": []}}, "column 'b' is missing"),
        (
            {"dataframe_records": []},
            "the data is nothing, no rows; the model takes the columns 'a', 'b'",
        ),
        (
            {"inputs": [1, 2]},
            '"inputs" holds values without names; a row should have 2 values, for the columns'
            " 'a', 'b'$",
        ),
        (
            {"instances": []},
            "\"instances\" is empty; a row should have 2 values, for the columns 'a', 'b'$",
        ),
        (
            {"instances": [[1], [2]]},
            "the data is values without names, 1 in each row; a row should have 2 values",
        ),
        ({"inputs": {"a": [1], "b": [1, 2]}}, "the columns differ in length"),
    ],
)
def test_requests_that_do_not_fit_are_refused(payload, problem):
    with pytest.raises(InvalidInputError, match=problem):
        decode(DOUBLES, payload)


def test_of_many_columns_a_refusal_names_some():
    wide = [ColSpec("double", f"c{number}") for number in range(1000)]
    with pytest.raises(InvalidInputError, match=r"should have 1000 values, .*'c19' and 980 more$"):
        decode(wide, {"inputs": [1, 2]})


def test_zero_rows_are_a_frame_without_rows():
    frame = decode(DOUBLES, {"dataframe_split": {"columns": ["a", "b"], "data": []}})
    assert frame.shape == (0, 2)
    assert frame.dtypes.tolist() == [np.float64, np.float64]


ONE = [TensorSpec("float32", (-1, 2))]
NAMED = [TensorSpec("float32", (-1, 2), "a"), TensorSpec("int64", (-1,), "b")]


@pytest.mark.parametrize(
    "payload",
    [
        {"inputs": [[0.1, 2]]},
        {"instances": [[0.1, "2"]]},
        {"dataframe_split": {"columns": ["p", "q"], "data": [[0.1, 2]]}},
        {"dataframe_records": [{"p": 0.1, "q": 2}]},
        {"dataframe_split": {"columns": ["p"], "data": [[[0.1, 2]]]}},
        {"inputs": {"whatever": [[0.1, 2]]}},
    ],
)
def test_one_tensor_in_every_form(payload):
    array = decode(ONE, payload)
    assert array.dtype == np.float32
    assert array.tolist() == [[np.float32(0.1), 2.0]]


@pytest.mark.parametrize(
    "payload",
    [
        {"inputs": {"a": [[1, 2]], "b": [3.0]}},
        {"instances": [{"a": [1, 2], "b": 3}]},
        {"dataframe_records": [{"a": [1, 2], "b": 3}]},
        {"dataframe_split": {"columns": ["a", "b"], "data": [[[1, 2], 3]]}},
    ],
)
def test_named_tensors_in_every_form(payload):
    arrays = decode(NAMED, payload)
    assert (arrays["a"].tolist(), arrays["b"].tolist()) == ([[1.0, 2.0]], [3])


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        (TensorSpec("bool", (-1,)), [True, False], [True, False]),
        (TensorSpec("int8", (-1,)), [1.0, "2"], [1, 2]),
        (TensorSpec("str", (-1,)), ["a", 1], ["a", "1"]),
        (TensorSpec("bytes", (-1,)), ["é"], ["é".encode()]),
        (TensorSpec("float64", (-1,)), [None, 1], [float("nan"), 1.0]),
        (TensorSpec("object", (-1,)), ["a", None], ["a", None]),
        (TensorSpec("datetime64[ns]", (-1,)), ["2026-01-31"], [1769817600000000000]),
    ],
)
def test_values_of_tensors(spec, value, expected):
    np.testing.assert_equal(decode([spec], {"inputs": value}).tolist(), expected)


@pytest.mark.parametrize(
    ("schema", "payload", "problem"),
    [
        (ONE, {"inputs": [[1, 2, 3]]}, "expected the shape"),
        (ONE, {"inputs": [[1, True]]}, "true or false among the values"),
        (ONE, {"inputs": [[1], [1, 2]]}, "expected float32"),
        (ONE, {"inputs": [["x", 1]]}, "expected float32"),
        (ONE, {"inputs": [[1e300, 1]]}, "expected float32"),
        (ONE, {"inputs": {"a": [[1, 2]], "b": []}}, "one tensor without a name"),
        (NAMED, {"inputs": [[1, 2]]}, "must name the tensors 'a', 'b'"),
        (NAMED, {"inputs": {"a": [[1, 2]]}}, "tensor 'b' is missing"),
        (NAMED, {"inputs": {"a": [[1, 2]], "b": [1.5]}}, "tensor 'b': .*cannot hold"),
        ([TensorSpec("int64", (-1,))], {"inputs": [None]}, "cannot hold|expected int64"),
        ([TensorSpec("str", (-1,))], {"inputs": [None]}, "null among the values"),
        ([TensorSpec("uint8", (-1,))], {"inputs": [256]}, "expected uint8"),
        ([TensorSpec("uint8", (-1,))], {"inputs": [-1]}, "expected uint8"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(schema, payload, problem):
    with pytest.raises(InvalidInputError, match=problem):
        decode(schema, payload)


def test_without_a_signature_values_are_what_they_look_like():
    assert decode(None, {"inputs": [[1, 2]]}).dtype == np.int64
    assert decode(None, {"inputs": {"a": [1.5]}})["a"].dtype == float
    assert decode(None, {"instances": [{"a": 1}]}).columns.tolist() == ["a"]
    assert decode(None, {"dataframe_records": [{"a": 1}]})["a"].tolist() == [1]
    frame = decode(None, {"dataframe_split": {"columns": ["a"], "data": [[1]], "index": [5]}})
    assert frame.index.tolist() == [5]
    with pytest.raises(RequestError, match='"inputs" is not a table'):
        decode(None, {"inputs": [[1, 2], [3]]})


PARAMS = ModelSignature(
    inputs=Schema([ColSpec("long", "x")]),
    params=ParamSchema([ParamSpec("k", "long", 5), ParamSpec("names", "string", ["a"], (-1,))]),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"k": 5, "names": ["a"]}),
        ({}, {"k": 5, "names": ["a"]}),
        ({"k": 2.0}, {"k": 2, "names": ["a"]}),
        ({"names": ["b", "c"], "unknown": 1}, {"k": 5, "names": ["b", "c"]}),
        ({"k": None}, {"k": None, "names": ["a"]}),
    ],
)
def test_parameters_have_defaults(given, expected):
    payload = {"inputs": [1]} if given is None else {"inputs": [1], "params": given}
    assert Decoder(PARAMS)(payload)[1] == expected


def test_every_parameter_at_fault_is_named():
    with pytest.raises(
        InvalidInputError, match=r"'k': expected a long, got 'x'; parameter 'names'"
    ):
        Decoder(PARAMS)({"inputs": [1], "params": {"k": "x", "names": "b"}})


def test_without_a_schema_parameters_are_ignored_as_in_mlflow():
    assert Decoder(None)({"inputs": [1], "params": {"k": 1}})[1] == {}
