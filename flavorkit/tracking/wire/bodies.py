"""JSON texts of requests and answers."""

from __future__ import annotations

from typing import Any

import orjson

from flavorkit.errors import RequestError

MAX_DEPTH = 64

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse(body: bytes) -> Any:
    """The value of a JSON text, or None of an empty one.

    Raises:
        RequestError: it is not JSON, or nested too deep.
    """
    if not body:
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise RequestError(f"the body is not valid JSON: {exc}") from None
    if _may_be_deep(body) and _is_deeper(value, MAX_DEPTH):
        raise RequestError(f"the body is nested too deep, beyond {MAX_DEPTH} levels")
    return value


def write(value: Any) -> bytes:
    """The JSON text of what the other modules here make of entities."""
    return orjson.dumps(value)


def _may_be_deep(body: bytes) -> bool:
    """Whether the nesting may pass the limit, found out at the speed of memory.

    Each round takes the innermost brackets away. Those in strings may stay, hence "may".
    """
    brackets = body.translate(None, _NOT_BRACKETS)
    if len(brackets) <= 2 * MAX_DEPTH and brackets.count(b"[") + brackets.count(b"{") <= MAX_DEPTH:
        return False
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not fewer:
            return False
        if len(fewer) == len(brackets):
            return True
        brackets = fewer
    return True


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return False
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return True
