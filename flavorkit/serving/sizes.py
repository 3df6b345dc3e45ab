"""The limits on what a body may hold, checked before anything is built of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.errors import RequestError
from flavorkit.serving.settings import Settings
from flavorkit.tables.strict_json import FEW_BYTES

_ALIKE, _BRACKET = 0xD9, 0x59
"""The bits in which the four brackets are alike; so are Y, y, _ and one that is not printed."""
_PIECE = 128 * 1024

_STEP = np.zeros(256, np.int64)
"""How each character changes the depth."""
_STEP[[*b"[{"]] = 1
_STEP[[*b"]}"]] = -1


class TooLargeRequestError(RequestError):
    """A body that holds more than the server takes."""

    status = 413


def check_depth(body: bytes, limit: int) -> None:
    """Refuse a JSON text whose lists and objects are nested deeper than ``limit``.

    It is looked at as bytes, before a parser sees it, at nearly the speed of memory.

    Raises:
        RequestError: it is.
    """
    if len(body) <= FEW_BYTES and body.count(b"[") + body.count(b"{") <= limit:
        return
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    codes = np.frombuffer(body, np.uint8)
    places = _places_of_brackets(codes)
    if len(places) <= limit:
        return
    quotes = np.flatnonzero(codes == ord('"'))
    if len(quotes):
        places = places[np.searchsorted(quotes, places) % 2 == 0]  # outside of strings
    if len(places) and _STEP[codes[places]].cumsum().max() > limit:
        raise RequestError(f"the body is nested too deep, beyond {limit} levels")


def _places_of_brackets(codes: NDArray[np.uint8]) -> NDArray[np.intp]:
    """And of the few characters like them; in pieces that stay in the processor's cache."""
    found = [
        np.flatnonzero(codes[start : start + _PIECE] & _ALIKE == _BRACKET) + start
        for start in range(0, len(codes), _PIECE)
    ]
    return np.concatenate(found) if found else np.empty(0, np.intp)


def check_json(payload: Any, settings: Settings) -> None:
    """Refuse a parsed body with more rows or columns than the server takes.

    Raises:
        RequestError: it has.
    """
    if not isinstance(payload, dict):
        return
    table = payload.get("dataframe_split", payload)
    if isinstance(table, dict):
        _check(_length(table.get("data")), _length(table.get("columns")), settings)
        _check(0, _width(table.get("data"), list | dict), settings)
    for form in ("dataframe_records", "instances", "inputs"):
        if form not in payload:
            continue
        rows = payload[form]
        if isinstance(rows, dict):
            _check(max(map(_length, rows.values()), default=0), len(rows), settings)
        else:
            # A row that is a list may be a tensor of any size.
            _check(_length(rows), _width(rows, dict), settings)


def check_csv(body: bytes, settings: Settings) -> None:
    """Refuse a CSV text whose first line has more columns than the server takes.

    Raises:
        RequestError: it has.
    """
    _check(0, body.count(b",", 0, body.find(b"\n") if b"\n" in body else len(body)) + 1, settings)


def check_table(table: Any, settings: Settings) -> None:
    """Refuse a table with more rows or columns than the server takes.

    Raises:
        RequestError: it has.
    """
    rows, columns = table.shape
    _check(rows, columns, settings)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _width(rows: Any, kinds: Any) -> int:
    first = rows[0] if isinstance(rows, list) and rows else None
    return len(first) if isinstance(first, kinds) else 0


def _check(rows: int, columns: int, settings: Settings) -> None:
    if rows > settings.max_rows:
        raise TooLargeRequestError(
            f"the body has {rows} rows, more than the limit of {settings.max_rows}; send fewer at a"
            " time"
        )
    if columns > settings.max_columns:
        raise TooLargeRequestError(
            f"the body has {columns} columns, more than the limit of {settings.max_columns}"
        )
