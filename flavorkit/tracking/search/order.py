"""What comes first in the result of a search: ``metrics.loss ASC``, ``start_time DESC``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.search.fields import LOGGED_MODELS, Entity, Field, Kind
from flavorkit.tracking.search.grammar import Parser

MAX_TERMS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an order; what an entity has not comes last, whichever the direction."""

    field: Field
    ascending: bool = True


@dataclass(frozen=True, slots=True)
class LoggedModelOrder:
    """One term of the order of logged models, which may ask for a metric on one dataset."""

    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None

    def parsed(self) -> Order:
        """As a term like those of the other entities.

        Raises:
            InvalidArgumentError: logged models are not ordered by that.
        """
        parser = Parser(self.field_name)
        field = LOGGED_MODELS.order_field(*parser.identifier())
        parser.expect_end("nothing more")
        if self.dataset_digest and not self.dataset_name:
            raise InvalidArgumentError("dataset_digest needs a dataset_name beside it")
        if self.dataset_name and field.kind is not Kind.METRIC:
            raise InvalidArgumentError("a dataset_name goes with a metric only")
        return Order(field, self.ascending)


def _attribute(key: str, *, ascending: bool = True, is_number: bool = True) -> Order:
    return Order(Field(Kind.ATTRIBUTE, key, is_number), ascending)


# What decides between entities that the caller's order leaves equal, so that pages never overlap.
RUNS_LAST = (_attribute("start_time", ascending=False), _attribute("run_id", is_number=False))
EXPERIMENTS_LAST = (_attribute("creation_time", ascending=False), _attribute("experiment_id"))
REGISTERED_MODELS_LAST = (_attribute("name", is_number=False),)
MODEL_VERSIONS_LAST = (
    _attribute("last_updated_timestamp", ascending=False),
    _attribute("name", is_number=False),
    _attribute("version_number", ascending=False),
)
LOGGED_MODELS_LAST = (
    _attribute("creation_timestamp", ascending=False),
    _attribute("model_id", is_number=False),
)


def parse_order(
    terms: Sequence[str] | None, entity: Entity, last: Sequence[Order]
) -> tuple[Order, ...]:
    """The order that was asked for, and after it the one that makes it complete.

    Args:
        terms: each an identifier, and ``ASC`` or ``DESC``.
        entity: whose fields they name.
        last: decides between what is equal.

    Raises:
        InvalidArgumentError: a term cannot be read, or names what the entity has not.
    """
    if terms and len(terms) > MAX_TERMS:
        raise InvalidArgumentError(f"an order has at most {MAX_TERMS} terms")
    return complete([_term(term, entity) for term in terms or ()], last)


def complete(orders: Sequence[Order], last: Sequence[Order]) -> tuple[Order, ...]:
    """The terms, each field once, and those of ``last`` that are not among them."""
    found: dict[Field, Order] = {}
    for order in (*orders, *last):
        found.setdefault(order.field, order)
    return tuple(found.values())


def _term(text: str, entity: Entity) -> Order:
    parser = Parser(text)
    field = entity.order_field(*parser.identifier())
    direction = parser.take_word("ASC", "DESC")
    parser.expect_end("ASC", "DESC")
    return Order(field, direction != "DESC")
