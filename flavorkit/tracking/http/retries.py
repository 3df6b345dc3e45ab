"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from flavorkit.tracking import environ

NOTHING_DONE = frozenset({429, 503})
"""A server that answers this has not begun what it was asked for."""
MAYBE_DONE = frozenset({502, 504})
"""Somebody on the way answers this; what became of the request is not known."""

_LONGEST = 20.0
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is.

    Args:
        most: how often a request is sent again.
        first: seconds before the first time; each later one waits twice as long.
    """

    most: int = 7
    first: float = 0.1

    @classmethod
    def from_environment(cls) -> Retries:
        """As ``FLAVORKIT_HTTP_REQUEST_MAX_RETRIES`` says."""
        return cls(int(environ.number("HTTP_REQUEST_MAX_RETRIES", cls().most)))

    def pauses(self) -> Iterator[float]:
        """Seconds to wait before each time, with some chance in them so that clients spread."""
        for number in range(self.most):
            yield min(self.first * 2**number, _LONGEST) * _random.uniform(0.5, 1.5)


def wished(retry_after: str | None) -> float:
    """How many seconds a server wants us to wait."""
    try:
        return min(max(float(retry_after or 0), 0.0), _LONGEST)
    except ValueError:  # a date, which needs clocks that agree
        return 1.0
