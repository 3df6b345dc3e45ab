"""Requests to one server: kept connections, patience, and errors as ours."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from flavorkit.errors import FlavorkitError, InvalidArgumentError, StoreUnavailableError
from flavorkit.tracking import environ, names
from flavorkit.tracking.http import retries
from flavorkit.tracking.http.credentials import Credentials
from flavorkit.tracking.http.pools import send_at_once
from flavorkit.tracking.http.retries import Retries
from flavorkit.tracking.wire import bodies, errors
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.values import Json
from flavorkit.version import __version__

T = TypeVar("T")

_POOL_SIZE = 32
_NOT_SENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError)


class Connection:
    """A server's REST API.

    Threads may share it, and a process that was forked has connections of its own.

    Args:
        uri: where the server is.
        credentials: who we say we are.
        patience: how often requests are sent again.
    """

    def __init__(self, uri: str, credentials: Credentials, patience: Retries | None = None) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise InvalidArgumentError(f"{_without_user(uri)} is no URL of a tracking server")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        try:
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise InvalidArgumentError(f"{_without_user(uri)} has no valid port") from None
        self.url = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        self._root = f"{parts.scheme}://{host}{port}"
        self._path = parts.path.rstrip("/")
        self._credentials = credentials
        self._patience = patience or Retries.from_environment()
        seconds = environ.number("HTTP_REQUEST_TIMEOUT", 120)
        self._timeout = urllib3.Timeout(connect=min(seconds, 20), read=seconds)
        self._headers = {"User-Agent": f"flavorkit/{__version__}", "Accept": "application/json"}
        if credentials.authorization is not None:
            self._headers["Authorization"] = credentials.authorization
        self._json_headers = {**self._headers, "Content-Type": "application/json"}
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        self._owner = 0

    def call(self, call: Call, fields: Json, *, is_repeatable: bool = True) -> Json:
        """The object that the server answers with.

        Args:
            call: which.
            fields: of the request, as JSON; what is None is left out.
            is_repeatable: whether the request may be sent again where it is not known if it came
                through.

        Raises:
            FlavorkitError: what the server says, or that it does not answer.
        """
        given = {key: one for key, one in fields.items() if one is not None}
        path = f"{self._path}{_written(given, lambda known: _path_of(call, known))}"
        body: bytes | None = None
        headers = self._headers
        if call.method != "GET":
            body, headers = _written(given, bodies.write), self._json_headers
        elif given:
            path = f"{path}?{_written(given, _query)}"
        answer = self._patiently(call.method, path, body, headers, is_repeatable).data
        try:
            content = bodies.parse(answer) if answer else {}
        except FlavorkitError:
            content = None
        if not isinstance(content, dict):
            raise StoreUnavailableError(f"{self.url} did not answer with JSON: is it a server?")
        return content

    def transfer(
        self,
        call: Call,
        fields: Json,
        body: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer to a request that sends or fetches a file; nothing of it has been read.

        Args:
            call: which.
            fields: the variables of its path.
            body: what is sent, in pieces. If it can be gone through again, the request may be sent
                again.
            headers: besides the usual ones.

        Raises:
            FlavorkitError: what the server says, or that it does not answer.
        """
        path = _path_of(call, fields)
        more = {**self._headers, "Accept": "*/*", "Accept-Encoding": "identity", **(headers or {})}
        is_repeatable = body is None or iter(body) is not body
        return self._patiently(
            call.method, f"{self._path}{path}", body, more, is_repeatable, is_read=False
        )

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            if self._pool is not None and self._owner == os.getpid():
                self._pool.manager.clear()
            self._pool = None

    def _patiently(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None,
        headers: Any,
        is_repeatable: bool,
        *,
        is_read: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        pauses = self._patience.pauses()
        can_resend = body is None or iter(body) is not body  # else it may be used up
        while True:
            wait: float = 0
            try:
                pool = self._open()
                answer = pool.urlopen(
                    method,
                    f"{pool.prefix}{path}",
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    timeout=self._timeout,
                    preload_content=is_read,
                )
            except HTTPError as exc:
                # A server that is silent for the whole time would be so again.
                is_worth_it = is_repeatable and not isinstance(exc, ReadTimeoutError)
                may_repeat = is_worth_it or isinstance(exc, _NOT_SENT)
                failure: FlavorkitError = StoreUnavailableError(
                    f"the tracking server at {self.url} does not answer: {_reason(exc)}"
                )
            else:
                if answer.status < 300:
                    return answer
                failure = self._failure(answer)
                answer.close()
                may_repeat = can_resend and (
                    answer.status in retries.NOTHING_DONE
                    or (is_repeatable and answer.status in retries.MAYBE_DONE)
                )
                wait = retries.wished(answer.headers.get("Retry-After"))
            pause = next(pauses, None) if may_repeat else None
            if pause is None:
                raise failure
            time.sleep(max(pause, wait))

    def _failure(self, answer: urllib3.BaseHTTPResponse) -> FlavorkitError:
        if answer.status < 400:
            where = ascii(answer.headers.get("Location", "nowhere"))[:200]
            return StoreUnavailableError(
                f"{self.url} sends us on to {where}, and we do not follow with our credentials;"
                " if that is the tracking server, use its URL"
            )
        return errors.decode(answer.status, answer.data, self.url)

    def _open(self) -> _Pool:
        pool = self._pool
        if pool is not None and self._owner == os.getpid():
            return pool
        with self._lock:
            if self._pool is None or self._owner != os.getpid():
                self._pool, self._owner = self._new_pool(), os.getpid()
            return self._pool

    def _new_pool(self) -> _Pool:
        parts = urlsplit(self._root)
        arguments: dict[str, Any] = {"maxsize": _POOL_SIZE, "block": False}
        if parts.scheme == "https":
            arguments |= self._credentials.pool_arguments()
        proxy = getproxies().get(parts.scheme)
        try:
            if proxy and not proxy_bypass(parts.netloc):
                through = urllib3.ProxyManager(proxy, **arguments)
                return _Pool(through, through.urlopen, self._root)
            manager = send_at_once(urllib3.PoolManager(**arguments))
            return _Pool(manager, manager.connection_from_url(self._root).urlopen, "")
        except (LocationParseError, OSError) as exc:
            raise InvalidArgumentError(f"{self.url} cannot be reached so: {exc}") from exc


@dataclass(frozen=True, slots=True)
class _Pool:
    """Connections that are kept, and how requests are sent over one."""

    manager: urllib3.PoolManager
    urlopen: Callable[..., urllib3.BaseHTTPResponse]
    prefix: str
    """What comes before the path: the server's root, where a proxy has to know it."""


def _path_of(call: Call, fields: Json) -> str:
    """The path with its variables filled in; MLflow's servers want those in the body as well."""
    path = f"/{call.full_path.lstrip('/')}"
    if "{" not in path:
        return path
    for name in call.message.fields:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", names.identifier(fields[name], name))
        elif f"{{{name}:path}}" in path:
            path = path.replace(f"{{{name}:path}}", quote(str(fields[name]), safe="/"))
    return path


def _written(fields: Json, write: Callable[[Json], T]) -> T:
    try:
        return write(fields)
    except (TypeError, UnicodeEncodeError):
        for name, value in fields.items():
            try:
                write({name: value})
            except (TypeError, UnicodeEncodeError):
                raise InvalidArgumentError(
                    f"{name} cannot be sent: it is not of valid Unicode, or neither text nor number"
                ) from None
        raise


def _query(fields: Json) -> str:
    plain = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in fields.items()
    }
    return urlencode(plain, doseq=True)


def _reason(error: HTTPError) -> str:
    text = str(error).rpartition("): ")[2]  # without the class of the pool that it comes from
    return text if len(text) <= 200 else f"{text[:197]}..."


def _without_user(uri: str) -> str:
    before, at, after = uri.rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}{after}" if at else uri
