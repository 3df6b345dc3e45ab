"""Settings from the environment: ``FLAVORKIT_X``, and where that is not set ``MLFLOW_X``."""

from __future__ import annotations

import os

from flavorkit.errors import InvalidArgumentError

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


def text(name: str) -> str | None:
    """The value of ``FLAVORKIT_<name>``, else of ``MLFLOW_<name>``; None where both are empty."""
    return os.environ.get(f"FLAVORKIT_{name}") or os.environ.get(f"MLFLOW_{name}") or None


def flag(name: str, default: bool) -> bool:
    """The same as true or false.

    Raises:
        InvalidArgumentError: it is neither.
    """
    value = text(name)
    if value is None:
        return default
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise InvalidArgumentError(f"FLAVORKIT_{name} is true or false, not {value!r}")


def number(name: str, default: float) -> float:
    """The same as a number.

    Raises:
        InvalidArgumentError: it is none.
    """
    value = text(name)
    try:
        return default if value is None else float(value)
    except ValueError:
        raise InvalidArgumentError(f"FLAVORKIT_{name} is a number, not {value!r}") from None
