"""The boundary to browsers: who is meant by a request, and which page has sent it.

A server without users trusts whoever reaches its port. A browser reaches it for any page that its
user looks at; so a request must be for this server by name, which a page that rebinds its own name
to this address cannot claim, and must not come from a page of somebody else.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable

from flavorkit.errors import AccessDeniedError, InvalidArgumentError, UnsupportedMediaTypeError
from flavorkit.tracking.server import answers
from flavorkit.tracking.server.exchange import Exchange
from flavorkit.tracking.server.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
ALWAYS_OPEN = frozenset({"/health", "/version"})
"""Paths that probes call by any name; they say nothing of anybody's."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?\Z")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+\Z")
_NAME = re.compile(r"\[[0-9a-f:.]+\]\Z|[a-z0-9._-]+\Z")
_OWN_SITE = frozenset({b"same-origin", b"none"})


class Guard:
    """Refuses requests that are not for this server, or not from where they may come.

    Args:
        settings: the names and origins that are allowed.
    """

    def __init__(self, settings: Settings) -> None:
        self._hosts = frozenset(name.encode() for name in host_names(settings))
        self._origins = frozenset(origin.encode() for origin in settings.allowed_origins)
        self._open = frozenset(settings.static_prefix + path for path in ALWAYS_OPEN) | ALWAYS_OPEN

    def check(self, exchange: Exchange) -> None:
        """Let a request through.

        Raises:
            FlavorkitError: it is for another server, or from another page.
        """
        if exchange.path in self._open and exchange.method in _SAFE_METHODS:
            return
        host = origin = site = None
        for name, value in exchange.headers:
            if name == b"host":
                if host is not None:
                    raise answers.NotForThisServerError("the request has two Host headers")
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        self._check_host(host)
        if exchange.method not in _SAFE_METHODS:
            self._check_origin(host or b"", origin, site)

    def _check_host(self, host: bytes | None) -> None:
        found = _HOST.match(host or b"")
        if found is None or int(found[2] or 0) > 65535:
            raise answers.NotForThisServerError("the request has no Host header of a valid form")
        if found[1].lower() not in self._hosts:
            raise AccessDeniedError(
                "Invalid Host header: this server is not known by that name; if it should be,"
                " start it with --allowed-hosts and the name"
            )

    def _check_origin(self, host: bytes, origin: bytes | None, site: bytes | None) -> None:
        if origin is not None and origin in self._origins:
            return
        own = origin in {b"http://" + host, b"https://" + host}
        if (origin is not None and not own) or (site is not None and site not in _OWN_SITE):
            raise AccessDeniedError(
                "Cross-origin request blocked: a page of another origin may not do that; if it"
                " should, start the server with --cors-allowed-origins and the origin"
            )


def host_names(settings: Settings) -> frozenset[str]:
    """The names that a server on this address answers to.

    Raises:
        InvalidArgumentError: one of those that were given is no name.
    """
    given = {name.strip().lower() for name in settings.allowed_hosts}
    for name in given:
        if not _NAME.match(name):
            raise InvalidArgumentError(
                f"--allowed-hosts takes names and addresses without ports, each as it is: not"
                f" {name!r}"
            )
    own = f"[{settings.host}]" if ":" in settings.host else settings.host
    names = {*LOOPBACK_NAMES, *given}
    if not is_loopback(settings.host):
        names |= {own.lower(), socket.gethostname().lower()} - {"0.0.0.0", "[::]"}  # noqa: S104
    return frozenset(names)


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine can reach."""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def check_origins(origins: Iterable[str]) -> None:
    """Look at the origins that an operator allows.

    Raises:
        InvalidArgumentError: one of them is no origin.
    """
    for origin in origins:
        if not _ORIGIN.match(origin):
            raise InvalidArgumentError(
                f"--cors-allowed-origins takes origins such as https://example.org, without a path"
                f" or a pattern: not {origin!r}"
            )


def check_json(exchange: Exchange, body: bytes) -> None:
    """Look at the content type of a request that should carry JSON.

    A page of another origin can send a POST without asking first, but not as JSON.

    Raises:
        UnsupportedMediaTypeError: it is of another type.
    """
    check_encoding(exchange)
    declared = exchange.header(b"content-type")
    if declared is None and not body and exchange.method != "POST":
        return
    media_type, _, parameters = (declared or b"").decode("latin-1").lower().partition(";")
    charset = parameters.replace('"', "").strip()
    if media_type.strip() != "application/json" or charset not in {
        "",
        "charset=utf-8",
        "charset=utf8",
    }:
        raise UnsupportedMediaTypeError(
            "the body must be JSON in UTF-8, sent with Content-Type: application/json"
        )


def check_encoding(exchange: Exchange) -> None:
    """Refuse a compressed body.

    Raises:
        UnsupportedMediaTypeError: it is.
    """
    if (exchange.header(b"content-encoding") or b"identity").lower() != b"identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
