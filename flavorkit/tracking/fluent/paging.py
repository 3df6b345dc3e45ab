"""All pages of a search as one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flavorkit.tracking.entities import PagedList

T = TypeVar("T")


def all_pages(
    page: Callable[[int, str | None], PagedList[T]], length: int, max_results: int | None
) -> list[T]:
    """What a search finds, page by page.

    Args:
        page: asks for a page, with its length and the token of the page before.
        length: of a page.
        max_results: how many at most; all if None.
    """
    found: list[T] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        left = length if max_results is None else min(length, max_results - len(found))
        answer = page(left, token)
        found += answer
        token = answer.token
        if not token:
            break
    return found
