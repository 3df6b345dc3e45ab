"""Predictions and errors as JSON, strictly: a NaN is null, never the bare word."""

from __future__ import annotations

from typing import Any

import orjson

from flavorkit.errors import FlavorkitError
from flavorkit.tables import strict_json


def encode(predictions: Any, *, is_bare: bool = False) -> bytes:
    """The answer that holds ``predictions``: ``{"predictions": ...}``, or the list alone.

    The values have the forms of :func:`flavorkit.tables.strict_json.encode`.

    Raises:
        TypeError: they hold something that JSON has no form for.
        PredictionError: two columns of a frame have the same name.
    """
    return strict_json.encode(predictions if is_bare else {"predictions": predictions})


def encode_error(error: FlavorkitError, **more: Any) -> bytes:
    """The one shape that every error has over HTTP."""
    content = {"error_code": error.error_code, "message": error.message, **more}
    # Messages quote what was sent, which may not be valid Unicode.
    content["message"] = str(content["message"]).encode("utf-8", "replace").decode()
    return orjson.dumps(content)
