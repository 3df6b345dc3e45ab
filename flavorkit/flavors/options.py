"""A flavor's own options: what its ``save`` and ``load`` take beside what all flavors take."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flavorkit.flavors.base import Flavor

# What saving and loading pass by themselves.
_GIVEN = frozenset({"example", "signature", "trust"})


def of(method: Callable[..., Any]) -> list[str]:
    """The names of a flavor's options for one of its methods."""
    return [name for name in keywords(method) if name not in _GIVEN]


def keywords(function: Callable[..., Any]) -> list[str]:
    """The names of the keyword-only parameters of ``function``."""
    parameters = inspect.signature(function).parameters.items()
    return [name for name, parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def refuse_unknown(
    options: Mapping[str, Any],
    flavor: Flavor,
    known: list[str],
    *,
    beside: str,
    shared: Iterable[str],
) -> None:
    """Refuse what a flavor does not know before it is called.

    Args:
        options: what the caller has given.
        flavor: whose options they are to be.
        known: the options that there are.
        beside: the public function that takes the arguments of all flavors.
        shared: the names of those arguments.

    Raises:
        TypeError: an option is unknown; the message names the nearest that is not.
    """
    unknown = [name for name in options if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], [*known, *shared], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise TypeError(
            f"the {flavor.name} flavor has no option {', '.join(unknown)}{hint} (beside the"
            f" arguments of {beside} it has {', '.join(sorted(known)) or 'none'})"
        )
