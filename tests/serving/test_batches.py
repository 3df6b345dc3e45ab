"""Rows of several requests in one table, and each request's predictions out of it again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.serving.batches import join, kind_of, rows_of, split
from flavorkit.testing import assert_same

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]})


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (np.zeros((3, 2)), 3),
        (FRAME, 2),
        (scipy.sparse.csr_matrix((4, 2)), 4),
        ({"a": np.zeros(5), "b": np.zeros((5, 2))}, 5),
        ([1, 2], 2),
        (np.array(1.0), None),
        ({}, None),
        ("text", None),
    ],
)
def test_rows_are_counted_where_there_are_any(data, rows):
    assert rows_of(data) == rows


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        (np.zeros((1, 2)), np.zeros((3, 2)), True),
        (np.zeros((1, 2)), np.zeros((1, 3)), False),
        (np.zeros((1, 2)), np.zeros((1, 2), "float32"), False),
        (FRAME, FRAME[:1], True),
        (FRAME, FRAME[["b", "a"]], False),
        (FRAME, FRAME.astype({"a": "float32"}), False),
        ({"a": np.zeros(1)}, {"a": np.zeros(2)}, True),
        ({"a": np.zeros(1)}, {"b": np.zeros(1)}, False),
    ],
)
def test_only_rows_that_look_the_same_are_joined(one, other, are_alike):
    assert (kind_of(one) == kind_of(other)) is are_alike


@pytest.mark.parametrize(
    "data",
    [
        FRAME.set_index("b"),
        FRAME[1:],
        scipy.sparse.csr_matrix((1, 2)),
        [1, 2],
        np.array(1.0),
        {"a": np.zeros(1), "b": np.zeros(2)},
        {"a": [1]},
        {},
    ],
)
def test_what_cannot_be_joined_without_loss_is_not(data):
    assert kind_of(data) is None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.sampled_from(["array", "frame"]))
def test_split_is_the_inverse_of_join(counts, kind):
    parts = [np.arange(count * 2.0).reshape(count, 2) + count for count in counts]
    if kind == "frame":
        parts = [pd.DataFrame(part, columns=["a", "b"]) for part in parts]
    for part, found in zip(parts, split(join(parts), counts), strict=True):
        assert_same(found, part)


def test_named_arrays_are_joined_and_split_name_by_name():
    parts = [{"a": np.zeros(1), "b": np.ones((1, 2))}, {"a": np.ones(2), "b": np.zeros((2, 2))}]
    for part, found in zip(parts, split(join(parts), [1, 2]), strict=True):
        assert_same(found, part)


@pytest.mark.parametrize(
    "predictions",
    [
        np.array([1.0]),
        np.array(1.0),
        pd.DataFrame({"a": [1.0]}),
        [1],
        {"a": np.zeros(3), "b": np.zeros(1)},
        {"a": "text"},
        "abc",
        None,
    ],
)
def test_what_is_not_one_prediction_for_each_row_is_not_split(predictions):
    assert split(predictions, [1, 2]) is None


@pytest.mark.parametrize(
    "predictions", [pd.Series([1, 2, 3], name="y"), [1, 2, 3], scipy.sparse.csr_matrix(np.eye(3))]
)
def test_predictions_of_other_kinds_are_split_too(predictions):
    first, second = split(predictions, [1, 2])
    assert (rows_of(first), rows_of(second)) == (1, 2) or (len(first), len(second)) == (1, 2)
