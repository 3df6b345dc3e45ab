"""Errors as JSON, with the codes of MLflow's servers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnsupportedByStoreError,
)
from flavorkit.tracking.wire import bodies

# error_code -> what MLflow calls the class of the error and its SQLSTATE.
_CLASSES = {
    "BAD_REQUEST": ("INVALID_PARAMETER_VALUE", "KAM00"),
    "CUSTOMER_UNAUTHORIZED": ("PERMISSION_DENIED", "KAM00"),
    "ENDPOINT_NOT_FOUND": ("RESOURCE_NOT_FOUND", "KAM00"),
    "INTERNAL_ERROR": ("CLIENT_INTERNAL_ERROR", "XXM00"),
    "INVALID_PARAMETER_VALUE": ("INVALID_PARAMETER_VALUE", "KAM00"),
    "INVALID_STATE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
    "NOT_FOUND": ("RESOURCE_NOT_FOUND", "KAM00"),
    "PERMISSION_DENIED": ("PERMISSION_DENIED", "KAM00"),
    "RESOURCE_ALREADY_EXISTS": ("RESOURCE_ALREADY_EXISTS", "KAM00"),
    "RESOURCE_DOES_NOT_EXIST": ("RESOURCE_NOT_FOUND", "KAM00"),
    "TEMPORARILY_UNAVAILABLE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
}

_RAISED: dict[str, type[FlavorkitError]] = {
    "ALREADY_EXISTS": AlreadyExistsError,
    "BAD_REQUEST": InvalidArgumentError,
    "CUSTOMER_UNAUTHORIZED": AccessDeniedError,
    "ENDPOINT_NOT_FOUND": UnsupportedByStoreError,
    "INVALID_PARAMETER_VALUE": InvalidArgumentError,
    "INVALID_STATE": InvalidArgumentError,
    "NOT_FOUND": NotFoundError,
    "NOT_IMPLEMENTED": UnsupportedByStoreError,
    "PERMISSION_DENIED": AccessDeniedError,
    "RESOURCE_ALREADY_EXISTS": AlreadyExistsError,
    "RESOURCE_CONFLICT": AlreadyExistsError,
    "RESOURCE_DOES_NOT_EXIST": NotFoundError,
    "UNAUTHENTICATED": AccessDeniedError,
}
_RAISED_BY_STATUS: dict[int, type[FlavorkitError]] = {
    400: InvalidArgumentError,
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: UnsupportedByStoreError,
    405: UnsupportedByStoreError,
    413: InvalidArgumentError,
    415: InvalidArgumentError,
    501: UnsupportedByStoreError,
}


def encode(error_code: str, message: str, **more: str) -> bytes:
    """The body of an answer that says what went wrong."""
    content = {"error_code": error_code, "message": message}
    if error_code in _CLASSES:
        content["error_class"], content["sqlstate"] = _CLASSES[error_code]
    return bodies.write({**content, **more})


def decode(status: int, body: bytes, said_by: str) -> FlavorkitError:
    """The error that an answer means, to be raised.

    Args:
        status: of the answer, 400 or more.
        body: of the answer, JSON or not.
        said_by: the URL that answered, for answers that say nothing of use.
    """
    content = _object(body)
    code, message = content.get("error_code"), content.get("message")
    if not isinstance(code, str) or not isinstance(message, str):
        kind = _RAISED_BY_STATUS.get(status, StoreUnavailableError)
        return kind(f"{said_by} answered with status {status}{_beginning_of(body)}")
    kind = _RAISED.get(code) or _RAISED_BY_STATUS.get(status, StoreUnavailableError)
    return kind(message)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = bodies.parse(body)
    except FlavorkitError:
        return {}
    return content if isinstance(content, dict) else {}


def _beginning_of(body: bytes) -> str:
    first = " ".join(body[:1000].decode("utf-8", "replace").split())
    return f": {first[:200]!a}" if first else ""
