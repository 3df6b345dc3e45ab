"""What flavors share when they call a framework's method with inference parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def parameters_of(method: Callable[..., Any]) -> frozenset[str]:
    """The names that ``method`` takes beside the data, which comes first."""
    try:
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(
        p.name for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}
    )
