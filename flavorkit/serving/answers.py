"""Predictions and errors as JSON, strictly: a NaN is null, never the bare word."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, time
from typing import Any

import numpy as np
import orjson
import pandas as pd

from flavorkit.errors import FlavorkitError
from flavorkit.signature.columns import is_missing
from flavorkit.signature.containers import frame_of, kind_of

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def encode(predictions: Any, *, is_bare: bool = False) -> bytes:
    """The answer that holds ``predictions``: ``{"predictions": ...}``, or the list alone.

    A frame becomes a list of records, a series a list of records of one key, an array nested lists,
    bytes base64, dates ISO 8601.

    Raises:
        TypeError: they hold something that JSON has no form for.
    """
    value = _jsonable(predictions)
    return orjson.dumps(value if is_bare else {"predictions": value}, _plain, _OPTIONS)


def encode_error(error: FlavorkitError, **more: Any) -> bytes:
    """The one shape that every error has over HTTP."""
    content = {"error_code": error.error_code, "message": error.message, **more}
    # Messages quote what was sent, which may not be valid Unicode.
    content["message"] = str(content["message"]).encode("utf-8", "replace").decode()
    return orjson.dumps(content)


def _jsonable(predictions: Any) -> Any:
    if isinstance(predictions, np.ndarray):
        return _array(predictions)
    if isinstance(predictions, pd.DataFrame):
        return _records(predictions)
    if isinstance(predictions, pd.Series):
        return _records(predictions.to_frame())
    if kind_of(predictions) in {"polars", "arrow"}:
        return _records(frame_of(predictions))
    if hasattr(predictions, "toarray"):
        return _array(predictions.toarray())
    if isinstance(predictions, Mapping):
        return {key: _jsonable(value) for key, value in predictions.items()}
    return predictions


def _array(array: np.ndarray[Any, Any]) -> Any:
    if array.ndim == 0:
        return array.item()
    match array.dtype.kind:
        case "f" if array.dtype.itemsize < 8:
            # As doubles, the digits are those that a client sees who reads them into doubles.
            return np.ascontiguousarray(array, dtype=np.float64)
        case "b" | "i" | "u" | "f" if array.dtype.isnative and array.dtype.itemsize <= 8:
            return np.ascontiguousarray(array)
    return array.tolist()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    columns = [frame.iloc[:, position].tolist() for position in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    """What orjson does not know."""
    if is_missing(value):
        return None
    if isinstance(value, np.ndarray | pd.DataFrame | pd.Series):
        return _jsonable(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
