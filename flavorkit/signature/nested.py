"""Cells that hold lists and objects: check one cell against its type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.signature import columns, wire
from flavorkit.signature.types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    SparkMLVector,
)


def convert_cell(
    value: Any, kind: ColumnType, *, required: bool = True, from_json: bool = False
) -> Any:
    """``value`` as ``kind`` describes it; lists stay lists, arrays stay arrays.

    Args:
        value: the content of one cell.
        kind: the type it must have.
        required: whether a missing value is refused.
        from_json: whether the value came as JSON, where text stands for bytes and dates.

    Raises:
        ValueError: it does not fit; the message says where in the cell, and what would be right.
    """
    if isinstance(kind, AnyType):
        return value
    if not required and columns.is_missing(value):
        return None
    match kind:
        case DataType():
            return _scalar(value, kind, from_json=from_json)
        case Array():
            return _array(value, kind.dtype, required=required, from_json=from_json)
        case SparkMLVector():
            return _array(value, DataType.double, required=required, from_json=from_json)
        case Map():
            return _map(value, kind, required=required, from_json=from_json)
        case Object():
            return _object(value, kind, from_json=from_json)


def _scalar(value: Any, kind: DataType, *, from_json: bool) -> Any:
    if value is None:
        raise ValueError(f"expected a {kind.name}, got a missing value")
    if not (np.isscalar(value) or columns.is_date(value)):
        raise ValueError(f"expected a {kind.name}, got {_name(value)}")
    return _convert_values([value], kind, from_json=from_json)[0]


def _array(value: Any, item: ColumnType, *, required: bool, from_json: bool) -> Any:
    if isinstance(item, AnyType) and value is None:
        return None
    if not isinstance(value, list | tuple | np.ndarray):
        raise ValueError(f"expected a list, got {_name(value)}")
    if len(value) == 0:
        return value
    if isinstance(item, DataType):
        converted = _convert_values(value, item, from_json=from_json)
        if isinstance(value, np.ndarray):
            return converted
        # In nanoseconds, tolist() would make numbers of them.
        dated = converted.dtype.kind == "M"
        return list(pd.DatetimeIndex(converted) if dated else converted.tolist())
    cells = []
    for position, cell in enumerate(value):
        try:
            cells.append(convert_cell(cell, item, required=required, from_json=from_json))
        except ValueError as exc:
            raise ValueError(f"at [{position}]: {exc}") from None
    return np.array(cells) if isinstance(value, np.ndarray) else cells


def _map(value: Any, kind: Map, *, required: bool, from_json: bool) -> Any:
    if isinstance(kind.value_type, AnyType) and value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {_name(value)}")
    if not all(isinstance(key, str) for key in value):
        raise ValueError("the keys of an object must be strings")
    return {
        key: _at(key, cell, kind.value_type, required=required, from_json=from_json)
        for key, cell in value.items()
    }


def _object(value: Any, kind: Object, *, from_json: bool) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {_name(value)}")
    known = {prop.name: prop for prop in kind.properties}
    missing = [name for name, prop in known.items() if prop.required and name not in value]
    unknown = [key for key in value if key not in known]
    if missing:
        raise ValueError(f"the keys {missing} are missing")
    if unknown:
        raise ValueError(f"the keys {unknown} are not in the signature (it has {list(known)})")
    return {
        key: _at(key, cell, known[key].dtype, required=known[key].required, from_json=from_json)
        for key, cell in value.items()
    }


def _at(key: str, cell: Any, kind: ColumnType, *, required: bool, from_json: bool) -> Any:
    try:
        return convert_cell(cell, kind, required=required, from_json=from_json)
    except ValueError as exc:
        raise ValueError(f"at {key!r}: {exc}") from None


def _convert_values(values: Any, kind: DataType, *, from_json: bool) -> NDArray[Any]:
    if from_json and not isinstance(values, np.ndarray):
        return np.asarray(wire.convert(list(values), kind))
    array = values if isinstance(values, np.ndarray) else columns.object_array(values)
    return np.asarray(columns.convert(array, kind))


def _name(value: Any) -> str:
    return "a missing value" if value is None else f"a {type(value).__name__}"
