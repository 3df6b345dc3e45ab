"""The one shape that every error has over HTTP."""

from __future__ import annotations

from typing import Any

import orjson

from flavorkit.errors import FlavorkitError

JSON = "application/json"


def encode_error(error: FlavorkitError, **more: Any) -> bytes:
    """The JSON of an error: its code, its message, and what else there is to say."""
    content = {"error_code": error.error_code, "message": error.message, **more}
    # Messages quote what was sent, which may not be valid Unicode.
    content["message"] = str(content["message"]).encode("utf-8", "replace").decode()
    return orjson.dumps(content)
