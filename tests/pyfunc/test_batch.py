"""Predictions of chunks are those of the whole, and what goes wrong names its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import flavorkit
from flavorkit.errors import InvalidInputError, PredictionError
from flavorkit.pyfunc.batch import beside, guarded, limits_for, predict_chunks, table_of
from flavorkit.tables.chunks import Chunk, Limits


@pytest.fixture(scope="module")
def loaded(iris_folder):
    return flavorkit.load_model(iris_folder)


def chunks_of(frame, size):
    for start in range(0, len(frame), size):
        part = frame[start : start + size]
        yield Chunk(start, len(part), part, lambda part=part: part, start + len(part))


@pytest.mark.parametrize("size", [1, 7, 150, 1000])
def test_chunks_predict_what_the_whole_predicts(loaded, iris, size):
    X, _ = iris
    scored = list(predict_chunks(loaded, chunks_of(X, size)))
    found = np.concatenate([one.predictions for one in scored])
    np.testing.assert_array_equal(found, loaded.predict(X))
    assert sum(len(one.table(None, keep_inputs=True)) for one in scored) == 150


def test_a_model_whose_rows_may_depend_on_each_other_gets_all_of_them(
    loaded, iris, iris_model, tmp_path
):
    centred = make_pipeline(FunctionTransformer(np.asarray), clone(iris_model))
    flavorkit.save_model(centred.fit(*iris), tmp_path / "m", serialization_format="cloudpickle")
    model = flavorkit.load_model(tmp_path / "m")
    assert limits_for(model, None) == Limits.none()
    assert limits_for(model, 7).rows == 7
    assert limits_for(loaded, None) == Limits.of(None)


def test_a_row_that_does_not_fit_is_named_as_in_the_file(loaded, iris):
    X = iris[0].astype(object)
    X.iloc[123, 1] = "wide"
    with pytest.raises(InvalidInputError, match=r"'sepal width \(cm\)': expected .* in row 123"):
        list(predict_chunks(loaded, chunks_of(X, 50)))


def test_columns_that_are_missing_are_no_row_s_fault(loaded, iris):
    with pytest.raises(InvalidInputError, match=r"^column 'petal width \(cm\)' is missing"):
        list(predict_chunks(loaded, chunks_of(iris[0].iloc[:, :3], 50)))


def test_a_model_that_fails_names_the_rows(loaded, iris):
    X = iris[0].copy()
    X.iloc[70, 0] = np.nan
    with pytest.raises(PredictionError, match="rows 50 to 99: ValueError: Input X") as caught:
        list(predict_chunks(loaded, chunks_of(X, 50)))
    assert caught.value.rows == (50, 99)
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_without_words_has_its_name():
    def fail():
        raise AttributeError

    with pytest.raises(PredictionError, match=r"^the model failed: AttributeError$"):
        guarded(fail)


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([1, 2]), {"prediction": [1, 2]}),
        (np.array([[1, 2], [3, 4]]), {"prediction_0": [1, 3], "prediction_1": [2, 4]}),
        (np.ones((2, 1, 1)), {"prediction": [[[1.0]], [[1.0]]]}),
        (scipy.sparse.csr_matrix(np.eye(2)), {"prediction_0": [1, 0], "prediction_1": [0, 1]}),
        (pd.DataFrame({"a": [1, 2]}, index=[5, 6]), {"a": [1, 2]}),
        (pd.Series([1, 2], name="x", index=[5, 6]), {"prediction": [1, 2]}),
        (pl.DataFrame({"a": [1, 2]}), {"a": [1, 2]}),
        (pl.Series("s", [1, 2]), {"prediction": [1, 2]}),
        (pa.table({"a": [1, 2]}), {"a": [1, 2]}),
        ({"a": np.array([1, 2]), "b": np.eye(2)}, {"a": [1, 2], "b_0": [1, 0], "b_1": [0, 1]}),
        (["x", "y"], {"prediction": ["x", "y"]}),
        ([{"a": 1}, {"a": 2}], {"a": [1, 2]}),
        ([[1], [2, 3]], {"prediction": [[1], [2, 3]]}),
    ],
)
def test_predictions_of_every_kind_become_columns(predictions, expected):
    table = table_of(predictions, 2)
    assert table.index.tolist() == [0, 1]
    found = {
        name: [v.tolist() if isinstance(v, np.ndarray) else v for v in table[name]]
        for name in table
    }
    assert found == expected


@pytest.mark.parametrize(
    ("predictions", "problem"),
    [
        (np.array([1, 2, 3]), "3 predictions for 2 rows, .*--output-type json"),
        (0.5, "it gave a float"),
        (np.array(0.5), "it gave one value for all rows"),
        ({"a": np.array([1, 2]), "b": 0.5}, "it gave one value for all rows as 'b'"),
        ([np.eye(2), np.eye(2)], "a list of tables"),
    ],
)
def test_what_is_not_one_for_each_row_is_refused(predictions, problem):
    with pytest.raises(PredictionError, match=problem):
        table_of(predictions, 2)


@pytest.mark.parametrize(
    ("predictions", "name"),
    [
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "a"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=[1, "1"]), "1"),
        (pa.table([[1, 2], [3, 4]], names=["a", "a"]), "a"),
        ([{1: 1, "1": 2}, {1: 3, "1": 4}], "1"),
        ({1: np.array([1, 2]), "1": np.array([3, 4])}, "1"),
        ({"a": np.eye(2), "a_1": np.array([3, 4])}, "a_1"),
    ],
)
def test_no_column_of_predictions_takes_the_place_of_another(predictions, name):
    problem = rf"more than one column named '{name}'.*; give each a name of its own"
    with pytest.raises(PredictionError, match=problem):
        table_of(predictions, 2)


def test_columns_of_the_data_that_have_one_name_are_not_kept_as_one():
    inputs = pd.DataFrame([[1, 2]], columns=[1, "1"])
    with pytest.raises(InvalidInputError, match=r"more than one column named '1'; rename"):
        beside(inputs, pd.DataFrame({"prediction": [3]}))
