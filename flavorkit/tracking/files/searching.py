"""Searches in memory: what an entity is compared by, and the page that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import (
    Experiment,
    LifecycleStage,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Run,
    ViewType,
)
from flavorkit.tracking.search import matching
from flavorkit.tracking.search.fields import Entity, Field, Kind
from flavorkit.tracking.search.grammar import Comparison, parse_filter
from flavorkit.tracking.search.order import Order, parse_order
from flavorkit.tracking.search.pages import check_max_results, offset_of, token_of

T = TypeVar("T")
MAX_RESULTS = 50_000
"""The longest page."""

_CONTEXT = "mlflow.data.context"
_VIEWS = (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)


@dataclass(frozen=True)
class Search:
    """What was asked for.

    Args:
        entity: what is searched.
        last: the order of what is equal otherwise.
        filter_string: in the grammar of the searches.
        order_by: what comes first.
        max_results: the length of a page.
        page_token: where it begins.
        limit: the longest page.

    Raises:
        InvalidArgumentError: one of them breaks a rule.
    """

    entity: Entity
    last: Sequence[Order]
    filter_string: str | None
    order_by: Sequence[str] | None
    max_results: int
    page_token: str | None
    limit: int = field(default=MAX_RESULTS, kw_only=True)

    def __post_init__(self) -> None:
        check_max_results(self.max_results, self.limit)
        _ = self.comparisons, self.orders, self.offset

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What has to hold."""
        return parse_filter(self.filter_string, self.entity)

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        """What comes first, completely."""
        return parse_order(self.order_by, self.entity, self.last)

    @cached_property
    def offset(self) -> int:
        """Where the page begins."""
        return offset_of(self.page_token)

    def page(self, entities: Iterable[T], get: matching.Getter[T]) -> PagedList[T]:
        """The page of those that match."""
        found = [one for one in entities if matching.matches(one, self.comparisons, get)]
        return cut(matching.ordered(found, self.orders, get), self.offset, self.max_results)


def cut(found: Sequence[T], offset: int, max_results: int, **query: object) -> PagedList[T]:
    """A page of what was found, and the token of the next one."""
    end = offset + max_results
    token = token_of(end, **query) if end < len(found) else None
    return PagedList(found[offset:end], token)


def in_view(lifecycle_stage: str, view_type: int) -> bool:
    """Whether a search of this view looks at what is active, or at what is deleted."""
    if view_type not in _VIEWS:
        raise InvalidArgumentError(f"a view type is 1, 2 or 3: not {view_type!r}")
    deleted = lifecycle_stage == LifecycleStage.DELETED
    return view_type != (ViewType.ACTIVE_ONLY if deleted else ViewType.DELETED_ONLY)


def of_experiment(experiment: Experiment, of: Field) -> Any:
    """The value of a field of an experiment."""
    if of.kind is Kind.TAG:
        return experiment.tags.get(of.key)
    return getattr(experiment, of.key)


def of_run(run: Run, of: Field) -> Any:
    """The value of a field of a run."""
    match of.kind:
        case Kind.METRIC:
            return run.data.metrics.get(of.key)
        case Kind.PARAM:
            return run.data.params.get(of.key)
        case Kind.TAG:
            return run.data.tags.get(of.key)
        case Kind.DATASET if of.key == "context":
            tags = (tag for used in run.inputs.dataset_inputs for tag in used.tags)
            return tuple(tag.value for tag in tags if tag.key == _CONTEXT)
        case Kind.DATASET:
            used = run.inputs.dataset_inputs
            return tuple(getattr(one.dataset, of.key) for one in used)
    return getattr(run.info, of.key)


def of_registered_model(model: RegisteredModel, of: Field) -> Any:
    """The value of a field of a registered model."""
    return model.tags.get(of.key) if of.kind is Kind.TAG else getattr(model, of.key)


def of_model_version(version: ModelVersion, of: Field) -> Any:
    """The value of a field of a model version."""
    if of.kind is Kind.TAG:
        return version.tags.get(of.key)
    match of.key:
        case "version_number":
            return int(version.version)
        case "source_path":
            return version.source
    return getattr(version, of.key)
