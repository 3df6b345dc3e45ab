"""Columns of pandas as H2O takes them, with nothing lost on the way.

H2O reads numbers from text, and those from Parquet too, by way of decimal digits, which changes the
last bits of a double: of one in eight in CSV, of most in Parquet. Whole numbers and text in Parquet
arrive as they are. So a double goes as two whole numbers, ``m`` and ``e`` of ``m * 2 ** e``, which
is computed in the cluster, and is exact.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError

# Up to here a double is a whole number without gaps, and has so many bits.
_WHOLE = 2.0**53
_BITS = 53
# The least power of two that a double can be, and one that is infinite.
_LEAST, _INFINITE = -1074, 2000


@dataclass(frozen=True)
class Cells:
    """A column for H2O."""

    values: Any
    """An Arrow array of int64 or of text."""
    exponents: Any = None
    """The powers of two to multiply it by, if any."""

    @property
    def h2o_type(self) -> str:
        """What H2O calls it."""
        import pyarrow as pa

        return "Enum" if pa.types.is_string(self.values.type) else "Numeric"


def cells_of(column: pd.Series[Any], kind: str, levels: Collection[str] | None) -> Cells:
    """The cells of ``column``.

    Args:
        column: numbers, bools, times, or text or categories, with missing cells.
        kind: what the model takes, in H2O's words: "Numeric", "Time", "Enum".
        levels: for "Enum" the categories that it knows.

    Raises:
        InvalidInputError: the model takes no such values.
    """
    import pyarrow as pa

    try:
        if levels is not None:
            return Cells(_categories(column, levels))
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(column.cat.categories.dtype)
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(None)
        return _cells(pa.array(column, from_pandas=True), kind)
    except (pa.ArrowException, ValueError, OverflowError) as exc:
        raise InvalidInputError(f"column {column.name!r}: {exc}") from exc


def _cells(array: Any, kind: str) -> Cells:
    import pyarrow as pa

    is_a, type_ = pa.types, array.type
    is_text = is_a.is_string(type_) or is_a.is_large_string(type_)
    if is_a.is_temporal(type_) or (is_text and kind == "Time"):
        # H2O's times are milliseconds; a finer one is cut off.
        moments = array.cast(pa.timestamp(type_.unit if is_a.is_timestamp(type_) else "ms"))
        return Cells(moments.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()))
    if is_text:
        raise ValueError("expected numbers, got text")
    if is_a.is_integer(type_) or is_a.is_boolean(type_):
        return Cells(array.cast(pa.int64()))
    return _doubles(array.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _doubles(values: np.ndarray[Any, Any]) -> Cells:
    """``values`` as whole numbers, or as a whole number and an exponent each."""
    import pyarrow as pa

    missing, finite = np.isnan(values), np.isfinite(values)
    known = np.where(finite, values, 0.0)
    is_whole = finite.sum() + missing.sum() == len(values) and not (
        np.any(np.abs(known) >= _WHOLE)
        or np.any(known != np.trunc(known))
        or np.any(np.signbit(known) & (known == 0))
    )
    if is_whole:
        return Cells(pa.array(known.astype(np.int64), mask=missing))
    fractions, exponents = np.frexp(known)
    numbers = np.ldexp(fractions, _BITS).astype(np.int64)
    exponents = exponents.astype(np.int64) - _BITS
    short = np.clip(_LEAST - exponents, 0, _BITS)
    numbers, exponents = numbers >> short, exponents + short
    infinite = ~finite & ~missing
    numbers = np.where(infinite, np.where(values > 0, 1, -1), numbers)
    exponents = np.where(infinite, _INFINITE, exponents)
    return Cells(pa.array(numbers, mask=missing), pa.array(exponents, mask=missing))


def _categories(column: pd.Series[Any], levels: Collection[str]) -> Any:
    """The category of each cell, as text."""
    import pyarrow as pa

    codes, distinct = pd.factorize(column)
    names: list[str | None] = [_category(value, levels) for value in distinct]
    # What a frame of pandas with missing text becomes when a model is trained on it.
    missing = "nan" if "nan" in levels else None
    dictionary = pa.DictionaryArray.from_arrays(
        pa.array(np.where(codes < 0, len(names), codes)), pa.array([*names, missing], pa.string())
    )
    return dictionary.dictionary_decode()


def _category(value: Any, levels: Collection[str]) -> str:
    """How H2O would have spelled ``value`` when it read what the model was trained on."""
    if isinstance(value, str):
        return value
    spellings = [str(value)]
    if isinstance(value, bool | np.bool_):
        spellings += [str(value).lower(), str(value).upper(), str(int(value))]
    elif isinstance(value, float | np.floating) and float(value).is_integer():
        spellings.insert(0, str(int(value)))
    return next((spelling for spelling in spellings if spelling in levels), spellings[0])


def quoted(texts: Sequence[str]) -> str:
    """A list of texts as H2O's language Rapids has it."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "[" + " ".join(f'"{text}"' for text in escaped) + "]"
