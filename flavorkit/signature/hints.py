"""A schema out of type hints: ``list[str]``, dataclasses, pydantic models."""

from __future__ import annotations

import dataclasses
import types
from datetime import date, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from flavorkit.errors import SignatureError
from flavorkit.signature.schema import ColSpec, Schema
from flavorkit.signature.types import AnyType, Array, ColumnType, DataType, Map, Object, Property

_SCALARS: dict[Any, DataType] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    datetime: DataType.datetime,
}
# MLflow's dataclasses know other scalars than its other hints.
_DATACLASS_SCALARS = {**_SCALARS, float: DataType.float, date: DataType.datetime}


def is_hint(value: Any) -> bool:
    """Whether ``value`` is a type to infer from, rather than an example."""
    return (
        isinstance(value, type | types.GenericAlias | types.UnionType)
        or get_origin(value) is not None
        or dataclasses.is_dataclass(value)
    )


def schema_of(hint: Any) -> Schema:
    """The schema that ``hint`` describes: the columns of a dataclass, or the items of a list.

    Raises:
        SignatureError: the hint names a type that no signature has, or an item may be None.
    """
    if dataclasses.is_dataclass(hint):
        return Schema([ColSpec(*found) for found in _fields(hint)])
    if get_origin(hint) is list:
        hint = _item_of(hint)
    kind, required = type_of(hint)
    if not required:
        raise SignatureError("an input without a name cannot be optional; use an object with a key")
    return Schema([ColSpec(kind)])


def type_of(hint: Any) -> tuple[ColumnType, bool]:
    """The type that ``hint`` describes, and whether it must be given.

    Raises:
        SignatureError: it names a type that no signature has.
    """
    if hint is Any:
        return AnyType(), True
    if hint in _SCALARS:
        return _SCALARS[hint], True
    if hasattr(hint, "model_fields") and isinstance(hint, type):
        return _pydantic_type(hint), True
    origin, args = get_origin(hint), get_args(hint)
    if origin is list:
        return Array(type_of(_item_of(hint))[0]), True
    if origin is dict and len(args) == 2:
        if args[0] is not str:
            raise SignatureError(f"the keys of {hint} must be strings")
        return Map(type_of(args[1])[0]), True
    if origin in {Union, types.UnionType}:
        return _union_type(args)
    supported = ", ".join(scalar.__name__ for scalar in _SCALARS)
    raise SignatureError(
        f"the type hint {hint} is of no type that a signature has ({supported}, list[...],"
        " dict[str, ...], pydantic models, dataclasses, Any)"
    )


def _item_of(hint: Any) -> Any:
    args = get_args(hint)
    if len(args) != 1:
        raise SignatureError(f"the type hint {hint} must say what the list holds, as in list[str]")
    return args[0]


def _union_type(args: tuple[Any, ...]) -> tuple[ColumnType, bool]:
    present = [arg for arg in args if arg is not type(None)]
    required = len(present) == len(args)
    if len(present) == 1:
        return type_of(present[0])[0], required
    return AnyType(), required


def _pydantic_type(model: Any) -> Object:
    properties = []
    for name, field in model.model_fields.items():
        kind, required = type_of(field.annotation)
        if not required and field.is_required():
            raise SignatureError(
                f"the field {name!r} of {model.__name__} may be None and needs a default: = None"
            )
        properties.append(Property(name, kind, required))
    return Object(properties)


def _fields(dataclass: Any) -> list[tuple[ColumnType, str, bool]]:
    """The type and the name of each field, and whether it must be given."""
    cls = dataclass if isinstance(dataclass, type) else type(dataclass)
    resolved = get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind, required = _field_type(resolved[field.name])
        found.append((kind, field.name, required))
    return found


def _field_type(hint: Any) -> tuple[ColumnType, bool]:
    if get_origin(hint) in {Union, types.UnionType}:
        present = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(present) != 1:
            raise SignatureError(f"of unions, a dataclass may only have Optional[...], not {hint}")
        return _field_type(present[0])[0], False
    if get_origin(hint) is list:
        return Array(_field_type(_item_of(hint))[0]), True
    if dataclasses.is_dataclass(hint):
        return Object([Property(name, kind, req) for kind, name, req in _fields(hint)]), True
    if hint in _DATACLASS_SCALARS:
        return _DATACLASS_SCALARS[hint], True
    raise SignatureError(f"a field of the type {hint} is of no type that a signature has")
