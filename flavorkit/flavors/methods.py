"""What flavors share when they call a framework's method with inference parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from flavorkit.errors import FlavorkitError, InvalidInputError


def parameters_of(method: Callable[..., Any]) -> frozenset[str]:
    """The names that ``method`` takes beside the data, which comes first."""
    try:
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(
        p.name for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}
    )


def check_width(data: Any, n_features: int) -> None:
    """Refuse data that are not rows of ``n_features`` values.

    Raises:
        InvalidInputError: the message says what shape they have.
    """
    if len(data.shape) != 2 or data.shape[1] != n_features:
        raise InvalidInputError(
            f"the model takes rows of {n_features} features, got shape {data.shape}"
        )


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> int:
    """The parameter ``name``, which has to be a whole number, from ``low`` to ``high`` or on.

    Raises:
        InvalidInputError: it is none, or is beyond these.
    """
    is_whole = isinstance(value, int | np.integer) or (
        isinstance(value, float) and value.is_integer()
    )
    if (
        is_whole
        and not isinstance(value, bool)
        and low <= value <= (value if high is None else high)
    ):
        return int(value)
    until = "on" if high is None else f"to {high}"
    raise InvalidInputError(f"{name} must be a whole number from {low} {until}, got {value!r}")


# "[15:32:02] /workspace/src/learner.cc:1289: " before the message, and its "Stack trace:" behind.
_ORIGIN = re.compile(r"^(\[[\d:]+\] )?(/?[\w./-]+\.\w+:\d+: )?")


@contextmanager
def predicting(*errors: type[Exception]) -> Iterator[None]:
    """Turn ``errors`` of a framework, which it raises over data, into one of the caller's.

    Raises:
        InvalidInputError: with the framework's message, but for what it says of its own source.
    """
    try:
        yield
    except FlavorkitError:
        raise
    except errors as exc:
        said = _ORIGIN.sub("", str(exc).partition("\nStack trace:")[0].strip())
        raise InvalidInputError(said[:1000] or type(exc).__name__) from exc
