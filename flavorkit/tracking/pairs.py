"""Entities as mappings: ``dict(run.info)`` and ``metric.to_dictionary()``, as with MLflow's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any


class Pairs:
    """What an entity knows, by name."""

    __slots__ = ()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Its names and values, in alphabetical order."""
        kind: Any = type(self)
        for name in _names(kind):
            yield name, getattr(self, name)

    def to_dictionary(self) -> dict[str, Any]:
        """The same as a dict, and what it holds of other entities as dicts, too."""
        return {name: _plain(value) for name, value in self}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(sorted(field.name for field in fields(kind)))


def _plain(value: Any) -> Any:
    if isinstance(value, Pairs):
        return value.to_dictionary()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
