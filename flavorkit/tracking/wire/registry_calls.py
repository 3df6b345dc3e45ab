"""The calls about registered models and their versions."""

from __future__ import annotations

from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import (
    Field,
    Message,
    flag,
    integer,
    many,
    optional,
    required,
    text,
)
from flavorkit.tracking.wire.values import key_and_value, pair

_tags = optional(many(pair(key_and_value)), ())
_MODELS, _VERSIONS = "mlflow/registered-models", "mlflow/model-versions"


def _model(**fields: Field) -> Message:
    return Message(name=required(text), **fields)


def _version(**fields: Field) -> Message:
    return Message(name=required(text), version=required(text), **fields)


def _search(max_results: int) -> Message:
    return Message(
        filter=optional(text),
        max_results=optional(integer, max_results),
        order_by=optional(many(text), ()),
        page_token=optional(text),
    )


_LATEST = _model(stages=optional(many(text), ()))
_ALIAS = _model(alias=required(text))

CREATE_MODEL = Call("POST", f"{_MODELS}/create", _model(tags=_tags, description=optional(text)))
GET_MODEL = Call("GET", f"{_MODELS}/get", _model())
RENAME_MODEL = Call("POST", f"{_MODELS}/rename", _model(new_name=required(text)))
UPDATE_MODEL = Call("PATCH", f"{_MODELS}/update", _model(description=optional(text)))
DELETE_MODEL = Call("DELETE", f"{_MODELS}/delete", _model())
SEARCH_MODELS = Call("GET", f"{_MODELS}/search", _search(100))
LATEST_VERSIONS = Call("POST", f"{_MODELS}/get-latest-versions", _LATEST)
LATEST_VERSIONS_BY_GET = Call("GET", f"{_MODELS}/get-latest-versions", _LATEST)
SET_MODEL_TAG = Call(
    "POST", f"{_MODELS}/set-tag", _model(key=required(text), value=optional(text, ""))
)
DELETE_MODEL_TAG = Call("DELETE", f"{_MODELS}/delete-tag", _model(key=required(text)))
SET_ALIAS = Call("POST", f"{_MODELS}/alias", _model(alias=required(text), version=required(text)))
DELETE_ALIAS = Call("DELETE", f"{_MODELS}/alias", _ALIAS)
GET_BY_ALIAS = Call("GET", f"{_MODELS}/alias", _ALIAS)
HISTORY = Call("GET", "flavorkit/registered-models/history", _model())

CREATE_VERSION = Call(
    "POST",
    f"{_VERSIONS}/create",
    _model(
        source=required(text),
        run_id=optional(text),
        tags=_tags,
        run_link=optional(text),
        description=optional(text),
        model_id=optional(text),
    ),
)
GET_VERSION = Call("GET", f"{_VERSIONS}/get", _version())
UPDATE_VERSION = Call("PATCH", f"{_VERSIONS}/update", _version(description=optional(text)))
TRANSITION_STAGE = Call(
    "POST",
    f"{_VERSIONS}/transition-stage",
    _version(
        stage=required(text),
        archive_existing_versions=optional(flag, False),
    ),
)
DELETE_VERSION = Call("DELETE", f"{_VERSIONS}/delete", _version())
SEARCH_VERSIONS = Call("GET", f"{_VERSIONS}/search", _search(200_000))
SET_VERSION_TAG = Call(
    "POST", f"{_VERSIONS}/set-tag", _version(key=required(text), value=optional(text, ""))
)
DELETE_VERSION_TAG = Call("DELETE", f"{_VERSIONS}/delete-tag", _version(key=required(text)))
DOWNLOAD_URI = Call("GET", f"{_VERSIONS}/get-download-uri", _version())
