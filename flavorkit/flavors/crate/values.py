"""Values as they go between Python and R over a pipe, exactly.

A value is a tag of one byte and what follows it, all little-endian; ``int`` is an int32:

====  ==========================================================================================
tag   what follows
====  ==========================================================================================
n     nothing: NULL
d     int count, doubles; a missing one is a NaN
i     int count, ints; a missing one is -2**31, as in R
l     as i, for logicals
s     texts: int count, the int length of each in bytes (-1: missing), then all as UTF-8
f     the levels as texts, int count, ints that count the levels from 1
D     as d, days since 1970-01-01
T     as d, seconds since then, in UTC
a     int number of dimensions, an int for each, a value (the names of columns or NULL), a value of
      all elements, the first index running fastest
L     a value (the names or NULL), int count, that many values
F     a frame: int rows, then as L
====  ==========================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from flavorkit.errors import InvalidInputError
from flavorkit.signature.columns import object_array
from flavorkit.signature.containers import repeated, to_frame

_MISSING = -(2**31)
_EXACT = 2**53
# How many seconds from 1970 the times of numpy reach, in nanoseconds and in microseconds.
_LAST_NANOS = 9.2e9
_LAST_MICROS = 9.2e12
_INT = struct.Struct("<i")


def encode(data: Any) -> bytes:
    """The value that stands for ``data``.

    Args:
        data: a frame; an array, which is a vector, matrix or array in R; a list or one scalar,
            which are vectors; a dict, which is a list with names; None.

    Raises:
        InvalidInputError: there is something in it that R has no type for.
    """
    if isinstance(data, Mapping):
        return b"L" + _listed([str(name) for name in data], list(map(encode, data.values())))
    if data is None:
        return b"n"
    if isinstance(data, pd.DataFrame):
        columns = [
            _column(data.iloc[:, position], f"column {name!r}: ")
            for position, name in enumerate(data.columns)
        ]
        return b"F" + _INT.pack(len(data)) + _listed(list(map(str, data.columns)), columns)
    if isinstance(data, np.ndarray) and data.ndim > 1:
        elements = _column(pd.Series(data.ravel(order="F")), "")
        dims = struct.pack(f"<{data.ndim}i", *data.shape)
        return b"a" + _INT.pack(data.ndim) + dims + b"n" + elements
    values = data if isinstance(data, list | tuple | np.ndarray | pd.Series) else [data]
    return _column(pd.Series(values), "")


def decode(body: bytes, offset: int = 0) -> Any:
    """The value at ``offset`` of what R has sent.

    Returns:
        A frame for a data frame or a matrix with names of columns, an array for another matrix or a
        vector, a dict or list for a list, None for NULL. Missing values are NaN, NaT or None;
        integers and booleans with some are nullable in a frame, floats and objects elsewhere.
    """
    return _Decoder(body, offset).value()


def _listed(names: list[str], parts: list[bytes]) -> bytes:
    head = b"s" + _texts(list(names), "") if names else b"n"
    return head + _INT.pack(len(parts)) + b"".join(parts)


def _column(series: pd.Series[Any], where: str) -> bytes:
    missing = series.isna().to_numpy(bool)
    kind = infer_dtype(series, skipna=True)
    present = series[~missing]
    match kind:
        case "empty":
            return b"l" + _ints(np.full(len(series), _MISSING))
        case "boolean":
            return b"l" + _ints(_scattered(missing, present.to_numpy(bool)))
        case "integer":
            return _integers(missing, present, where)
        case "floating" | "mixed-integer-float":
            return b"d" + _doubles(series.to_numpy(np.float64, na_value=np.nan))
        case "string":
            return b"s" + _texts(series.astype(object).where(~missing, None).tolist(), where)
        case "categorical":
            levels = series.cat.categories.astype(str).tolist()
            codes = np.where(missing, _MISSING, series.cat.codes.to_numpy(np.int64) + 1)
            return b"f" + _texts(levels, where) + _ints(codes)
        case "date":
            moments = pd.to_datetime(series).to_numpy("datetime64[D]")
            return b"D" + _doubles(_since_1970(moments, 1))
        case "datetime" | "datetime64":
            moments = pd.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy()
            # Finer than that R's doubles are not, and nanoseconds end in the year 2262.
            return b"T" + _doubles(_since_1970(moments.astype("datetime64[us]"), 10**6))
    raise InvalidInputError(f"{where}R has no type for values of the kind {kind!r}")


def _integers(missing: NDArray[np.bool_], present: pd.Series[Any], where: str) -> bytes:
    """As R's readers have them: integers if all fit, else doubles."""
    try:
        values = present.to_numpy(np.int64)
    except OverflowError:
        values = np.array([2**62])
    # np.abs overflows for the least int64.
    largest = max(int(values.max()), -int(values.min())) if len(values) else 0
    if largest > _EXACT:
        raise InvalidInputError(f"{where}R has no integers beyond 2**53, send them as text")
    if largest < -_MISSING:
        return b"i" + _ints(_scattered(missing, values))
    doubles = np.full(len(missing), np.nan)
    doubles[~missing] = values
    return b"d" + _doubles(doubles)


def _scattered(missing: NDArray[np.bool_], present: NDArray[Any]) -> NDArray[np.int64]:
    values = np.full(len(missing), _MISSING, np.int64)
    values[~missing] = present
    return values


def _since_1970(moments: NDArray[np.datetime64], units: int) -> NDArray[np.float64]:
    counts = moments.astype(np.int64) / units
    counts[np.isnat(moments)] = np.nan
    return counts


def _ints(values: NDArray[Any]) -> bytes:
    return _INT.pack(len(values)) + values.astype("<i4").tobytes()


def _doubles(values: NDArray[Any]) -> bytes:
    return _INT.pack(len(values)) + values.astype("<f8").tobytes()


def _texts(values: list[str | None], where: str) -> bytes:
    try:
        parts = [None if text is None else text.encode() for text in values]
    except UnicodeEncodeError as exc:
        raise InvalidInputError(f"{where}a text is no valid Unicode: {exc.reason}") from None
    if any(part is not None and b"\0" in part for part in parts):
        raise InvalidInputError(f"{where}R has no texts with a character of code 0")
    sizes = np.array([-1 if part is None else len(part) for part in parts], np.int64)
    return _ints(sizes) + b"".join(part for part in parts if part)


class _Decoder:
    """Reads one value after the other."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body, self._offset = body, offset

    def value(self, *, in_frame: bool = False) -> Any:
        tag = self._body[self._offset : self._offset + 1]
        self._offset += 1
        match tag:
            case b"n":
                return None
            case b"d":
                return self._doubles()
            case b"i" | b"l":
                return self._with_missing(is_logical=tag == b"l", in_frame=in_frame)
            case b"s":
                return object_array(self._texts())
            case b"D":
                return self._moments(86_400)
            case b"T":
                return self._moments(1)
            case b"a":
                return self._array()
            case b"L":
                return self._list()
            case b"F":
                return self._frame()
        raise ValueError(f"no value begins with {tag!r}")

    def _taken(self, dtype: str, count: int) -> NDArray[Any]:
        found = np.frombuffer(self._body, dtype, count, self._offset)
        self._offset += found.nbytes
        return found

    def _int(self) -> int:
        return int(self._taken("<i4", 1)[0])

    def _doubles(self) -> NDArray[np.float64]:
        found = self._taken("<f8", self._int()).astype(np.float64)
        found[np.isnan(found)] = np.nan  # R's NA is a NaN that warns when it is calculated with
        return found

    def _texts(self) -> list[str | None]:
        sizes = self._taken("<i4", self._int()).tolist()
        texts: list[str | None] = []
        for size in sizes:
            end = self._offset + max(size, 0)
            text = self._body[self._offset : end].decode()
            texts.append(None if size < 0 else text)
            self._offset = end
        return texts

    def _with_missing(self, *, is_logical: bool, in_frame: bool) -> Any:
        values = self._taken("<i4", self._int()).astype(np.int32)
        missing = values == _MISSING
        known = values.astype(bool) if is_logical else values
        if not missing.any():
            return known
        if in_frame:
            kind: Any = pd.arrays.BooleanArray if is_logical else pd.arrays.IntegerArray
            return kind(known, missing)
        found = known.astype(object if is_logical else np.float64)
        found[missing] = None if is_logical else np.nan
        return found

    def _moments(self, seconds: int) -> NDArray[np.datetime64]:
        counts = self._doubles() * seconds
        if (np.abs(counts) > _LAST_MICROS).any():
            raise ValueError("a date is infinite, or beyond those that numpy has")
        missing = np.isnan(counts)
        micros = np.round(np.where(missing, 0, counts) * 1e6).astype("datetime64[us]")
        micros[missing] = np.datetime64("NaT")
        fits = not (np.abs(counts) > _LAST_NANOS).any()
        return micros.astype("datetime64[ns]") if fits else micros

    def _array(self) -> Any:
        dims = self._taken("<i4", self._int()).tolist()
        names = self.value()
        elements = np.asarray(self.value()).reshape(dims, order="F")
        return elements if names is None else pd.DataFrame(elements, columns=list(names))

    def _list(self) -> Any:
        names = self.value()
        items = [self.value() for _ in range(self._int())]
        if names is not None:
            if twice := repeated(names):
                raise ValueError(f"the list has more than one item named {twice[0]!r}")
            return dict(zip(names, items, strict=True))
        return [_plain(item) for item in items]

    def _frame(self) -> pd.DataFrame:
        rows = self._int()
        names = self.value()
        columns = [self.value(in_frame=True) for _ in range(self._int())]
        if not columns:
            return pd.DataFrame(index=range(rows))
        if twice := repeated(names):
            raise ValueError(f"the data frame has more than one column named {twice[0]!r}")
        for column in columns:
            if np.ndim(column) != 1 and not isinstance(column, list):
                raise ValueError("a column of the data frame is itself a table")
        return to_frame(
            {
                str(name): object_array(column) if isinstance(column, list) else column
                for name, column in zip(names, columns, strict=True)
            }
        )


def _plain(value: Any) -> Any:
    """An item of a list without names: one value for what has the length one."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value[0] if len(value) == 1 else value.tolist()
    return value
