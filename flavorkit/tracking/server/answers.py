"""Answers: a status, headers and bytes."""

from __future__ import annotations

import base64
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from flavorkit.errors import FlavorkitError, RequestError
from flavorkit.tracking.wire import bodies, errors

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

Headers = Sequence[tuple[bytes, bytes]]

# Nothing here is a page: whatever a browser makes of an answer, it runs and frames nothing.
SAFE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
POLICY: Headers = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: Headers = field(default_factory=tuple)


class EndpointNotFoundError(FlavorkitError):
    """There is nothing at this path."""

    status = 404
    error_code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowedError(RequestError):
    """There is something at this path, but not for this method."""

    status = 405

    def __init__(self, methods: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(methods))
        super().__init__(f"this endpoint is for {self.allowed}")


class TooLargeError(RequestError):
    """The body of a request is larger than the server takes."""

    status = 413


class NotForThisServerError(RequestError):
    """The request is for a server of another name."""

    status = 421


def json(content: Mapping[str, object]) -> Answer:
    """An answer of JSON."""
    return Answer(bodies.write(content))


def of_error(error: FlavorkitError) -> Answer:
    """The answer that says what went wrong."""
    more: list[tuple[bytes, bytes]] = []
    if error.status in {429, 503}:
        more.append((b"retry-after", b"1"))
    if isinstance(error, MethodNotAllowedError):
        more.append((b"allow", error.allowed.encode()))
    return Answer(errors.encode(error.error_code, error.message), error.status, headers=more)


def of_trouble(error: FlavorkitError, error_id: str) -> Answer:
    """The answer where the database or the disk fails; the log has the rest."""
    told = f"the server's store failed; its log says more under error {error_id}"
    retry = ((b"retry-after", b"1"),)
    return Answer(errors.encode(error.error_code, told), error.status, headers=retry)


def of_bug(error_id: str) -> Answer:
    """The answer where something went wrong that nobody thought of; the log has the rest."""
    message = f"the server failed; its log says more under error {error_id}"
    return Answer(errors.encode("INTERNAL_ERROR", message, error_id=error_id), 500)


def attachment(path: str) -> Headers:
    """Headers that make a browser save a file under its name, and never show it."""
    name = posixpath.basename(path)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(c if c.isprintable() and c not in '"\\' else "_" for c in plain) or "artifact"
    value = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return (
        (b"content-disposition", value.encode()),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
    )


def digest(sha256: str) -> Headers:
    """The header that says what a file is, as RFC 9530 has it.

    Args:
        sha256: of the file, in hexadecimal digits.
    """
    return ((b"repr-digest", b"sha-256=:%s:" % base64.b64encode(bytes.fromhex(sha256))),)
