"""Decides about entities that are in memory: which a filter lets through, and which comes first."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key, lru_cache
from typing import Any, TypeVar

from flavorkit.tracking.search.fields import Field
from flavorkit.tracking.search.grammar import Comparison
from flavorkit.tracking.search.order import Order

T = TypeVar("T")
Getter = Callable[[T, Field], Any]
"""The value of a field of an entity: None where it has none, a tuple where it may have several of
which one has to fit, such as the names of its datasets."""

PROMPT_TAG = "mlflow.prompt.is_prompt"


def like(text: str, pattern: str) -> bool:
    """Whether the text fits the pattern, in which ``%`` stands for any and ``_`` for one character.

    Takes time in proportion to the product of the lengths at most.
    """
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=64)
def _expression(pattern: str) -> re.Pattern[str]:
    first, *others = (
        "".join("." if one == "_" else re.escape(one) for one in part)
        for part in pattern.split("%")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    # The leftmost place of each part is as good as any other: nothing is tried twice.
    *inner, last = others
    places = "".join(f"(?>.*?{part})" for part in inner if part)
    return re.compile(f"{first}{places}.*{last}", re.DOTALL)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda value, wanted: value in wanted,
    "NOT IN": lambda value, wanted: value not in wanted,
    "LIKE": like,
    "ILIKE": lambda value, pattern: like(value.lower(), pattern.lower()),
}


def means_no_prompt(comparison: Comparison) -> bool:
    """Whether it holds for what has no such tag, too.

    MLflow's clients ask for registered models whose tag of that name is not 'true', or is 'false',
    and mean those as well that have none.
    """
    asked = (comparison.operator, comparison.value)
    return comparison.field.key == PROMPT_TAG and asked in {("!=", "true"), ("=", "false")}


def matches(entity: T, comparisons: Iterable[Comparison], get: Getter[T]) -> bool:
    """Whether all conditions hold; one about what the entity has not does not, but IS NULL.

    Nor does one about a number that is none (NaN).
    """
    return all(_holds(comparison, get(entity, comparison.field)) for comparison in comparisons)


def ordered(entities: Iterable[T], orders: Sequence[Order], get: Getter[T]) -> list[T]:
    """The entities in order; what has no value comes last, and NaN just before."""

    def compare(one: T, other: T) -> int:
        for order in orders:
            left, right = _rank(get(one, order.field)), _rank(get(other, order.field))
            if left == right:
                continue
            if left[0] == right[0] == 0:
                return -1 if (left < right) == order.ascending else 1
            return -1 if left < right else 1
        return 0

    return sorted(entities, key=cmp_to_key(compare))


def _holds(comparison: Comparison, value: Any) -> bool:
    if comparison.operator == "IS NULL":
        return value is None
    if comparison.operator == "IS NOT NULL":
        return value is not None
    compare = _COMPARE[comparison.operator]
    if isinstance(value, tuple):
        return any(compare(one, comparison.value) for one in value if not _is_nan(one))
    if value is None:
        return means_no_prompt(comparison)
    return not _is_nan(value) and compare(value, comparison.value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 2, 0
    if _is_nan(value):
        return 1, 0
    return 0, value
