"""A signature out of examples of what goes in and what comes out.

The rules, and the JSON they lead to, are MLflow's; polars frames and Arrow tables give what the
same data in a pandas frame gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from copy import deepcopy
from datetime import date, datetime
from functools import reduce
from typing import Any, cast

import numpy as np
import pandas as pd

from flavorkit.errors import SignatureError
from flavorkit.signature import containers, hints
from flavorkit.signature.columns import Values, is_missing, values_of
from flavorkit.signature.model_signature import ModelSignature
from flavorkit.signature.params import ParamSchema, ParamSpec
from flavorkit.signature.schema import ColSpec, Schema, TensorSpec
from flavorkit.signature.types import AnyType, Array, ColumnType, DataType, Object, Property, merge

_SCALARS: dict[type, DataType] = {
    bool: DataType.boolean,
    np.bool_: DataType.boolean,
    int: DataType.long,
    np.int64: DataType.long,
    np.int32: DataType.integer,
    float: DataType.double,
    np.float64: DataType.double,
    np.float32: DataType.float,
    str: DataType.string,
    np.str_: DataType.string,
    bytes: DataType.binary,
    np.bytes_: DataType.binary,
    bytearray: DataType.binary,
    date: DataType.datetime,
    datetime: DataType.datetime,
    np.datetime64: DataType.datetime,
    pd.Timestamp: DataType.datetime,
}


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of a model that takes ``model_input`` and gives ``model_output``.

    Args:
        model_input: an example of the data (a frame, an Arrow table, an array, a sparse matrix, a
            dict of arrays, a list of dicts, a list, one value), or a type hint such as
            ``list[str]`` or a dataclass. Columns with missing values become optional.
        model_output: an example of the predictions, in the same forms.
        params: the inference parameters with their defaults.

    Raises:
        SignatureError: nothing was given, or a parameter is of no supported type.

    A type that no signature can express makes its part ``any``, with a warning; it is then not
    checked.
    """
    return ModelSignature(
        inputs=None if model_input is None else _schema_or_any(model_input, "input"),
        outputs=None if model_output is None else _schema_or_any(model_output, "output"),
        params=infer_params(params) if params else None,
    )


def infer_from_example(
    example: Any, prediction: Any, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of a model that answered ``example`` with ``prediction``.

    Unlike :func:`infer_signature` it takes a 1-d array for a column of predictions, one for each
    row, when the input has columns, as MLflow does when it saves a model with an example.
    """
    signature = infer_signature(example, None, params)
    assert signature.inputs is not None
    is_column = isinstance(prediction, np.ndarray) and prediction.ndim == 1
    if is_column and not signature.inputs.is_tensor_spec():
        prediction = pd.Series(prediction)
    outputs = None if prediction is None else _schema_or_any(prediction, "output")
    return ModelSignature(signature.inputs, outputs, signature.params)


def infer_schema(data: Any) -> Schema:
    """The schema of one example.

    Raises:
        SignatureError: it has a type that no schema can express, or no columns that can be told
            apart.
    """
    if hints.is_hint(data):
        return hints.schema_of(data)
    data = containers.without_tensors(data)
    match containers.kind_of(data):
        case "array":
            return Schema([_tensor(data)])
        case "sparse":
            return Schema([_tensor(data)])
        case "dict":
            return _infer_dict(data)
        case "list" if not data:
            return Schema([ColSpec(DataType.string)])  # what MLflow before 2.9 made of it
        case "list" if all(isinstance(row, Mapping) for row in data):
            return _infer_records(data)
        case "list":
            return Schema([ColSpec(_common_type(data))])
        case "scalar":
            return Schema([ColSpec(infer_type(data))])
        case "series":
            return Schema([_infer_column(values_of(data), cast(Any, data.name))])
        case "unknown":
            raise SignatureError(f"a {type(data).__name__} has no schema")
    try:
        columns = containers.columns_of(data)
    except ValueError as exc:
        raise SignatureError(str(exc)) from None
    return Schema([_infer_column(values, name) for name, values in columns.items()])


def infer_params(params: Mapping[str, Any]) -> ParamSchema:
    """The schema of ``params``, whose values become the defaults.

    Raises:
        SignatureError: a value is of no supported type; the message names all of them.
    """
    specs, problems = [], []
    for name, value in params.items():
        try:
            kind, shape = _infer_param(value)
            specs.append(ParamSpec(name, kind, deepcopy(value), shape))
        except SignatureError as exc:
            problems.append(f"{name!r}: {exc}")
    if problems:
        raise SignatureError(f"parameters: {'; '.join(problems)}")
    return ParamSchema(specs)


def infer_type(value: Any) -> ColumnType:
    """The type of one value; an empty one could be of any.

    Raises:
        SignatureError: no type describes it.
    """
    if is_missing(value) or (isinstance(value, list | dict) and not value):
        return AnyType()
    if isinstance(value, Mapping):
        return Object([_infer_property(name, item) for name, item in value.items()])
    if isinstance(value, list | np.ndarray):
        return Array(_common_type(value))
    kind = _SCALARS.get(type(value))
    if kind is None:
        raise SignatureError(f"a {type(value).__name__} is of no type that a signature has")
    return kind


def _schema_or_any(data: Any, what: str) -> Schema:
    try:
        return infer_schema(data)
    except SignatureError as exc:
        warnings.warn(
            f"the {what} has a type that no signature can express ({exc}); it is declared as any,"
            " and will not be checked",
            stacklevel=3,
        )
        return Schema([ColSpec(AnyType())])


def _tensor(array: Any, name: str | None = None) -> TensorSpec:
    if not array.shape:
        raise SignatureError("an array without dimensions is no tensor")
    kind = array.dtype.kind
    dtype: np.dtype[Any] = np.dtype({"U": "str", "S": "bytes"}.get(kind, array.dtype))
    return TensorSpec(dtype, (-1, *array.shape[1:]), name)


def _infer_dict(data: Mapping[Any, Any]) -> Schema:
    if not all(isinstance(name, str) for name in data):
        raise SignatureError("the keys of a dict must be strings")
    if data and all(isinstance(value, np.ndarray) for value in data.values()):
        return Schema([_tensor(value, name) for name, value in data.items()])
    return Schema(
        [ColSpec(infer_type(value), name, _is_present(value)) for name, value in data.items()]
    )


def _is_present(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return not any(is_missing(item) for item in values)


def _infer_records(rows: list[Mapping[str, Any]]) -> Schema:
    names = dict.fromkeys(name for row in rows for name in row)
    return Schema(
        [
            ColSpec(
                _common_type([row[name] for row in rows if name in row]),
                name,
                all(row.get(name) is not None for row in rows),
            )
            for name in names
        ]
    )


def _infer_column(values: Values, name: Hashable) -> ColSpec:
    missing = bool(np.asarray(pd.isna(values)).any())
    return ColSpec(_column_type(values), cast(Any, name), not missing)


def _column_type(values: Values) -> ColumnType:
    if values.dtype.kind == "O":
        narrowed = pd.Series(values, copy=False).infer_objects()
        if narrowed.dtype.kind == "O":
            return _object_column_type(narrowed)
        values = values_of(narrowed)
    return _dtype_type(values.dtype)


def _object_column_type(column: pd.Series[Any]) -> ColumnType:
    try:
        return _common_type(column.tolist())
    except SignatureError:
        if pd.api.types.is_string_dtype(column):
            return DataType.string
        raise


def _dtype_type(dtype: Any) -> DataType:
    kind, size = dtype.kind, dtype.itemsize
    match kind:
        case "b":
            return DataType.boolean
        case "i":
            return DataType.integer if size <= 4 else DataType.long
        case "u" if size < 8:
            return DataType.integer if size < 4 else DataType.long
        case "f" if size <= 8:
            return DataType.float if size <= 4 else DataType.double
        case "U":
            return DataType.string
        case "S":
            return DataType.binary
        case "M":
            return DataType.datetime
    raise SignatureError(f"the dtype {dtype} is of no type that a signature has")


def _common_type(values: Any) -> ColumnType:
    """The one type of all values."""
    types = [infer_type(value) for value in values if not _is_undecided(value)]
    if not types:
        raise SignatureError("an empty array has no type")
    return reduce(merge, types)


def _is_undecided(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size == 0


def _infer_property(name: Any, value: Any) -> Property:
    kind = infer_type(value)
    return Property(name, kind, not isinstance(kind, AnyType))


def _infer_param(value: Any) -> tuple[ColumnType, tuple[int] | None]:
    if isinstance(value, Mapping):
        return infer_type(value), None
    if isinstance(value, list | tuple | np.ndarray):
        array = np.array(value)
        if array.ndim != 1:
            raise SignatureError(f"expected one value or a list, got {array.ndim} dimensions")
        if len(value) and all(isinstance(item, date | np.datetime64) for item in value):
            return DataType.datetime, (-1,)
        return _dtype_type(array.dtype), (-1,)
    if isinstance(value, date | np.datetime64):
        return DataType.datetime, None
    if np.isscalar(value):
        return _dtype_type(np.array(value).dtype), None
    raise SignatureError(f"expected one value or a list, got a {type(value).__name__}")
