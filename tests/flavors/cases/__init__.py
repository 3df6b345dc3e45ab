"""A case: fitted models of one framework, and what they must predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """One fitted model, how it is saved, and what it answers."""

    name: str
    native: Any
    data: Any
    """Rows to predict on: a frame or an array."""
    expected: Callable[[Any, Any], Any]
    """The framework's own answer: ``expected(native, data)``."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the flavor to save it with."""
    is_data: bool = True
    """Whether the format is of the class "data"."""


@dataclass(frozen=True)
class Case:
    """All that the contract needs to know of a flavor."""

    flavor: str
    models: tuple[Model, ...]
    packages: tuple[str, ...]
    """What requirements.txt must name at least."""
