"""Inference parameters: what a model can be told beside its data, and the values of a request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from flavorkit.errors import InvalidInputError, SignatureError
from flavorkit.signature.nested import convert_cell
from flavorkit.signature.schema import read_json_list, refuse_duplicates
from flavorkit.signature.types import DataType, Object, TypeLike, as_type, type_from_dict

_INTEGERS = (int, np.integer)
_NUMBERS = (int, float, np.integer, np.floating)


@dataclass(frozen=True, repr=False)
class ParamSpec:
    """One inference parameter: its type, and the value it has when a request does not set it.

    Args:
        shape: None for one value, ``(-1,)`` for a list of values.
    """

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[Literal[-1]] | None = None

    def __init__(
        self, name: str, dtype: TypeLike, default: Any, shape: Sequence[int] | None = None
    ) -> None:
        checked = as_type(dtype)
        if checked is DataType.binary or not isinstance(checked, DataType | Object):
            raise SignatureError(f"the parameter {name!r} cannot be of the type {checked!r}")
        if shape is not None and not _is_list_shape(shape):
            raise SignatureError(f"the shape of the parameter {name!r} must be None or (-1,)")
        object.__setattr__(self, "name", str(name))
        object.__setattr__(self, "dtype", checked)
        object.__setattr__(self, "shape", None if shape is None else (-1,))
        try:
            value = convert(default, checked, is_list=shape is not None)
        except (ValueError, OverflowError) as exc:
            raise SignatureError(f"the default of the parameter {name!r}: {exc}") from None
        object.__setattr__(self, "default", value)

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default}){shape}"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {
            "name": self.name,
            "default": _jsonable(self.default),
            "shape": None if self.shape is None else list(self.shape),
            **self.dtype.to_dict(),
        }


@dataclass(frozen=True, repr=False)
class ParamSchema:
    """The parameters a model takes beside its data."""

    params: tuple[ParamSpec, ...]

    def __init__(self, params: Sequence[ParamSpec]) -> None:
        specs = tuple(params)
        refuse_duplicates([spec.name for spec in specs], "parameter")
        object.__setattr__(self, "params", specs)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)

    def __repr__(self) -> str:
        return repr(list(self.params))

    def to_dict(self) -> list[dict[str, Any]]:
        """The JSON form as plain values."""
        return [spec.to_dict() for spec in self]

    def to_json(self) -> str:
        """The JSON form, as it stands in an MLmodel file."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """The inverse of :meth:`to_json`.

        Raises:
            SignatureError: ``text`` is no such form.
        """
        return cls([_param_from_dict(raw) for raw in read_json_list(text)])


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


def _is_list_shape(shape: Any) -> bool:
    try:
        return tuple(shape) == (-1,)
    except (TypeError, ValueError):  # it is no sequence, or holds arrays
        return False


def _as_mapping(params: Any) -> dict[str, Any]:
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise InvalidInputError(f"params must be an object of names and values, got {params!r}")
    return {str(name): value for name, value in params.items()}


def _name(kind: DataType | Object) -> str:
    return "an object" if isinstance(kind, Object) else f"a {kind.name}"


def _param_from_dict(raw: dict[str, Any]) -> ParamSpec:
    missing = {"name", "default"} - raw.keys()
    if missing:
        raise SignatureError(f"a parameter needs {' and '.join(sorted(missing))}")
    # Before MLflow 2.11 the type stood under "dtype".
    kind = raw.get("type") or raw.get("dtype")
    return ParamSpec(
        raw["name"], type_from_dict({**raw, "type": kind}), raw["default"], raw.get("shape")
    )


def _jsonable(value: Any) -> Any:
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
