"""Values that JSON has no form for, or MLflow another one than we."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from flavorkit.tracking.entities import ViewType
from flavorkit.tracking.wire.requests import Message, nested, one_of, optional, required, text

Json = dict[str, Any]
"""A JSON object."""

P = TypeVar("P")

VIEW_TYPES = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}
view_type = one_of(VIEW_TYPES)
PAIR = Message(key=required(text), value=optional(text, ""))


class _Pair(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def value(self) -> str: ...


def double(value: float) -> float | str:
    """A double, or its name where JSON has no number for it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def read_double(value: Any) -> float:
    """The double that a server wrote."""
    return float(value)  # knows the names, too


def read_integer(value: Any) -> int | None:
    """The integer that a server wrote, perhaps as text; None for none."""
    return None if value is None else int(value)


def pairs(items: Mapping[str, str]) -> list[Json]:
    """Tags or parameters, as a list of objects."""
    return [{"key": key, "value": value} for key, value in items.items()]


def pairs_of(items: Iterable[_Pair]) -> list[Json]:
    """The same, of entities that are pairs."""
    return [{"key": item.key, "value": item.value} for item in items]


def read_pairs(items: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """What :func:`pairs` wrote."""
    return {item["key"]: item.get("value", "") for item in items or ()}


def pair(kind: Callable[[str, str], P]) -> Callable[[Any, str], P]:
    """Reads a pair of a request."""
    return nested(PAIR, lambda given: kind(given["key"], given["value"]))


def key_and_value(key: str, value: str) -> tuple[str, str]:
    """A pair that becomes an entry of a dictionary."""
    return key, value


def view_type_name(number: int) -> str:
    """``ACTIVE_ONLY`` for 1, and so on."""
    return ViewType.to_string(number).upper()


def without_empty(content: Json) -> Json:
    """The object without what is None, or an empty list, text or object."""
    return {
        key: value
        for key, value in content.items()
        if value is not None and value not in ([], "", {})
    }
