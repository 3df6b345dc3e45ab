"""The types of columns and parameters, and their JSON form.

The names, the arguments and the JSON are MLflow's (``mlflow.types``), so that a signature written
by either reads the same in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any, Union

import numpy as np

from flavorkit.errors import SignatureError

MAX_DEPTH = 32


class DataType(Enum):
    """The type of one scalar. The value is its name in JSON."""

    boolean = "boolean"
    integer = "integer"  # 32 bits
    long = "long"  # 64 bits
    float = "float"  # 32 bits
    double = "double"  # 64 bits
    string = "string"
    binary = "binary"
    datetime = "datetime"  # nanoseconds, without a time zone

    def __repr__(self) -> str:
        return self.name

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy dtype that holds a column of this type without missing values."""
        return _DTYPES[self]

    def to_numpy(self) -> np.dtype[Any]:
        """The same as :attr:`dtype`, under the name it has in MLflow."""
        return _DTYPES[self]

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form: ``{"type": "long"}``."""
        return {"type": self.name}


_DTYPES: dict[DataType, np.dtype[Any]] = {
    DataType.boolean: np.dtype("bool"),
    DataType.integer: np.dtype("int32"),
    DataType.long: np.dtype("int64"),
    DataType.float: np.dtype("float32"),
    DataType.double: np.dtype("float64"),
    DataType.string: np.dtype("str"),
    DataType.binary: np.dtype("bytes"),
    DataType.datetime: np.dtype("datetime64[ns]"),
}

# Written by hand, types may be named: Array("string").
TypeLike = Union["ColumnType", str]


@dataclass(frozen=True)
class AnyType:
    """Any value that JSON can hold; it is not checked."""

    def __repr__(self) -> str:
        return "Any"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"type": "any"}


@dataclass(frozen=True, repr=False)
class Array:
    """A list of values of one type in each cell."""

    dtype: ColumnType

    def __init__(self, dtype: TypeLike) -> None:
        object.__setattr__(self, "dtype", as_type(dtype))

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"type": "array", "items": self.dtype.to_dict()}


@dataclass(frozen=True)
class SparkMLVector:
    """A vector of Spark ML; elsewhere a list of doubles."""

    def __repr__(self) -> str:
        return "SparkML vector"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"type": "sparkml_vector"}


@dataclass(frozen=True, repr=False)
class Map:
    """A JSON object with any keys, whose values are of one type."""

    value_type: ColumnType

    def __init__(self, value_type: TypeLike) -> None:
        object.__setattr__(self, "value_type", as_type(value_type))

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"type": "map", "values": self.value_type.to_dict()}


@dataclass(frozen=True, repr=False)
class Property:
    """One key of an :class:`Object`."""

    name: str
    dtype: ColumnType
    required: bool = True

    def __init__(self, name: str, dtype: TypeLike, required: bool = True) -> None:
        if not isinstance(name, str):
            raise SignatureError(f"the name of a property must be a string, got {name!r}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "dtype", as_type(dtype))
        object.__setattr__(self, "required", required)

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"


@dataclass(frozen=True, repr=False)
class Object:
    """A JSON object with known keys; ``properties`` are kept in the order of their names."""

    properties: tuple[Property, ...]

    def __init__(self, properties: list[Property] | tuple[Property, ...]) -> None:
        if not properties:
            raise SignatureError("an object type needs at least one property")
        ordered = tuple(sorted(properties, key=lambda prop: prop.name))
        for one, other in pairwise(ordered):
            if one.name == other.name:
                raise SignatureError(f"the property {one.name!r} stands twice in an object type")
        object.__setattr__(self, "properties", ordered)

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        return {
            "type": "object",
            "properties": {
                prop.name: {**prop.dtype.to_dict(), "required": prop.required}
                for prop in self.properties
            },
        }


ColumnType = DataType | Array | Object | Map | AnyType | SparkMLVector


def as_type(value: TypeLike) -> ColumnType:
    """``value``, or the scalar type that it names.

    Raises:
        SignatureError: no such type.
    """
    if isinstance(value, str):
        try:
            return DataType[value]
        except KeyError:
            known = ", ".join(DataType.__members__)
            raise SignatureError(f"no type is named {value!r} (scalar types: {known})") from None
    if not isinstance(value, ColumnType):
        raise SignatureError(f"expected a type, got {type(value).__name__}")
    return value


def type_from_dict(raw: Any, *, depth: int = 0) -> ColumnType:
    """The type whose JSON form is ``raw``; keys that do not belong to a type are ignored.

    Raises:
        SignatureError: ``raw`` is no such form.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("type"), str):
        raise SignatureError(f'expected an object with a "type", got {_shortened(raw)}')
    if depth > MAX_DEPTH:
        raise SignatureError(f"types are nested deeper than {MAX_DEPTH} levels")
    match raw["type"]:
        case "array":
            return Array(type_from_dict(raw.get("items"), depth=depth + 1))
        case "map":
            return Map(type_from_dict(raw.get("values"), depth=depth + 1))
        case "object":
            properties = raw.get("properties")
            if not isinstance(properties, Mapping):
                raise SignatureError('an object type needs "properties"')
            return Object(
                [
                    Property(
                        name, type_from_dict(prop, depth=depth + 1), prop.get("required", True)
                    )
                    for name, prop in properties.items()
                ]
            )
        case "any":
            return AnyType()
        case "sparkml_vector":
            return SparkMLVector()
        case name:
            return as_type(name)


def merge(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type of a column that holds values of both types.

    Keys that only some objects have become optional, and a type that was inferred from a missing
    value gives way to the other.

    Raises:
        SignatureError: the two have nothing in common.
    """
    if one == other:
        return one
    if isinstance(one, AnyType):
        one, other = other, one
    if isinstance(other, AnyType):
        if isinstance(one, Object):
            return Object([Property(prop.name, prop.dtype, False) for prop in one.properties])
        return one
    match one, other:
        case Array(), Array():
            return Array(merge(one.dtype, other.dtype))
        case Map(), Map():
            return Map(merge(one.value_type, other.value_type))
        case Object(), Object():
            return _merge_objects(one, other)
    raise SignatureError(f"values of the types {one!r} and {other!r} stand in one place")


def _merge_objects(one: Object, other: Object) -> Object:
    left = {prop.name: prop for prop in one.properties}
    right = {prop.name: prop for prop in other.properties}
    merged = []
    for name in left.keys() | right.keys():
        a, b = left.get(name), right.get(name)
        if a is None or b is None:
            prop = a or b
            assert prop is not None
            merged.append(Property(name, prop.dtype, False))
        else:
            merged.append(Property(name, merge(a.dtype, b.dtype), a.required and b.required))
    return Object(merged)


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
