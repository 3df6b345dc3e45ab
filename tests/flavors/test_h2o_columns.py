"""What columns become on their way to H2O; no cluster is needed."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

from flavorkit.errors import InvalidInputError
from flavorkit.flavors.h2o.columns import cells_of, quoted


def cells(values, kind="Numeric", levels=None):
    return cells_of(pd.Series(values, name="c"), kind, levels)


def plain(found):
    return found.values.to_pylist()


def computed(found):
    """What the cluster computes of them."""
    numbers = found.values.to_pandas().to_numpy(float)
    with np.errstate(over="ignore"):
        return numbers * np.exp2(found.exponents.to_pandas().to_numpy(float))


def test_doubles_arrive_to_the_last_bit():
    random = np.random.default_rng(0)
    values = random.normal(size=1000) * np.exp2(random.integers(-1020, 1020, 1000))
    extremes = [5e-324, -5e-324, 2.2250738585072014e-308, 1e-310, 1.7976931348623157e308]
    values = np.concatenate([values, extremes, [0.1, -0.0, np.inf, -np.inf, np.nan]])
    found = cells(values)
    np.testing.assert_array_equal(computed(found), values)
    assert found.values.null_count == found.exponents.null_count == 1


def test_whole_numbers_go_as_they_are():
    found = cells([1.0, np.nan, -3.0])
    assert found.exponents is None
    assert plain(found) == [1, None, -3]
    assert plain(cells([2**62, -(2**62)])) == [2**62, -(2**62)]
    assert plain(cells(pd.array([True, None], "boolean"))) == [1, None]
    assert plain(cells([decimal.Decimal(3), None])) == [3, None]
    assert cells([None, None]).h2o_type == "Numeric"


def test_times_are_milliseconds():
    day = pd.Timestamp("1969-12-31 23:59:59.998765")
    assert plain(cells([day, pd.NaT], "Time")) == [-1, None]
    zoned = pd.Series(pd.to_datetime(["2020-01-01T01:00:00+01:00"]))
    assert plain(cells(zoned, "Time")) == [1577836800000]
    assert plain(cells([dt.date(1970, 1, 2)], "Time")) == [86_400_000]
    assert plain(cells(["1970-01-01 00:00:01", None], "Time")) == [1000, None]


def test_categories_are_spelled_as_the_model_knows_them():
    texts = ['say "hi"', " a ", "b\nc", "", "new"]
    found = cells([*texts, None], "Enum", {"a"})
    assert plain(found) == [*texts, None]
    assert found.h2o_type == "Enum"
    assert plain(cells(pd.Categorical(["a", None]), "Enum", {"a"})) == ["a", None]
    assert plain(cells([True, False], "Enum", {"True"})) == ["True", "False"]
    assert plain(cells([True, False], "Enum", {"true", "false"})) == ["true", "false"]
    assert plain(cells([True, False], "Enum", {"1", "0"})) == ["1", "0"]
    assert plain(cells([1, 2], "Enum", {"1"})) == ["1", "2"]
    assert plain(cells([1.0, 2.5, np.nan], "Enum", {"1", "2.5"})) == ["1", "2.5", None]
    assert plain(cells([1.0], "Enum", {"1.0"})) == ["1.0"]


def test_missing_text_is_what_it_was_when_the_model_was_trained():
    """h2o writes the word nan for it, which then is a category."""
    assert plain(cells(["a", None], "Enum", {"a", "nan"})) == ["a", "nan"]


@pytest.mark.parametrize(
    ("values", "kind", "problem"),
    [
        (["many"], "Numeric", "column 'c': expected numbers, got text"),
        ([1, "two"], "Numeric", "column 'c': "),
        ([[1.0], [2.0]], "Numeric", "column 'c': "),
        ([2**64 - 1], "Numeric", "column 'c': "),
        (["some day"], "Time", "column 'c': "),
    ],
    ids=["text", "mixed", "lists", "too large", "no time"],
)
def test_others_are_the_callers_error(values, kind, problem):
    with pytest.raises(InvalidInputError, match=problem):
        cells(values, kind)


def test_names_are_quoted():
    assert quoted(['a"b', "c\\"]) == '["a\\"b" "c\\\\"]'
