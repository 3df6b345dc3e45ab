"""Inference parameters: check a value, and all values of a request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from flavorkit.errors import InvalidInputError
from flavorkit.signature.nested import convert_cell
from flavorkit.signature.types import DataType, Object

if TYPE_CHECKING:
    from flavorkit.signature.schema import ParamSchema

_INTEGERS = (int, np.integer)
_NUMBERS = (int, float, np.integer, np.floating)


def enforce(params: Mapping[Any, Any] | None, schema: ParamSchema | None) -> dict[str, Any]:
    """The parameters a model is called with: those of ``params`` it knows, else their defaults.

    Unknown parameters are left out, as in MLflow; :func:`unknown` names them.

    Raises:
        InvalidInputError: ``params`` is not a mapping, or values are of the wrong type. The message
            lists every parameter at fault.
    """
    given = _as_mapping(params)
    if schema is None:
        return {}
    result, problems = {}, []
    for spec in schema:
        if spec.name not in given:
            result[spec.name] = spec.default
            continue
        try:
            value = convert(given[spec.name], spec.dtype, is_list=spec.shape is not None)
            result[spec.name] = value
        except ValueError as exc:
            problems.append(f"parameter {spec.name!r}: {exc}")
    if problems:
        raise InvalidInputError(problems)
    return result


def unknown(params: Mapping[Any, Any] | None, schema: ParamSchema | None) -> list[str]:
    """The names in ``params`` that the model has no use for."""
    known = set() if schema is None else {spec.name for spec in schema}
    return [name for name in _as_mapping(params) if name not in known]


def convert(value: Any, kind: DataType | Object, *, is_list: bool) -> Any:
    """``value`` as a plain Python value of ``kind``; None stays None.

    Raises:
        ValueError: it is of another type; the message says what would be right.
    """
    if is_list:
        if not isinstance(value, list | tuple) and not (
            isinstance(value, np.ndarray) and value.ndim == 1
        ):
            raise ValueError(f"expected a list of {_name(kind)}, got {value!r}")
        return [_convert_one(item, kind) for item in value]
    return _convert_one(value, kind)


def _convert_one(value: Any, kind: DataType | Object) -> Any:
    if value is None:
        return None
    if isinstance(kind, Object):
        convert_cell(value, kind)
        return value
    converted = _convert_scalar(value, kind)
    if converted is None:
        raise ValueError(f"expected {_name(kind)}, got {value!r}")
    return converted


def _convert_scalar(value: Any, kind: DataType) -> Any:
    is_bool = isinstance(value, bool | np.bool_)
    match kind:
        case DataType.boolean:
            return bool(value) if is_bool else None
        case DataType.string:
            return str(value) if isinstance(value, str) else None
        case DataType.datetime:
            return _as_datetime(value)
        case DataType.integer | DataType.long if not is_bool:
            whole = isinstance(value, _INTEGERS) or (
                isinstance(value, float | np.floating) and float(value).is_integer()
            )
            return int(value) if whole else None
        case DataType.float | DataType.double if not is_bool:
            return float(value) if isinstance(value, _NUMBERS) else None
    return None


def _as_datetime(value: Any) -> date | None:
    try:
        moment = np.datetime64(value).item()
    except (ValueError, TypeError):
        return None
    return moment if isinstance(moment, date) else None


def _as_mapping(params: Any) -> dict[str, Any]:
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise InvalidInputError(f"params must be an object of names and values, got {params!r}")
    return {str(name): value for name, value in params.items()}


def _name(kind: DataType | Object) -> str:
    return "an object" if isinstance(kind, Object) else f"a {kind.name}"
