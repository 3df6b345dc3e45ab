"""One column of scalars: convert its values to a type, if they lose nothing by it.

What MLflow converts is converted to the same result. Beyond that, every conversion is made that is
exact for the values at hand: 2.0 is a long, 1.5 is not; an int64 that a double holds is a double.
A bool is never a number. Missing values stay missing: integers and booleans that have some come
back as pandas' nullable arrays.
"""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from flavorkit.signature.types import DataType

Values: TypeAlias = NDArray[Any] | ExtensionArray

_OBJECT = np.dtype(object)
_NULLABLE = {
    DataType.boolean: "boolean",
    DataType.integer: "Int32",
    DataType.long: "Int64",
}


def convert(values: Values, kind: DataType, *, nullable: bool = False) -> Values:
    """``values`` as a column of ``kind``: the same object when they already are one.

    Args:
        values: a 1-d numpy array or a pandas extension array.
        kind: the type the column must have.
        nullable: whether integers and booleans may be missing.

    Raises:
        ValueError: a value would change or has no place in ``kind``; the message names the first.
    """
    if kind is DataType.string:
        return _to_string(values)
    if kind is DataType.binary:
        return _to_binary(values)
    if values.dtype == kind.dtype:
        return values
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _checked_category(values, kind, nullable=nullable)
    is_plain = values.dtype == _OBJECT
    if is_plain:
        values = _narrowed(values)
    if kind is DataType.datetime:
        return to_datetime(values)
    if kind is DataType.boolean:
        return _to_boolean(values, nullable=nullable)
    return _to_number(values, kind, nullable=nullable, round_floats=is_plain)


def is_missing(value: Any) -> bool:
    """Whether one value stands for a missing one: None, NaN, NaT or NA."""
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float | np.floating) and bool(np.isnan(value)))
    )


def is_date(value: Any) -> bool:
    """Whether one value is a date or a point in time."""
    return isinstance(value, date | np.datetime64)


def object_array(values: Any) -> NDArray[Any]:
    """A 1-d array that holds each of ``values`` as it is, lists included."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _narrowed(values: Values) -> Values:
    """Objects that are all of one kind, as an array of that kind."""
    found = values_of(pd.Series(values, copy=False).infer_objects())
    if found.dtype.kind == "f":
        check_integers(values, np.asarray(found))
    return found


def _checked_category(values: Values, kind: DataType, *, nullable: bool) -> Values:
    """A column of categories, which stays one, if the categories are of ``kind``."""
    categories = values_of(pd.Series(cast(Any, values.dtype).categories))
    missing = np.asarray(cast(Any, values).isna())
    joined(np.zeros(len(missing), kind.dtype), missing, kind, nullable=nullable)
    convert(categories, kind)
    return values


def values_of(series: pd.Series[Any]) -> Values:
    """The array inside ``series``: numpy's where there is one, else pandas' own."""
    return cast(Values, series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array)


def check_integers(values: Any, floats: NDArray[Any]) -> None:
    """Refuse integers that the doubles made of ``values`` do not hold exactly.

    Raises:
        ValueError: the message names the first.
    """
    for position in np.flatnonzero(np.abs(floats) >= 2**53):
        value = values[position]
        if isinstance(value, int) and int(floats[position]) != value:
            raise ValueError(f"{value} is more than a double holds exactly")


def _to_string(values: Values) -> Values:
    dtype = values.dtype
    if dtype == _OBJECT or isinstance(dtype, pd.StringDtype):
        return values
    if dtype.kind == "U":
        return np.asarray(values, dtype=object)
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories.dtype.kind in "OU":
            return values
    elif isinstance(dtype, pd.ArrowDtype) and dtype.type is str:
        return _objects_of(values)
    raise _refusal(values, DataType.string)


def _to_binary(values: Values) -> Values:
    dtype = values.dtype
    # MLflow lets text through, since before pandas 3 it could not be told from bytes.
    if dtype == _OBJECT or dtype.kind == "S" or isinstance(dtype, pd.StringDtype):
        return values
    if isinstance(dtype, pd.ArrowDtype) and dtype.type is bytes:
        return _objects_of(values)
    raise _refusal(values, DataType.binary)


def _objects_of(values: Values) -> NDArray[Any]:
    return cast(NDArray[Any], cast(Any, values).to_numpy(dtype=object, na_value=None))


def to_datetime(values: Values) -> Values:
    """Dates and points in time as ``datetime64[ns]``; text is refused, as is a time zone."""
    if (
        isinstance(values.dtype, pd.DatetimeTZDtype)
        or getattr(values.dtype, "tz", None) is not None
    ):
        raise ValueError(
            "expected a datetime without a time zone; convert with"
            " .dt.tz_convert('UTC').dt.tz_localize(None)"
        )
    if values.dtype.kind not in "MO" or isinstance(values.dtype, pd.StringDtype):
        raise _refusal(values, DataType.datetime)
    try:
        return pd.Series(values).astype("datetime64[ns]").to_numpy()
    except (ValueError, TypeError, OverflowError) as exc:
        raise ValueError(f"expected a datetime: {exc}") from None


def _to_boolean(values: Values, *, nullable: bool) -> Values:
    if values.dtype == _OBJECT:
        return values  # True, False and None together stay objects, as in MLflow
    if values.dtype.kind != "b":
        raise _refusal(values, DataType.boolean)
    data, missing = _split(values)
    return joined(data.astype(bool), missing, DataType.boolean, nullable=nullable)


def _to_number(values: Values, kind: DataType, *, nullable: bool, round_floats: bool) -> Values:
    if values.dtype == _OBJECT:
        values = _numbers_of(values, kind)
    data, missing = _split(values)
    is_float = kind.dtype.kind == "f"
    if data.dtype.kind in "iu":
        exact = _ints_to_float(data, kind) if is_float else ints_to_ints(data, kind)
    elif data.dtype.kind == "f":
        if not is_float:
            missing = missing | np.isnan(data)
        if is_float:
            exact = _floats_to_float(data, kind, may_round=round_floats)
        else:
            exact = _floats_to_ints(data, missing, kind)
    else:
        raise _refusal(values, kind)
    return joined(exact, missing, kind, nullable=nullable)


def _split(values: Values) -> tuple[NDArray[Any], NDArray[Any]]:
    """The values as a numpy array of their own kind, and a mask of the missing ones among them."""
    if isinstance(values, np.ndarray):
        return values, np.zeros(len(values), dtype=bool)
    missing = np.asarray(values.isna(), dtype=bool)
    plain = getattr(values.dtype, "numpy_dtype", None)
    if plain is None or values.dtype.kind not in "biuf":
        return np.asarray(values, dtype=object), missing
    return np.asarray(cast(Any, values).fillna(plain.type(0))).astype(plain), missing


def joined(data: NDArray[Any], missing: NDArray[Any], kind: DataType, *, nullable: bool) -> Values:
    """``data`` with its missing values: NaN in floats, NA in nullable integers and booleans."""
    if not missing.any():
        return data
    if kind.dtype.kind == "f":
        return np.where(missing, kind.dtype.type(np.nan), data)
    if not nullable:
        row = int(np.argmax(missing))
        raise ValueError(
            f"expected {article(kind)} in every row, row {row} has none; train with missing values"
            " among the data, or declare the column as a double or as optional"
        )
    series = pd.Series(data, dtype=_NULLABLE[kind])
    series[missing] = pd.NA
    return cast(Values, series.array)


def _numbers_of(values: Values, kind: DataType) -> Values:
    """Objects that are numbers or missing, as an array of numbers."""
    missing = np.asarray(pd.isna(values), dtype=bool)
    present = cast(Any, values)[~missing]
    types = set(map(type, present))
    if (
        not missing.any()
        or not all(issubclass(cls, int | np.integer) for cls in types)
        or bool in types
    ):
        if kind is not DataType.double or bool in types or np.bool_ in types:
            raise _refusal(values, kind)
        # Decimals come this way, from Spark.
        try:
            return np.asarray(pd.to_numeric(pd.Series(values)), dtype=float)
        except (ValueError, TypeError):
            raise _refusal(values, kind) from None
    series = pd.Series(np.where(missing, 0, cast(Any, values)).astype("int64"), dtype="Int64")
    series[missing] = pd.NA
    return cast(Values, series.array)


def ints_to_ints(data: NDArray[Any], kind: DataType) -> NDArray[Any]:
    """Integers in the width of ``kind``, if all of them have room in it."""
    limits = np.iinfo(kind.dtype)
    if not np.can_cast(data.dtype, kind.dtype) and len(data):
        low, high = int(data.min()), int(data.max())
        if low < limits.min or high > limits.max:
            worst = high if high > limits.max else low
            raise ValueError(f"expected {article(kind)}, {worst} is out of its range")
    return data.astype(kind.dtype)


def _ints_to_float(data: NDArray[Any], kind: DataType) -> NDArray[Any]:
    converted = data.astype(kind.dtype)
    limit = 2**53 if kind is DataType.double else 2**24  # every integer up to here is exact
    for row in np.flatnonzero((data > limit) | (data < -limit)):
        if int(converted[row]) != int(data[row]):
            raise ValueError(f"expected {article(kind)}, which cannot hold {data[row]} exactly")
    return converted


def _floats_to_float(data: NDArray[Any], kind: DataType, *, may_round: bool) -> NDArray[Any]:
    """Plain Python numbers have no narrower type to come in, so they may be rounded."""
    with np.errstate(over="ignore"):
        converted = data.astype(kind.dtype)
    if np.can_cast(data.dtype, kind.dtype):
        return converted
    changed = (converted.astype(data.dtype) != data) & ~np.isnan(data)
    if may_round:
        changed &= np.isinf(converted)
    if changed.any():
        row = int(np.argmax(changed))
        raise ValueError(
            f"expected {article(kind)} ({kind.dtype}), which cannot hold {data[row]} in row {row}"
            f" exactly; round with .astype('{kind.dtype}') if that is meant"
        )
    return converted


def _floats_to_ints(data: NDArray[Any], missing: NDArray[Any], kind: DataType) -> NDArray[Any]:
    present = np.where(missing, 0.0, data.astype(np.float64))
    limits = np.iinfo(kind.dtype)
    # The largest int64 is no double; the next double above it is out of range.
    fits = (np.floor(present) == present) & (present >= limits.min) & (present < limits.max + 1)
    if not fits.all():
        row = int(np.argmin(fits))
        raise ValueError(f"expected {article(kind)}, row {row} holds {float(present[row])!r}")
    return present.astype(kind.dtype)


def _refusal(values: Values, kind: DataType) -> ValueError:
    return ValueError(f"expected {article(kind)}, got {values.dtype}")


def article(kind: DataType) -> str:
    """``a long``, ``an integer``: how messages name a type."""
    return f"{'an' if kind is DataType.integer else 'a'} {kind.name}"
