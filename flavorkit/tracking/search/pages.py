"""Page tokens: where the next page of a search begins, as MLflow writes them."""

from __future__ import annotations

import base64
import binascii
import json

from flavorkit.errors import InvalidArgumentError

MAX_OFFSET = 2**31


def token_of(offset: int, **query: object) -> str:
    """The token of the page that begins at ``offset``.

    Args:
        offset: how many entities come before it.
        query: what was searched for; the token is good for that only.
    """
    return base64.b64encode(json.dumps({**query, "offset": offset}).encode()).decode()


def offset_of(token: str | None, **query: object) -> int:
    """Where a page begins; 0 without a token.

    Raises:
        InvalidArgumentError: it is no token, or one of another search.
    """
    if not token:
        return 0
    try:
        content = json.loads(base64.b64decode(token, validate=True))
        offset = content.pop("offset")
    except (binascii.Error, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise InvalidArgumentError("the page token is not one that a search gave") from None
    if content != json.loads(json.dumps(query)):
        raise InvalidArgumentError("the page token is one of another search")
    if type(offset) is not int or not 0 <= offset <= MAX_OFFSET:
        raise InvalidArgumentError("the page token is not one that a search gave")
    return offset


def check_max_results(max_results: int, limit: int) -> int:
    """The length of a page.

    Raises:
        InvalidArgumentError: not between 1 and the limit.
    """
    if type(max_results) is not int or not 1 <= max_results <= limit:
        raise InvalidArgumentError(f"max_results is from 1 to {limit}, not {max_results!r}")
    return max_results
