"""Input examples in the files that MLflow reads and writes."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from flavorkit.errors import InvalidInputError
from flavorkit.signature.example import Example, read

FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", None]})


@pytest.mark.parametrize(
    ("data", "info", "content", "request_body"),
    [
        (
            FRAME,
            {"type": "dataframe", "pandas_orient": "split"},
            {"columns": ["a", "b", "c"], "data": [[1, 0.5, "x"], [2, None, None]]},
            {
                "dataframe_split": {
                    "columns": ["a", "b", "c"],
                    "data": [[1, 0.5, "x"], [2, None, None]],
                }
            },
        ),
        (
            pd.DataFrame([[1, 2]]),
            {"type": "dataframe", "pandas_orient": "values"},
            {"data": [[1, 2]]},
            {"dataframe_split": {"data": [[1, 2]]}},
        ),
        (np.array([[1.5, np.nan]]), {"type": "ndarray"}, [[1.5, None]], {"inputs": [[1.5, None]]}),
        ({"a": np.array([1])}, {"type": "ndarray"}, {"a": [1]}, {"inputs": {"a": [1]}}),
        (
            scipy.sparse.csr_matrix([[0, 2]]),
            {"type": "sparse_matrix_csr"},
            {"data": [2], "indices": [1], "indptr": [0, 1], "shape": [1, 2]},
            {"inputs": [[0, 2]]},
        ),
        (
            {"a": 1, "b": ["x"]},
            {"type": "json_object"},
            {"a": 1, "b": ["x"]},
            {"inputs": {"a": 1, "b": ["x"]}},
        ),
        (["x", "y"], {"type": "json_object"}, ["x", "y"], {"inputs": ["x", "y"]}),
        (3, {"type": "json_object"}, 3, {"inputs": 3}),
        (b"hi", {"type": "json_object"}, "aGk=", {"inputs": "aGk="}),
        (
            dt.datetime(2026, 1, 31),
            {"type": "json_object"},
            "2026-01-31T00:00:00",
            {"inputs": "2026-01-31T00:00:00"},
        ),
    ],
    ids=[
        "frame",
        "unnamed",
        "array",
        "arrays",
        "sparse",
        "dict",
        "list",
        "number",
        "bytes",
        "date",
    ],
)
def test_examples_are_written_as_in_mlflow(data, info, content, request_body, tmp_path):
    example = Example.of(data)
    example.write(tmp_path)
    assert json.loads((tmp_path / "input_example.json").read_text()) == content
    assert json.loads((tmp_path / "serving_input_example.json").read_text()) == request_body
    assert example.info == {
        "artifact_path": "input_example.json",
        "serving_input_path": "serving_input_example.json",
        **info,
    }


def test_parameters_stand_beside_the_data(tmp_path):
    example = Example.of((np.array([1]), {"k": np.int64(2)}))
    example.write(tmp_path)
    assert example.info["params"] == "true"
    assert json.loads((tmp_path / "input_example.json").read_text()) == {
        "inputs": [1],
        "params": {"k": 2},
    }
    assert json.loads((tmp_path / "serving_input_example.json").read_text()) == {
        "inputs": [1],
        "params": {"k": 2},
    }
    data, params = read(tmp_path, example.info)
    assert (data.tolist(), params) == ([1], {"k": 2})


@pytest.mark.parametrize(
    "data",
    [
        FRAME,
        pl.DataFrame({"a": [1], "b": ["x"]}),
        np.array([[1.5]]),
        {"a": np.array([1, 2])},
        scipy.sparse.csc_matrix([[0.0, 2.0]]),
        scipy.sparse.coo_matrix([[0.0, 2.0]]),
        {"a": [1], "b": {"c": None}},
        ["x"],
    ],
    ids=["frame", "polars", "array", "arrays", "csc", "coo", "dict", "list"],
)
def test_examples_come_back(data, tmp_path):
    example = Example.of(data)
    example.write(tmp_path)
    back, params = read(tmp_path, example.info)
    assert params is None
    assert Example.of(back).content == example.content


@pytest.mark.parametrize("data", [object(), {"a": object()}, lambda: 1])
def test_what_json_cannot_hold_is_refused(data):
    with pytest.raises(InvalidInputError, match="input example"):
        Example.of(data)


@pytest.mark.parametrize("content", ["{", "[]", '{"data": {}}', "[" * 100_000])
def test_a_damaged_example_is_an_error(content, tmp_path):
    (tmp_path / "input_example.json").write_text(content)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read(tmp_path, {"type": "dataframe", "params": "true"})
