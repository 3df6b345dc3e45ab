"""Who is acting: what the history of the registry notes beside a change."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from contextvars import ContextVar

_ACTOR: ContextVar[str | None] = ContextVar("flavorkit_actor", default=None)


def current() -> str:
    """Whoever a server acts for, or the user of this process; empty if nobody knows."""
    known = _ACTOR.get()
    if known is not None:
        return known
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry in the list of users, as in many containers
        return ""


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Act for ``user`` inside the block, in this thread or task."""
    token = _ACTOR.set(user)
    try:
        yield
    finally:
        _ACTOR.reset(token)
