"""Filters and orders of the searches as SQL; what users write is bound, never part of the text."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    Select,
    Table,
    and_,
    exists,
    literal,
    not_,
    select,
)

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.search.fields import Kind
from flavorkit.tracking.search.grammar import Comparison
from flavorkit.tracking.search.matching import means_no_prompt
from flavorkit.tracking.search.order import Order
from flavorkit.tracking.sql.dialects import Dialect

S = TypeVar("S", bound=Select[Any])
Condition = ColumnElement[bool]

_MAX_PATTERN = 10_000
_LARGEST = 2**63 - 1
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Pairs:
    """A table of keys and values that belong to an entity.

    Args:
        table: with the columns ``key`` and ``value``.
        owner: the name of the column that holds the entity's id.
    """

    table: Table
    owner: str


@dataclass(frozen=True)
class Searchable:
    """The columns behind the fields of one entity.

    Args:
        owner: its id, which tables of pairs refer to.
        attributes: the column of each attribute.
        sorted_by: where an attribute is ordered by another column than it is compared by.
        pairs: the tables of its tags and parameters.
    """

    owner: Column[int]
    attributes: Mapping[str, ColumnElement[Any]]
    pairs: Mapping[Kind, Pairs]
    sorted_by: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    def condition(self, comparison: Comparison, dialect: Dialect) -> Condition:
        """A comparison of an attribute, a tag or a parameter."""
        of = comparison.field
        if of.kind is Kind.ATTRIBUTE:
            return compared(self.attributes[of.key], comparison, dialect)
        pairs = self.pairs[of.kind]
        table = pairs.table.alias()
        this = (table.c[pairs.owner] == self.owner, table.c.key == storable(of.key))
        if comparison.operator == "IS NULL":
            return not_(exists().where(*this))
        if comparison.operator == "IS NOT NULL":
            return exists().where(*this)
        if means_no_prompt(comparison):
            wanted = storable(str(comparison.value))
            opposite = (
                table.c.value == wanted
                if comparison.operator == "!="
                else (table.c.value != wanted)
            )
            return not_(exists().where(*this, opposite))
        return exists().where(*this, compared(table.c.value, comparison, dialect))

    def ordered(self, query: S, order: Order) -> S:
        """The query in one more order; what has no value comes last."""
        of = order.field
        if of.kind is Kind.ATTRIBUTE:
            column = self.sorted_by.get(of.key, self.attributes[of.key])
            return _ordered_by(query, column, order, getattr(column, "nullable", False))
        pairs = self.pairs[of.kind]
        table = pairs.table.alias()
        value = (
            select(table.c.value)
            .where(table.c[pairs.owner] == self.owner, table.c.key == storable(of.key))
            .scalar_subquery()
        )
        return _ordered_by(query, value, order, True)

    def searched(
        self, query: S, comparisons: Sequence[Comparison], orders: Sequence[Order], dialect: Dialect
    ) -> S:
        """The query with conditions and an order."""
        query = query.where(*(self.condition(one, dialect) for one in comparisons))
        for order in orders:
            query = self.ordered(query, order)
        return query


def compared(column: ColumnElement[Any], comparison: Comparison, dialect: Dialect) -> Condition:
    """A comparison of a column."""
    value = comparison.value
    if isinstance(value, tuple):
        listed = column.in_([storable(one) for one in value])
        return listed if comparison.operator == "IN" else not_(listed)
    if isinstance(value, str):
        return _text_compared(column, comparison.operator, storable(value), dialect)
    # Of a type that holds the number, whatever that of the column holds.
    bound: Any = literal(value, Double())
    if isinstance(value, int):
        bound = literal(max(-_LARGEST, min(value, _LARGEST)), BigInteger())
    result: Condition = _OPERATORS[comparison.operator](column, bound)
    return result


def metric_compared(columns: Any, comparison: Comparison, dialect: Dialect) -> Condition:
    """A comparison of a metric, by the columns ``value`` and ``special``; NaN fits nothing."""
    return and_(dialect.is_number(columns.special), compared(columns.value, comparison, dialect))


def storable(text: str) -> str:
    """Text that a database can compare.

    Raises:
        InvalidArgumentError: it is none.
    """
    if "\0" in text:
        raise InvalidArgumentError("a filter has no NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError("a filter is valid Unicode") from None
    return text


def _text_compared(
    column: ColumnElement[Any], sign: str, value: str, dialect: Dialect
) -> Condition:
    if sign not in {"LIKE", "ILIKE"}:
        result: Condition = _OPERATORS[sign](column, value)
        return result
    if len(value) > _MAX_PATTERN:
        raise InvalidArgumentError(f"a pattern has at most {_MAX_PATTERN} characters")
    return dialect.like(column, value) if sign == "LIKE" else dialect.ilike(column, value)


def _ordered_by(query: S, column: ColumnElement[Any], order: Order, may_be_missing: bool) -> S:
    direction = column.asc() if order.ascending else column.desc()
    if may_be_missing:
        return query.order_by(column.is_(None), direction)
    return query.order_by(direction)
