"""CSV and Parquet as the schema describes them."""

import io

import pandas as pd
import pytest

from flavorkit.errors import InvalidInputError, RequestError
from flavorkit.signature import ColSpec, Schema, TensorSpec, enforce
from flavorkit.signature.tables import read_csv, read_parquet

KINDS = ["boolean", "integer", "long", "float", "double", "string", "datetime"]
SCHEMA = Schema([ColSpec(kind, kind) for kind in KINDS])
FRAME = pd.DataFrame(
    {
        "boolean": [True, False],
        "integer": [1, 2],
        "long": [2**53 + 1, -1],
        "float": [0.5, 0.1],
        "double": [0.1, 1e300],
        "string": ["007", "a,b"],
        "datetime": pd.to_datetime(["2026-01-31 12:00:00", "2026-02-01"], format="mixed"),
    }
)


def csv_of(frame):
    return frame.to_csv(index=False).encode()


def parquet_of(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(("encode", "read"), [(csv_of, read_csv), (parquet_of, read_parquet)])
def test_every_type_survives(encode, read):
    frame = FRAME if read is read_csv else FRAME.astype({"float": "float32"})
    result = enforce(read(encode(frame), SCHEMA), SCHEMA)
    assert result["long"].tolist() == [2**53 + 1, -1]
    assert result["string"].tolist() == ["007", "a,b"]
    assert result["boolean"].tolist() == [True, False]
    assert result["datetime"].tolist() == FRAME["datetime"].tolist()
    assert [str(dtype) for dtype in result.dtypes[:5]] == [
        "bool",
        "int32",
        "int64",
        "float32",
        "float64",
    ]


@pytest.mark.parametrize(
    ("cell", "kind", "problem"),
    [
        ("1.5", "long", "column 'x': expected a long, row 0 holds 1.5"),
        ("a", "double", "column 'x': expected a double, got str"),
        ("3000000000", "integer", "out of its range"),
        ("maybe", "boolean", "expected a boolean, got str"),
        ("then", "datetime", "expected a datetime, got str"),
    ],
)
def test_the_column_at_fault_is_named(cell, kind, problem):
    schema = Schema([ColSpec(kind, "x")])
    with pytest.raises(InvalidInputError, match=problem):
        enforce(read_csv(f"x\n{cell}\n".encode(), schema), schema)


def test_missing_cells_are_for_the_schema_to_allow():
    body = b"x,y\n1,a\n,b\n"
    optional = Schema([ColSpec("long", "x", required=False), ColSpec("string", "y")])
    assert enforce(read_csv(body, optional), optional)["x"].isna().tolist() == [False, True]
    required = Schema([ColSpec("long", "x"), ColSpec("string", "y")])
    with pytest.raises(InvalidInputError, match="row 1 has none"):
        enforce(read_csv(body, required), required)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b'a,b\n"unclosed', b"a,b\n1,2,3,4\n5,6,7,8,9\n"]
)
def test_what_is_no_csv_is_refused(body):
    with pytest.raises(RequestError, match=r"not (CSV|UTF-8)"):
        read_csv(body, None)


def test_formulas_stay_text():
    schema = Schema([ColSpec("string", "x")])
    assert read_csv(b"x\n=cmd|x\n", schema)["x"].tolist() == ["=cmd|x"]


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"x" * 100])
def test_what_is_no_parquet_is_refused(body):
    with pytest.raises(RequestError, match="not Parquet"):
        read_parquet(body, None)


def test_tensors_come_as_plain_columns():
    schema = Schema([TensorSpec("float64", (-1, 2))])
    assert enforce(read_csv(b"p,q\n1,2\n", schema), schema).tolist() == [[1.0, 2.0]]
    frame = pd.DataFrame({"p": [1.0], "q": [2.0]})
    assert enforce(read_parquet(parquet_of(frame), schema), schema).tolist() == [[1.0, 2.0]]


def test_dates_in_parquet_may_be_text():
    schema = Schema([ColSpec("datetime", "x")])
    frame = read_parquet(parquet_of(pd.DataFrame({"x": ["2026-01-31"]})), schema)
    assert enforce(frame, schema)["x"].tolist() == [pd.Timestamp("2026-01-31")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2,3\n", "row 0 has 3 values for 2 names"),
        ("a,b\n1,2\n1,2,3\n", "not CSV"),
        ("a,b,a\n1,2,3\n", "the name 'a' stands twice"),
    ],
)
@pytest.mark.parametrize("schema", [None, Schema([ColSpec("long", "a"), ColSpec("long", "b")])])
def test_a_table_that_does_not_fit_its_names_is_refused(text, problem, schema):
    with pytest.raises(RequestError, match=problem):
        read_csv(text.encode(), schema)


@pytest.mark.parametrize("blank", ["", "\n", "\r", "\r\n", " \t\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a", "a,b", "a\nb"])
def test_a_mark_of_the_encoding_and_blank_lines_above_the_names_say_nothing(mark, blank, name):
    frame = read_csv(f'{mark}{blank}"{name}","c"\n1,2\n'.encode(), None)
    assert frame.to_dict("list") == {name: [1], "c": [2]}


@pytest.mark.parametrize("above", ["\n", "\ufeff", "\ufeff \n\n"])
def test_names_below_blank_lines_are_checked_too(above):
    with pytest.raises(RequestError, match=r"the name 'a' stands twice"):
        read_csv(f'{above}"a",a\n1,2\n'.encode(), None)
    with pytest.raises(RequestError, match=r"row 0 has 3 values for 2 names"):
        read_csv(f"{above}a,b\n \n\n1,2,3\n".encode(), None)


def test_csv_means_what_json_means():
    schema = Schema([ColSpec("binary", "b"), ColSpec("float", "f")])
    frame = enforce(read_csv(b"b,f\nYQ==,0.1\n,1\n", schema), schema)
    assert frame["b"].tolist() == [b"a", None]
    assert frame["f"].dtype == "float32"
    with pytest.raises(InvalidInputError, match="column 'b': expected bytes as base64 text"):
        read_csv(b"b,f\n???,1\n", schema)
    with pytest.raises(InvalidInputError, match=r"column 'f': expected a float .* out of range"):
        read_csv(b"b,f\nYQ==,1e39\n", schema)


def test_a_small_file_that_unpacks_to_a_huge_table_is_refused():
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({f"c{n}": pa.array([0.0] * 1_000_001) for n in range(10)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(RequestError, match="10000010 cells, more than 10000000; send fewer rows"):
        read_parquet(buffer.getvalue(), None)
    texts = pa.table({"c": pa.array(["x" * 1_000_000] * 2000)})
    buffer = io.BytesIO()
    pq.write_table(texts, buffer)
    assert len(buffer.getvalue()) < 1_000_000
    with pytest.raises(RequestError, match="unpacks to more than"):
        read_parquet(buffer.getvalue(), None)
