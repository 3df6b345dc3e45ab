"""Data becomes what the schema says, or everything that is wrong with it is said.

What MLflow accepts is compared with MLflow in tests/interop; here is what we promise beyond.
"""

import datetime as dt
import decimal
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from flavorkit.errors import InvalidInputError, SignatureError
from flavorkit.signature import (
    AnyType,
    Array,
    ColSpec,
    Map,
    Object,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
    enforce,
    infer_signature,
)
from flavorkit.signature.columns import is_missing
from flavorkit.signature.infer import infer_schema
from tests.signature.test_infer import ROWS, pandas_frame


def column(values, kind, *, required=True):
    frame = values if isinstance(values, pd.DataFrame) else pd.DataFrame({"x": values})
    return enforce(frame, Schema([ColSpec(kind, "x", required)]))["x"]


def comparable(values):
    """The values, with every way to say that one is missing made the same."""
    return [None if is_missing(value) else value for value in pd.Series(values).tolist()]


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        (np.array([1, 2]), "integer", "int32"),
        (np.array([1, 2], "uint64"), "long", "int64"),
        (np.array([1.0, 2.0]), "long", "int64"),
        (np.array([2**24]), "float", "float32"),
        (np.array([2**53]), "double", "float64"),
        (np.array([0.5, np.nan]), "float", "float32"),
        (pd.array([1, 2], dtype="Int64"), "integer", "int32"),
        (pd.array([1.5, None], dtype="Float64"), "double", "float64"),
        (pd.array([True, False], dtype="boolean"), "boolean", "bool"),
        (pd.Categorical(["a", "b"]), "string", "category"),
        (np.array([decimal.Decimal("1.5"), None]), "double", "float64"),
        (pd.array([1, 2], dtype="int64[pyarrow]"), "long", "int64"),
        (pd.array([1.5, None], dtype="double[pyarrow]"), "float", "float32"),
    ],
)
def test_every_conversion_that_loses_nothing_is_made(values, kind, dtype):
    result = column(values, kind)
    assert result.dtype == dtype
    assert comparable(values) == comparable(result)


@pytest.mark.parametrize(
    ("values", "kind", "problem"),
    [
        (np.array([1, 2**31]), "integer", "2147483648 is out of its range"),
        (np.array([-1, 2**63], dtype=object), "long", "expected a long"),
        (np.array([2**63], "uint64"), "long", "9223372036854775808 is out of its range"),
        (np.array([1.0, 1.5]), "long", "row 1 holds 1.5"),
        (np.array([1e300]), "long", "row 0 holds 1e\\+300"),
        (np.array([2.0**63]), "long", "row 0 holds 9.2"),
        (np.array([np.inf]), "long", "row 0 holds inf"),
        (np.array([1.0, np.nan]), "long", "in every row, row 1 has none"),
        (np.array([0.1]), "float", "cannot hold .*0.1.* in row 0 exactly; round with"),
        (np.array([1e300]), "float", "cannot hold"),
        (np.array([2**24 + 1]), "float", "cannot hold 16777217 exactly"),
        (np.array([2**53 + 1]), "double", "cannot hold 9007199254740993 exactly"),
        (np.array([True]), "double", "expected a double, got bool"),
        (np.array([True, None]), "double", "expected a double, got object"),
        (np.array([True]), "long", "expected a long, got bool"),
        (np.array([1]), "boolean", "expected a boolean, got int64"),
        (np.array([1]), "string", "expected a string, got int64"),
        (pd.Categorical([1, 2]), "string", "expected a string, got category"),
        (np.array([1]), "binary", "expected a binary, got int64"),
        (np.array(["1"]), "double", "expected a double, got str"),
        (np.array([1]), "datetime", "expected a datetime, got int64"),
        (np.array(["2026-01-01"]), "datetime", "expected a datetime, got str"),
        (
            pd.array([pd.Timestamp("2026-01-01", tz="UTC")]),
            "datetime",
            "without a time zone; convert",
        ),
        (np.array([dt.date(9999, 1, 1)]), "datetime", "expected a datetime: "),
        (pd.array([1, None], dtype="Int64"), "long", "row 1 has none"),
        (pd.array([True, None], dtype="boolean"), "boolean", "row 1 has none"),
    ],
)
def test_what_would_lose_something_is_refused(values, kind, problem):
    with pytest.raises(InvalidInputError, match=f"column 'x': .*{problem}"):
        column(values, kind)


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        (pd.array([1, None], dtype="Int64"), "long", "Int64"),
        (np.array([1.0, np.nan]), "integer", "Int32"),
        (np.array([1, None]), "long", "Int64"),
        (np.array([None, None]), "long", "Int64"),
        (pd.array([True, None], dtype="boolean"), "boolean", "boolean"),
        (pd.array([1, None], dtype="int64[pyarrow]"), "long", "Int64"),
    ],
)
def test_optional_columns_keep_their_missing_values(values, kind, dtype):
    result = column(values, kind, required=False)
    assert result.dtype == dtype
    assert result.isna().tolist() == pd.Series(values).isna().tolist()


def test_a_frame_that_fits_is_not_copied():
    frame = pd.DataFrame({"a": [1.0], "b": ["x"]})
    assert enforce(frame, infer_signature(frame).inputs) is frame


def test_columns_come_in_the_order_of_the_schema_with_their_index():
    frame = pd.DataFrame({"b": [1], "a": [2]}, index=[7])
    result = enforce(frame, Schema([ColSpec("double", "a"), ColSpec("long", "b")]))
    assert result.columns.tolist() == ["a", "b"]
    assert result.index.tolist() == [7]


SCHEMA = infer_signature(pandas_frame()).inputs


@pytest.mark.parametrize(
    "data",
    [pandas_frame(), pl.DataFrame(ROWS), pl.LazyFrame(ROWS), pa.table(ROWS), pd.DataFrame(ROWS)],
    ids=["pandas", "polars", "lazy", "arrow", "objects"],
)
def test_every_table_fits_the_schema_it_was_inferred_from(data):
    result = enforce(data, SCHEMA)
    expected = enforce(pandas_frame(), SCHEMA)
    assert result.columns.tolist() == expected.columns.tolist()
    for name in expected:
        assert comparable(result[name]) == comparable(expected[name]), name


def test_polars_with_a_time_zone_is_refused_like_pandas():
    frame = pl.DataFrame({"x": [dt.datetime(2026, 1, 1)]}).with_columns(
        pl.col("x").dt.replace_time_zone("UTC")
    )
    with pytest.raises(InvalidInputError, match="without a time zone"):
        enforce(frame, Schema([ColSpec("datetime", "x")]))


def test_every_column_at_fault_is_named():
    frame = pd.DataFrame({"a": [1.5], "b": ["x"], "sepal_width": [1.0]})
    schema = Schema(
        [ColSpec("long", "a"), ColSpec("double", "b"), ColSpec("double", "sepal width")]
    )
    with pytest.raises(InvalidInputError) as caught:
        enforce(frame, schema)
    assert caught.value.problems == (
        "column 'sepal width' is missing (there is 'sepal_width', which the model does not know)",
        "the model takes the columns 'a', 'b', 'sepal width' and does not know 'sepal_width'",
        "column 'a': expected a long, row 0 holds 1.5",
        "column 'b': expected a double, got str",
    )


def test_long_lists_of_names_are_cut():
    schema = Schema([ColSpec("long", f"c{n}") for n in range(30)])
    with pytest.raises(InvalidInputError, match="'c19' and 10 more"):
        enforce(pd.DataFrame({"x": [1]}), schema)


def test_extra_columns_are_left_out_with_a_warning():
    frame = pd.DataFrame({"a": [1], "b": [2]})
    with pytest.warns(UserWarning, match="columns 'b' are not in the model's signature"):
        assert enforce(frame, Schema([ColSpec("long", "a")])).columns.tolist() == ["a"]


def test_a_table_of_arrow_with_a_name_twice_is_refused():
    table = pa.table([[1.0], [2.0]], names=["a", "a"])
    for schema in (
        Schema([ColSpec("double", "a")]),
        Schema([TensorSpec("float64", (-1, 2))]),
        Schema([TensorSpec("float64", (-1,), "a")]),
    ):
        with pytest.raises(InvalidInputError, match=r"more than one column named 'a'"):
            enforce(table, schema)
    with pytest.raises(SignatureError, match=r"more than one column named 'a'"):
        infer_schema(table)


def test_a_column_twice_is_refused():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InvalidInputError, match="more than one column named 'a'"):
        enforce(frame, Schema([ColSpec("long", "a")]))


def test_optional_columns_may_be_absent():
    schema = Schema([ColSpec("long", "a"), ColSpec("long", "b", required=False)])
    assert enforce(pd.DataFrame({"a": [1]}), schema).columns.tolist() == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        [[1.0, 2.0], [3.0, 4.0]],
        [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}],
        {"a": [1.0, 3.0], "b": [2.0, 4.0]},
        {"b": np.array([2.0, 4.0]), "a": pd.Series([1.0, 3.0])},
        scipy.sparse.csr_array([[1.0, 2.0], [3.0, 4.0]]),
        pd.DataFrame([[1.0, 2.0], [3.0, 4.0]]),
    ],
    ids=["array", "rows", "records", "lists", "arrays", "sparse", "unnamed"],
)
def test_values_without_names_go_by_position(data):
    schema = Schema([ColSpec("double", "a"), ColSpec("double", "b")])
    assert enforce(data, schema).to_dict("list") == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


@pytest.mark.parametrize(
    ("data", "rows"),
    [(3, [3]), ([3, 4], [3, 4]), (pd.Series([3], index=[9], name="x"), [3]), ({"x": 3}, [3])],
)
def test_one_column_takes_bare_values(data, rows):
    result = enforce(data, Schema([ColSpec("long", "x")]))
    assert result["x"].tolist() == rows


def test_a_series_keeps_its_index():
    assert enforce(pd.Series([3], index=[9], name="x"), Schema([ColSpec("long", "x")])).index == [9]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (object(), "expected a frame, a table, an array, a dict or a list, got object"),
        ({"a": [1], "b": [1, 2]}, "'a' has 1, 'b' has 2"),
        ([[1, 2], [3]], "the rows differ in length"),
        (np.zeros((1, 1, 1)), "two dimensions"),
        (
            [[1]],
            "values without names, 1 in each row; a row should have 2 values, for the columns 'a'",
        ),
    ],
)
def test_what_is_no_table_is_refused(data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        enforce(data, Schema([ColSpec("long", "a"), ColSpec("long", "b")]))


def test_a_frame_of_spark_is_told_from_one_of_pandas():
    class DataFrame:
        def toPandas(self):
            raise NotImplementedError

    with pytest.raises(
        InvalidInputError, match=r"got .*\.DataFrame; its toPandas\(\) makes a frame"
    ):
        enforce(DataFrame(), Schema([ColSpec("long", "a")]))


def test_unnamed_columns_are_counted():
    schema = Schema([ColSpec("long"), ColSpec("long")])
    with pytest.raises(InvalidInputError, match="expected 2 columns, got 1"):
        enforce(pd.DataFrame({"a": [1]}), schema)
    assert enforce(pd.DataFrame({"a": [1], "b": [2], "c": [3]}), schema).columns.tolist() == [
        "a",
        "b",
    ]


NESTED = {
    "list": Array("double"),
    "lists": Array(Array("long")),
    "object": Object([Property("k", "long"), Property("o", "string", required=False)]),
    "map": Map("double"),
    "any": AnyType(),
    "vector": SparkMLVector(),
    "objects": Array(Object([Property("k", "long")])),
    "anys": Array(AnyType()),
    "any_map": Map(AnyType()),
}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("list", [1, 2.5], [1.0, 2.5]),
        ("list", [], []),
        ("lists", [[1.0], []], [[1], []]),
        ("object", {"k": 1.0}, {"k": 1}),
        ("object", {"k": 1, "o": None}, {"k": 1, "o": None}),
        ("map", {"a": 1}, {"a": 1.0}),
        ("any", object, object),
        ("vector", [1, 2], [1.0, 2.0]),
        ("objects", [{"k": 1}], [{"k": 1}]),
        ("anys", None, None),
        ("any_map", None, None),
    ],
)
def test_cells_with_structure(kind, value, expected):
    result = enforce(
        pd.DataFrame({"x": [value, value]}, dtype=object), Schema([ColSpec(NESTED[kind], "x")])
    )
    assert result["x"].tolist() == [expected, expected]


def test_arrays_in_cells_stay_arrays():
    cells = pd.Series([np.array([1, 2])], dtype=object)
    result = column(pd.DataFrame({"x": cells}), Array("double"))[0]
    assert isinstance(result, np.ndarray)
    assert result.dtype == float
    nested = pd.Series([np.array([[1], [2]])], dtype=object)
    assert column(pd.DataFrame({"x": nested}), Array(Array("long")))[0].tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("list", 3, "row 0: expected a list, got a int"),
        ("list", None, "row 0: expected a list, got a missing value"),
        ("list", ["x"], "row 0: expected a double"),
        ("lists", [[1], [1.5]], r"row 0: at \[1\]: expected a long, row 0 holds 1.5"),
        ("object", [], "expected an object, got a list"),
        ("object", {}, r"the keys \['k'\] are missing"),
        ("object", {"k": 1, "z": 1}, r"the keys \['z'\] are not in the signature"),
        ("object", {"k": "x"}, "at 'k': expected a long"),
        ("object", {"k": None}, "at 'k': expected a long, got a missing value"),
        ("object", {"k": [1]}, "at 'k': expected a long, got a list"),
        ("map", [], "expected an object, got a list"),
        ("map", {1: 1}, "must be strings"),
        ("objects", [{"k": 1}, {}], r"at \[1\]: the keys"),
    ],
)
def test_errors_in_cells_say_where(kind, value, problem):
    frame = pd.DataFrame({"x": pd.Series([value], dtype=object)})
    with pytest.raises(InvalidInputError, match=f"column 'x': .*{problem}"):
        enforce(frame, Schema([ColSpec(NESTED[kind], "x")]))


def test_optional_cells_may_be_missing():
    frame = pd.DataFrame({"x": pd.Series([[1.0], None], dtype=object)})
    assert enforce(frame, Schema([ColSpec(Array("double"), "x", False)]))["x"].tolist() == [
        [1.0],
        None,
    ]


ONE = Schema([TensorSpec("float32", (-1, 2))])
TWO = Schema([TensorSpec("float32", (-1, 2), "a"), TensorSpec("int64", (-1,), "b")])


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1, 2]], "float32"),
        np.array([[1.0, 2.0]]),
        np.array([[1, 2]]),
        [[1, 2]],
        pd.DataFrame({"p": [1.0], "q": [2.0]}),
        pl.DataFrame({"p": [1.0], "q": [2.0]}),
        pd.DataFrame({"p": [[1, 2]]}),
        pd.DataFrame({"p": [np.array([1.0, 2.0])]}),
        {"whatever": np.array([[1.0, 2.0]])},
    ],
)
def test_one_tensor_takes_arrays_lists_and_frames(data):
    result = enforce(data, ONE)
    assert (result.dtype, result.tolist()) == (np.float32, [[1.0, 2.0]])


def test_a_tensor_that_fits_is_not_copied():
    array = np.array([[1, 2]], "float32")
    assert enforce(array, ONE) is array
    sparse = scipy.sparse.csr_matrix(array)
    assert enforce(sparse, ONE) is sparse
    assert enforce(sparse.astype("float64"), ONE).dtype == np.float32


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (np.zeros((1, 3), "float32"), r"expected the shape \(-1, 2\), got \(1, 3\)"),
        (np.zeros(2, "float32"), "expected the shape"),
        (
            np.array([[0.1, 1]]),
            r"expected float32, which cannot hold 0\.1 exactly; round with \.astype\('float32'\)",
        ),
        (np.array([[1e300, 1]]), r"cannot hold 1e\+300 exactly$"),
        (np.array([["a", "b"]]), "expected float32, got <U1"),
        (np.array([[True, False]]), "expected float32, got bool"),
        ([[1, 2], [3]], "expected float32: "),
        ([[True, 2]], "got true or false among the values"),
        (pd.DataFrame({"p": [[1, 2, 3]]}), "do not make up the shape"),
        (scipy.sparse.csr_matrix([[0.1, 1]]), "cannot hold"),
        (object(), "expected a frame, a table"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(data, problem):
    with pytest.raises(InvalidInputError, match=problem):
        enforce(data, ONE)


def test_one_named_tensor_may_come_without_its_name():
    array = np.array([[1.0, 2.0]], "float32")
    result = enforce(array, Schema([TensorSpec("float32", (-1, 2), "a")]))
    assert list(result) == ["a"]
    np.testing.assert_array_equal(result["a"], array)


@pytest.mark.parametrize("data", [np.zeros((1, 2)), [np.zeros((1, 2)), np.zeros(1)]])
def test_several_tensors_need_their_names(data):
    problem = "the data has no names; the model takes a dict of arrays: 'a', 'b'"
    with pytest.raises(InvalidInputError, match=problem):
        enforce(
            data, Schema([TensorSpec("float64", (-1, 2), "a"), TensorSpec("float64", (-1,), "b")])
        )


def test_named_tensors():
    arrays = {"a": np.array([[1.0, 2.0]]), "b": np.array([3.0]), "c": 1}
    result = enforce(arrays, TWO)
    assert {name: array.dtype.name for name, array in result.items()} == {
        "a": "float32",
        "b": "int64",
    }
    frame = pd.DataFrame({"a": [[1, 2]], "b": [3]})
    assert enforce(frame, TWO)["a"].tolist() == [[1.0, 2.0]]


def test_all_tensors_at_fault_are_named():
    with pytest.raises(
        InvalidInputError, match=r"'a': expected the shape.*; tensor 'b' is missing"
    ):
        enforce({"a": np.array([1.0])}, TWO)
    with pytest.raises(InvalidInputError, match="expected a dict of arrays"):
        enforce(object(), TWO)


@pytest.mark.parametrize(
    ("dtype", "shape", "array", "same"),
    [
        ("object", (-1,), np.array([[1], [2, 3]], dtype=object), True),
        ("float64", (-1, -1), np.array([[1], [2, 3]], dtype=object), True),
        ("str", (-1,), np.array(["a", "bc"]), True),
        ("str", (-1,), np.array(["a", "bc"], dtype=object), False),
        ("bytes", (-1,), np.array([b"a"]), True),
        ("bytes", (-1,), np.array([b"a"], dtype=object), False),
        ("datetime64[ns]", (-1,), np.array(["2026-01-01"], "datetime64[s]"), False),
        ("bool", (-1,), np.array([0, 1]), False),
        ("complex64", (-1,), np.array([1.5]), False),
    ],
)
def test_tensors_of_other_kinds(dtype, shape, array, same):
    result = enforce(array, Schema([TensorSpec(dtype, shape)]))
    assert (result is array) == same


def test_a_column_of_cells_needs_free_rows_and_fixed_cells():
    with pytest.raises(InvalidInputError, match="cannot become a tensor of shape"):
        enforce(pd.DataFrame({"p": [[1, 2]]}), Schema([TensorSpec("float32", (-1, -1))]))


def test_int64_at_the_edge_of_doubles():
    spec = Schema([TensorSpec("float64", (-1,))])
    with pytest.raises(InvalidInputError, match="cannot hold"):
        enforce(np.array([2**63 - 1]), spec)
    assert enforce(np.array([2**53]), spec).tolist() == [2.0**53]


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([-1]), "uint64"),
        (np.array([2**63], dtype="uint64"), "int64"),
        (np.array([-1], dtype="int8"), "uint8"),
        (np.array([200], dtype="uint8"), "int8"),
        (scipy.sparse.csr_matrix(np.array([[-1]])), "uint64"),
    ],
)
def test_a_sign_never_wraps(array, dtype):
    schema = Schema([TensorSpec(np.dtype(dtype), (-1,) if array.ndim == 1 else (-1, 1))])
    with pytest.raises(InvalidInputError, match="is out of its range"):
        enforce(array, schema)


def test_dates_in_a_list_stay_dates():
    schema = Schema([ColSpec(Array("datetime"), "when")])
    moment = pd.Timestamp("2020-01-01 00:00:00.000000001")
    frame = enforce(pd.DataFrame({"when": [[moment]]}), schema)
    assert frame["when"][0] == [moment]


@pytest.mark.parametrize(
    ("data", "schema"),
    [
        ({"x": [1.0, 2**53 + 1]}, Schema([ColSpec("long", "x")])),
        ({"x": [1.0, 2**53 + 1]}, Schema([ColSpec("double", "x")])),
        ([1.0, 2**53 + 1], Schema([TensorSpec(np.dtype("int64"), (-1,))])),
    ],
)
def test_a_whole_number_beside_others_is_not_rounded(data, schema):
    with pytest.raises(InvalidInputError, match="is more than a double holds exactly"):
        enforce(data, schema)


def test_plain_numbers_may_be_rounded_to_a_float_as_in_json():
    schema = Schema([ColSpec("float", "x")])
    for data in ({"x": [5.1]}, [{"x": 5.1}], [[5.1]]):
        assert enforce(data, schema)["x"].tolist() == [np.float32(5.1)]
    with pytest.raises(InvalidInputError, match="cannot hold 1e"):
        enforce({"x": [1e39]}, schema)
    with pytest.raises(InvalidInputError, match=r"cannot hold 5\.1 in row 0"):
        enforce(pd.DataFrame({"x": [5.1]}), schema)


def test_categories_of_the_right_type_stay_categories():
    schema = Schema([ColSpec("long", "x")])
    frame = pd.DataFrame({"x": pd.Categorical([1, 2, 1])})
    assert enforce(frame, schema)["x"].dtype == "category"
    with pytest.raises(InvalidInputError, match="expected a long in every row, row 1 has none"):
        enforce(pd.DataFrame({"x": pd.Categorical([1, None])}), schema)
    with pytest.raises(InvalidInputError, match="column 'x': expected a long"):
        enforce(pd.DataFrame({"x": pd.Categorical(["a"])}), schema)


def test_rows_are_not_lost_because_nothing_in_them_is_known():
    schema = Schema([ColSpec("double", "x", required=False)])
    with pytest.raises(InvalidInputError, match="none of the model's columns 'x' is in the data"):
        enforce(pd.DataFrame({"y": [1.0, 2.0]}), schema)


DATA = [
    [[1, 2], [3, 4]],
    [1.5, 2.5],
    ["a"],
    [{"a": 1, "b": [1, 2]}],
    {"a": 1},
    {"a": np.array([1, 2])},
    np.eye(2),
    pd.DataFrame({"a": [1.0], "b": ["x"], "c": pd.Categorical([3]), "d": pd.to_datetime(["2020"])}),
    pd.Series([1, 2], name="s"),
    scipy.sparse.csr_matrix(np.eye(2)),
]


@pytest.mark.parametrize("data", DATA, ids=lambda data: type(data).__name__)
def test_the_signature_of_data_takes_that_data(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = infer_signature(data).inputs
    enforce(data, schema)
