"""What a body may hold, in each case at the limit and one beyond it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.errors import RequestError
from flavorkit.serving import sizes
from flavorkit.serving.settings import Settings

LIMITS = Settings(max_rows=3, max_columns=4, max_json_depth=5)


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


JSON = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text('[]{}"\\:ab', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{"\\'), inner, max_size=3)
    ),
    max_leaves=30,
)


@given(JSON, st.integers(1, 6))
def test_depth_is_counted_outside_of_strings(value, limit):
    body = json.dumps(value).encode()
    if depth_of(value) > limit:
        with pytest.raises(RequestError, match=f"beyond {limit} levels"):
            sizes.check_depth(body, limit)
    else:
        sizes.check_depth(body, limit)


def test_many_shallow_lists_are_fine():
    sizes.check_depth(json.dumps({"inputs": [[1.0] * 3] * 10_000}).encode(), 3)


def split(rows, columns):
    return {"dataframe_split": {"columns": ["c"] * columns, "data": [[1] * columns] * rows}}


def without_names(rows, columns):
    return {"dataframe_split": {"data": [[1] * columns] * rows}}


def records(rows, columns):
    return {"dataframe_records": [{f"c{n}": 1 for n in range(columns)}] * rows}


def dict_of_lists(rows, columns):
    return {"inputs": {f"c{n}": [1] * rows for n in range(columns)}}


def old(rows, columns):
    return split(rows, columns)["dataframe_split"]


@pytest.mark.parametrize("form", [split, without_names, records, dict_of_lists, old])
def test_rows_and_columns(form):
    sizes.check_json(form(3, 4), LIMITS)
    with pytest.raises(RequestError, match="4 rows, more than the limit of 3"):
        sizes.check_json(form(4, 4), LIMITS)
    with pytest.raises(RequestError, match="5 columns, more than the limit of 4"):
        sizes.check_json(form(3, 5), LIMITS)


def test_a_row_of_a_tensor_may_be_of_any_size():
    sizes.check_json({"instances": [[1.0] * 100]}, LIMITS)


@pytest.mark.parametrize("payload", [None, 1, [], {}, {"dataframe_split": 1}, {"inputs": "x"}])
def test_other_shapes_are_for_the_decoder_to_refuse(payload):
    sizes.check_json(payload, LIMITS)


def test_csv_is_refused_by_its_first_line():
    sizes.check_csv(b"a,b,c,d\n1,2,3,4,5,6\n", LIMITS)
    for body in (b"a,b,c,d,e\n", b"a,b,c,d,e"):
        with pytest.raises(RequestError, match="5 columns"):
            sizes.check_csv(body, LIMITS)


def test_tables():
    sizes.check_table(pd.DataFrame([[1] * 4] * 3), LIMITS)
    with pytest.raises(RequestError, match="4 rows"):
        sizes.check_table(pd.DataFrame([[1] * 4] * 4), LIMITS)
