"""Connections that send the head of a request and its body together.

urllib3 writes them one after the other, which would be two calls of the system and two packets, and
wakes the server up for a head that it can do nothing with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _AtOnce(HTTPConnection):
    _held: list[bytes] | None = None

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(body, bytes):
            super().request(method, url, body, headers, **options)
            return
        held = self._held = []
        try:
            super().request(method, url, body, headers, **options)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _SafeAtOnce(_AtOnce, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _AtOnce


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeAtOnce


def send_at_once(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Have the connections of ``manager`` send each request with one write."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
    return manager
