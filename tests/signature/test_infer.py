"""A signature out of examples. What MLflow infers is compared with MLflow in tests/interop."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest

from flavorkit.errors import SignatureError
from flavorkit.signature import infer_from_example, infer_signature


def inputs(*args):
    return infer_signature(*args).to_dict()["inputs"]


ROWS = {
    "whole": [1, 2, 3],
    "number": [1.5, 2.5, 3.5],
    "text": ["a", "b", "c"],
    "flag": [True, False, True],
    "day": [dt.datetime(2026, 1, n) for n in (1, 2, 3)],
    "raw": [b"a", b"b", b"c"],
    "list": [[1.5], [], [2.5, 3.5]],
    "object": [{"k": 1}, {"k": 2}, {"k": 3}],
    "whole_missing": [1, None, 3],
    "text_missing": ["a", None, "c"],
    "flag_missing": [True, None, False],
}


def pandas_frame():
    frame = pd.DataFrame(ROWS)
    frame["whole_missing"] = pd.array(ROWS["whole_missing"], dtype="Int64")
    frame["flag_missing"] = pd.array(ROWS["flag_missing"], dtype="boolean")
    return frame


@pytest.mark.parametrize(
    "make",
    [lambda: pl.DataFrame(ROWS), lambda: pl.LazyFrame(ROWS), lambda: pa.table(ROWS)],
    ids=["polars", "lazy", "arrow"],
)
def test_any_table_gives_what_pandas_gives(make):
    assert inputs(make()) == inputs(pandas_frame())


def test_columns_with_missing_values_are_optional():
    optional = infer_signature(pandas_frame()).inputs.optional_input_names()
    assert optional == ["whole_missing", "text_missing", "flag_missing"]


def test_polars_types_of_every_width():
    frame = pl.DataFrame(
        {
            "i8": pl.Series([1], dtype=pl.Int8),
            "u32": pl.Series([1], dtype=pl.UInt32),
            "f32": pl.Series([1.0], dtype=pl.Float32),
            "day": pl.Series([dt.date(2026, 1, 1)]),
            "cat": pl.Series(["a"], dtype=pl.Categorical),
            "u8_missing": pl.Series([1, None], dtype=pl.UInt8)[:1],
        }
    )
    types = [spec.type.name for spec in infer_signature(frame).inputs]
    assert types == ["integer", "long", "float", "datetime", "string", "integer"]


def test_a_polars_series_is_one_column():
    assert inputs(pl.Series("y", [1, 2])) == '[{"type": "long", "name": "y", "required": true}]'


def test_arrow_record_batches_are_tables():
    batch = pa.record_batch({"a": [1, None]})
    assert inputs(batch) == '[{"type": "long", "name": "a", "required": false}]'


def test_a_type_no_signature_has_becomes_any_with_a_warning():
    frame = pd.DataFrame({"u": np.array([1], "uint64")})
    with pytest.warns(UserWarning, match="no signature can express .*uint64"):
        assert inputs(frame) == '[{"type": "any", "required": true}]'


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array(3.0)])
def test_other_values_become_any_with_a_warning(value):
    with pytest.warns(UserWarning, match="no signature can express"):
        assert inputs(value) == '[{"type": "any", "required": true}]'


def test_predictions_of_one_column_for_an_example():
    signature = infer_from_example(pd.DataFrame({"a": [1.0]}), np.array([1]))
    assert signature.to_dict()["outputs"] == '[{"type": "long", "required": true}]'
    signature = infer_from_example(np.array([[1.0]]), np.array([1]))
    assert "tensor" in signature.to_dict()["outputs"]


def test_parameters_of_no_supported_type_are_all_named():
    with pytest.raises(SignatureError, match=r"'a': .*; 'b': .*2 dimensions"):
        infer_signature([1], None, {"a": object(), "b": [[1]], "c": 1})


def test_nothing_gives_no_signature():
    with pytest.raises(SignatureError, match="needs inputs, outputs or params"):
        infer_signature()


@dataclass
class Inner:
    flag: bool


@dataclass
class Row:
    number: float
    names: list[str]
    inner: Inner
    inners: list[Inner]
    maybe: int | None = None


class Item(pydantic.BaseModel):
    name: str
    sizes: list[float]
    note: str | None = None


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (list[str], '[{"type": "string", "required": true}]'),
        (list[int], '[{"type": "long", "required": true}]'),
        (int, '[{"type": "long", "required": true}]'),
        (list[list[float]], '[{"type": "array", "items": {"type": "double"}, "required": true}]'),
        (
            list[dict[str, bytes]],
            '[{"type": "map", "values": {"type": "binary"}, "required": true}]',
        ),
        (list[Any], '[{"type": "any", "required": true}]'),
        (list[int | str], '[{"type": "any", "required": true}]'),
        (
            list[Item],
            '[{"type": "object", "properties": {"name": {"type": "string", "required": true},'
            ' "note": {"type": "string", "required": false},'
            ' "sizes": {"type": "array", "items": {"type": "double"}, "required": true}},'
            ' "required": true}]',
        ),
        (
            Row,
            '[{"type": "float", "name": "number", "required": true},'
            ' {"type": "array", "items": {"type": "string"}, "name": "names", "required": true},'
            ' {"type": "object", "properties": {"flag": {"type": "boolean", "required": true}},'
            ' "name": "inner", "required": true},'
            ' {"type": "array", "items": {"type": "object", "properties": {"flag":'
            ' {"type": "boolean", "required": true}}}, "name": "inners", "required": true},'
            ' {"type": "long", "name": "maybe", "required": false}]',
        ),
    ],
)
def test_type_hints(hint, expected):
    assert inputs(hint) == expected


def test_an_instance_of_a_dataclass_is_as_good_as_its_class():
    assert inputs(Inner(True)) == inputs(Inner)


@pytest.mark.parametrize(
    ("hint", "problem"),
    [
        (list, "of no type that a signature has"),
        (list[complex], "of no type"),
        (list[dict[int, str]], "must be strings"),
        (list[str | None], "cannot be optional"),
        (pd.DataFrame, "of no type"),
    ],
)
def test_hints_that_say_nothing(hint, problem):
    with pytest.warns(UserWarning, match=problem):
        assert inputs(hint) == '[{"type": "any", "required": true}]'


class Undecided(pydantic.BaseModel):
    note: str | None


def test_an_optional_field_needs_a_default():
    with pytest.warns(UserWarning, match="'note' of Undecided may be None and needs a default"):
        inputs(list[Undecided])


@dataclass
class Broken:
    either: int | str


def test_unions_in_a_dataclass_are_refused():
    with pytest.warns(UserWarning, match="may only have Optional"):
        inputs(Broken)


@dataclass
class Odd:
    value: complex


def test_odd_fields_of_a_dataclass_are_refused():
    with pytest.warns(UserWarning, match="a field of the type"):
        inputs(Odd)
