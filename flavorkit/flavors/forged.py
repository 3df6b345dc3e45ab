"""What the checkers of files that load as data share: the error they raise, and how they ask."""

from __future__ import annotations

import json
from typing import Any

from numpy.typing import NDArray


class ForgedStateError(ValueError):
    """A file holds what the library whose format it has would never have written."""


def require(sound: bool, what: str) -> None:
    """Raise a :class:`ForgedStateError` unless ``sound``."""
    if not sound:
        raise ForgedStateError(f"forged: {what}")


def within(array: NDArray[Any], low: int, high: int) -> bool:
    """Whether all of ``array`` lie in ``[low, high)``."""
    return array.size == 0 or (int(array.min()) >= low and int(array.max()) < high)


def parse_json(content: bytes) -> Any:
    """The value in a JSON text.

    Raises:
        ValueError: it is malformed, nested too deep, or has a key twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        require(len(found) == len(pairs), "a key that stands twice")
        return found

    try:
        return json.loads(content, object_pairs_hook=once)
    except RecursionError:
        raise ValueError("nested too deep") from None
