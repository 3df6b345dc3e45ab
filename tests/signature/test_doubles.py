"""Numbers become doubles as numpy would make them; everything else is left to a closer look."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.signature.doubles import doubles


@given(st.lists(st.floats(allow_nan=True) | st.integers(-(2**70), 2**70)))
def test_numbers_are_what_numpy_makes_of_them(cells):
    found = doubles(tuple(cells))
    expected = np.array(cells, dtype=np.float64)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.writeable


@pytest.mark.parametrize("odd", [None, True, False, "1.5", [1.0], {}, 10**400, b"1"])
@pytest.mark.parametrize(
    "others",
    [(), (1.0,), (0, 1), (math.nan, -0.0), (0.5,) * 99, (1,) * 99, (0.5, 0.0, 2) * 99],
    ids=lambda others: f"{len(others)}-{others[:1]}",
)
def test_what_is_no_number_is_seen_wherever_it_stands(odd, others):
    assert doubles((*others, odd)) is None
    assert doubles((odd, *others)) is None


def test_ones_and_zeros_are_numbers_however_many():
    for cells in ((0.5, 1, 0.0) * 99, (0.5, 0.5, 0.5, 0.5, 1) * 99, (1, 0.0) * 99):
        np.testing.assert_array_equal(doubles(cells), cells)


def test_of_nothing_there_is_an_empty_array():
    assert doubles(()).shape == (0,)
