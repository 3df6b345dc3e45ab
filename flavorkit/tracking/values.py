"""What users log, made into what stores keep: numbers and text."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from flavorkit.errors import InvalidArgumentError


def number(key: str, value: Any) -> float:
    """The value of a metric: a number, or an array or tensor of one.

    Raises:
        InvalidArgumentError: it is none.
    """
    if type(value) is float:
        return value
    given = value
    try:
        # A tensor that a gradient flows through does not like to be read directly.
        for method in ("detach", "item"):
            if hasattr(value, method):
                value = getattr(value, method)()
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError):
        shown = repr(given)
        raise InvalidArgumentError(
            f"the value of the metric {key!r} is a number, not"
            f" {shown if len(shown) < 100 else type(given).__name__}: log text with set_tag or"
            " log_param, and several numbers as several metrics or steps"
        ) from None


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def texts(given: Mapping[Any, Any] | None) -> dict[str, str]:
    """Tags or parameters, all as text."""
    return {str(key): str(value) for key, value in (given or {}).items()}
