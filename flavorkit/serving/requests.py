"""Request bodies to model inputs: one reader for each content type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flavorkit.errors import RequestError, UnsupportedMediaTypeError
from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving import sizes
from flavorkit.serving.settings import Settings
from flavorkit.signature import tables
from flavorkit.tables import strict_json
from flavorkit.web.error_answers import JSON

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"

# What MLflow 1.x called the layout of a JSON body; people's scripts still send it.
_OLD_FORMATS = {"pandas-split": "dataframe_split", "pandas-records": "dataframe_records"}
_OLD_KEYS = {"columns", "data", "index"}


@dataclass(frozen=True)
class Request:
    """A decoded request."""

    data: Any
    """What the model is called with, already as its signature describes it."""
    params: dict[str, Any]
    is_bare: bool = False
    """Whether the answer is the list of predictions alone, as MLflow 1.x gave it."""


def read(model: PyFuncModel, content_type: str | None, body: bytes, settings: Settings) -> Request:
    """Decode ``body`` for ``model``, within the limits of ``settings``.

    Raises:
        UnsupportedMediaTypeError: nobody reads this content type; the message says what is read.
        RequestError: the body is not what its content type says.
        InvalidInputError: the data does not fit the model's signature.
    """
    media_type, parameters = _split(content_type)
    reader = _READERS.get(media_type)
    if reader is None:
        got = f"not {content_type!r}" if content_type else "and the request has none"
        raise UnsupportedMediaTypeError(
            f"the content type must be one of {', '.join(_READERS)}, {got};"
            " with curl, pass -H 'Content-Type: application/json'"
        )
    try:
        return reader(model, body, parameters, settings)
    except RecursionError:
        raise RequestError("the body is nested too deep") from None


@lru_cache(maxsize=64)
def _split(content_type: str | None) -> tuple[str, Mapping[str, str]]:
    media_type, *pairs = (content_type or "").split(";")
    parameters = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    charset = parameters.pop("charset", "utf-8")
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaTypeError(f"the body must be UTF-8, not {charset!r}")
    unknown = parameters.keys() - {"format"}
    if unknown or parameters.get("format", "pandas-split") not in _OLD_FORMATS:
        raise UnsupportedMediaTypeError(
            f"{content_type!r} has a parameter that nobody reads; charset=utf-8 is the only one"
        )
    return media_type.strip().lower(), parameters


def _read_json(
    model: PyFuncModel, body: bytes, parameters: Mapping[str, str], settings: Settings
) -> Request:
    sizes.check_depth(body, settings.max_json_depth)
    payload = strict_json.parse(body)
    sizes.check_json(payload, settings)
    if "format" in parameters:
        return _old(model, _OLD_FORMATS[parameters["format"]], payload)
    if isinstance(payload, dict) and "data" in payload and payload.keys() <= _OLD_KEYS:
        return _old(model, "dataframe_split", payload)
    return Request(*model.quick_decoder(payload))


def _old(model: PyFuncModel, layout: str, payload: Any) -> Request:
    data, given = model.quick_decoder({layout: payload})
    return Request(data, given, is_bare=True)


def _read_csv(
    model: PyFuncModel, body: bytes, parameters: Mapping[str, str], settings: Settings
) -> Request:
    sizes.check_csv(body, settings)
    table = tables.read_csv(body, model.input_schema)
    sizes.check_table(table, settings)
    return Request(*model.enforce(table))


def _read_parquet(
    model: PyFuncModel, body: bytes, parameters: Mapping[str, str], settings: Settings
) -> Request:
    table = tables.read_parquet(body, model.input_schema)
    sizes.check_table(table, settings)
    return Request(*model.enforce(table))


Reader = Callable[[PyFuncModel, bytes, Mapping[str, str], Settings], Request]
_READERS: dict[str, Reader] = {JSON: _read_json, CSV: _read_csv, PARQUET: _read_parquet}
