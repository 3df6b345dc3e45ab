"""One column of JSON values: text stands for bytes and dates, null for a missing value."""

from __future__ import annotations

import binascii
import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.signature.columns import (
    Values,
    article,
    ints_to_ints,
    joined,
    object_array,
    to_datetime,
    values_of,
)
from flavorkit.signature.types import DataType

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def convert(values: list[Any], kind: DataType, *, nullable: bool = False) -> Values:
    """A column of ``kind`` out of JSON values, where text stands for bytes and dates.

    For floats and doubles, numbers are rounded to the precision of ``kind``, as decimal numbers
    are; for integers and longs nothing is.

    Args:
        values: one JSON value for each row.
        kind: the type the column must have.
        nullable: whether integers and booleans may be null.

    Raises:
        ValueError: a value does not fit; the message names the first.
    """
    types = set(map(type, values))
    match kind:
        case DataType.string:
            return object_array(values)
        case DataType.binary:
            return object_array([_decode_base64(row, value) for row, value in enumerate(values)])
        case DataType.datetime:
            return _datetimes_from_wire(values, types)
        case DataType.boolean:
            return _booleans_from_wire(values, types, nullable=nullable)
        case DataType.float | DataType.double:
            return _floats_from_wire(values, types, kind)
    return _integers_from_wire(values, types, kind, nullable=nullable)


def _floats_from_wire(values: list[Any], types: set[type], kind: DataType) -> Values:
    if not types <= {float, int, str, type(None)}:
        raise _first_misfit(values, (float, int, str, type(None)), kind)
    if str in types:
        _check_texts(values, _NUMBER, kind)
    try:
        array = np.array(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise _first_unreadable(values, float, kind) from None
    return array if kind is DataType.double else narrowed(array)


def narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Doubles rounded to 32 bits.

    Raises:
        ValueError: one is beyond the range of 32 bits.
    """
    with np.errstate(over="ignore"):
        narrow: NDArray[Any] = array.astype(np.float32)
    beyond = np.isinf(narrow) & ~np.isinf(array)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise ValueError(f"expected a float (32 bits), {array[row]} in row {row} is out of range")
    return narrow


def _integers_from_wire(
    values: list[Any], types: set[type], kind: DataType, *, nullable: bool
) -> Values:
    if types == {int}:
        return _int_array(values, kind)
    if not types <= {float, int, str, type(None)}:
        raise _first_misfit(values, (float, int, str, type(None)), kind)
    if str in types:
        _check_texts(values, _INTEGER, kind)
    missing = np.array([value is None for value in values], dtype=bool)
    whole = [0 if value is None else _whole(row, value, kind) for row, value in enumerate(values)]
    return joined(np.asarray(_int_array(whole, kind)), missing, kind, nullable=nullable)


def _int_array(values: list[int], kind: DataType) -> NDArray[Any]:
    try:
        return ints_to_ints(np.array(values, dtype=np.int64), kind)
    except OverflowError:
        limits = np.iinfo(kind.dtype)
        worst = next(value for value in values if not limits.min <= value <= limits.max)
        raise ValueError(f"expected {article(kind)}, {worst} is out of its range") from None


def _whole(row: int, value: float | str, kind: DataType) -> int:
    try:
        whole = int(value)
    except (ValueError, OverflowError):
        whole = None
    if whole is None or (isinstance(value, float) and whole != value):
        raise ValueError(f"expected {article(kind)}, row {row} holds {value!r}")
    return whole


def _booleans_from_wire(values: list[Any], types: set[type], *, nullable: bool) -> Values:
    if types == {bool}:
        return np.array(values, dtype=bool)
    for row, value in enumerate(values):
        if (
            value is not None
            and type(value) is not bool
            and not (type(value) is int and value in {0, 1})
        ):
            raise ValueError(f"expected true or false, row {row} holds {value!r}")
    missing = np.array([value is None for value in values], dtype=bool)
    return joined(
        np.array([bool(v) for v in values], dtype=bool),
        missing,
        DataType.boolean,
        nullable=nullable,
    )


def _datetimes_from_wire(values: list[Any], types: set[type]) -> Values:
    present = types - {type(None)}
    if present - {str} and present != {int}:
        raise _first_misfit(values, (str, type(None)), DataType.datetime)
    try:
        parsed = _from_nanoseconds(values) if present == {int} else _parse_dates(values)
    except (ValueError, TypeError, OverflowError) as exc:
        reason = str(exc).partition(". You might")[0]
        raise ValueError(f"expected a datetime such as '2026-01-31T12:00:00': {reason}") from None
    if getattr(parsed.dtype, "tz", None) is not None:
        raise ValueError("expected a datetime without a time zone, such as '2026-01-31T12:00:00'")
    return to_datetime(values_of(parsed))


def _from_nanoseconds(values: list[int | None]) -> pd.Series[Any]:
    """Numbers count nanoseconds since 1970, as MLflow reads them."""
    return pd.Series(pd.to_datetime(pd.Series(values, dtype="Int64"), unit="ns"))


def _parse_dates(values: list[str | None]) -> pd.Series[Any]:
    """ISO 8601 in any precision; else whatever one format pandas finds in the first of them."""
    texts = pd.Series(values, dtype=object)
    try:
        return pd.Series(pd.to_datetime(texts, format="ISO8601"))
    except (ValueError, TypeError):
        return pd.Series(pd.to_datetime(texts))


def _check_texts(values: list[Any], pattern: re.Pattern[str], kind: DataType) -> None:
    """Numbers may come as text, written as JSON writes them; no NaN, no 1_000."""
    for row, value in enumerate(values):
        if isinstance(value, str) and not pattern.fullmatch(value.strip()):
            raise ValueError(f"expected {article(kind)}, row {row} holds {_shortened(value)}")


def _decode_base64(row: int, value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return binascii.a2b_base64("".join(value.split()), strict_mode=True)
        except (binascii.Error, ValueError):
            pass
    raise ValueError(f"expected bytes as base64 text, row {row} holds {_shortened(value)}")


def _first_misfit(values: list[Any], allowed: tuple[type, ...], kind: DataType) -> ValueError:
    row = next(row for row, value in enumerate(values) if type(value) not in allowed)
    return ValueError(f"expected {article(kind)}, row {row} holds {_shortened(values[row])}")


def _first_unreadable(values: list[Any], read: type, kind: DataType) -> ValueError:
    for row, value in enumerate(values):
        try:
            read(0 if value is None else value)
        except (ValueError, OverflowError):
            return ValueError(f"expected {article(kind)}, row {row} holds {_shortened(value)}")
    return ValueError(f"expected {article(kind)}")


def _shortened(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        return "a value that is nested too deep"
    return text if len(text) <= 60 else text[:57] + "..."
