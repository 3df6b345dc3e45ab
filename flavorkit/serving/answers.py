"""Predictions as JSON, strictly: a NaN is null, never the bare word."""

from __future__ import annotations

from typing import Any

from flavorkit.tables import strict_json


def encode(predictions: Any, *, is_bare: bool = False) -> bytes:
    """The answer that holds ``predictions``: ``{"predictions": ...}``, or the list alone.

    The values have the forms of :func:`flavorkit.tables.strict_json.encode`.

    Raises:
        TypeError: they hold something that JSON has no form for.
        PredictionError: two columns of a frame have the same name.
    """
    return strict_json.encode(predictions if is_bare else {"predictions": predictions})
