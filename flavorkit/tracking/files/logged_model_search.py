"""Searches of logged models, whose metrics may be asked for on certain datasets only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import LoggedModel, Metric, PagedList
from flavorkit.tracking.files import searching
from flavorkit.tracking.search.fields import LOGGED_MODELS, Field, Kind
from flavorkit.tracking.search.grammar import Comparison, parse_filter
from flavorkit.tracking.search.matching import matches, ordered
from flavorkit.tracking.search.order import LOGGED_MODELS_LAST, LoggedModelOrder, Order, complete
from flavorkit.tracking.search.pages import check_max_results, offset_of


@dataclass(frozen=True)
class LoggedModelSearch:
    """What was asked for; the arguments are those of ``search_logged_models``.

    Raises:
        InvalidArgumentError: one of them breaks a rule.
    """

    experiment_ids: Sequence[str]
    filter_string: str | None
    datasets: Sequence[Mapping[str, str]]
    order_by: Sequence[LoggedModelOrder]
    max_results: int
    page_token: str | None

    def __post_init__(self) -> None:
        check_max_results(self.max_results, searching.MAX_RESULTS)
        _ = self._comparisons, self._terms
        if not all(dataset.get("dataset_name") for dataset in self.datasets):
            raise InvalidArgumentError("a dataset to search by has a dataset_name")

    def page(self, models: Iterable[LoggedModel]) -> PagedList[LoggedModel]:
        """The page of those that match."""
        query = {
            "experiment_ids": list(self.experiment_ids),
            "filter_string": self.filter_string or None,
            "order_by": [_query(order) for order in self.order_by] or None,
        }
        offset = offset_of(self.page_token, **query)
        found = [
            model
            for model in models
            if self._is_measured(model) and matches(model, self._comparisons, self._values)
        ]
        orders = complete(list(self._terms), LOGGED_MODELS_LAST)
        result = ordered(found, orders, self._rank)
        return searching.cut(result, offset, self.max_results, **query)

    @cached_property
    def _comparisons(self) -> tuple[Comparison, ...]:
        return parse_filter(self.filter_string, LOGGED_MODELS)

    @cached_property
    def _terms(self) -> tuple[Order, ...]:
        return tuple(order.parsed() for order in self.order_by)

    @cached_property
    def _measured_on(self) -> dict[Field, LoggedModelOrder]:
        """Of each metric that is ordered by, the dataset; the first term for it counts."""
        pairs = zip(reversed(self._terms), reversed(self.order_by), strict=True)
        return {term.field: order for term, order in pairs}

    def _is_measured(self, model: LoggedModel) -> bool:
        """Whether the datasets let a model through; conditions on metrics see to that alone."""
        by_metric = any(one.field.kind is Kind.METRIC for one in self._comparisons)
        return by_metric or not self.datasets or any(map(self._counts, model.metrics))

    def _counts(self, metric: Metric) -> bool:
        return not self.datasets or any(
            metric.dataset_name == dataset["dataset_name"]
            and dataset.get("dataset_digest") in {None, "", metric.dataset_digest}
            for dataset in self.datasets
        )

    def _values(self, model: LoggedModel, of: Field) -> Any:
        """What a model is compared by: of a metric all values that count."""
        if of.kind is not Kind.METRIC:
            return _value(model, of)
        return tuple(
            metric.value
            for metric in model.metrics
            if metric.key == of.key and self._counts(metric)
        )

    def _rank(self, model: LoggedModel, of: Field) -> Any:
        """What a model is ordered by: of a metric the newest value on the dataset asked for."""
        if of.kind is not Kind.METRIC:
            return _value(model, of)
        order = self._measured_on[of]
        found = [
            metric
            for metric in model.metrics
            if metric.key == of.key
            and order.dataset_name in {None, metric.dataset_name}
            and order.dataset_digest in {None, metric.dataset_digest}
        ]
        return max(found, key=lambda metric: metric.timestamp).value if found else None


def _value(model: LoggedModel, of: Field) -> Any:
    match of.kind:
        case Kind.PARAM:
            return model.params.get(of.key)
        case Kind.TAG:
            return model.tags.get(of.key)
    return getattr(model, of.key)


def _query(order: LoggedModelOrder) -> dict[str, Any]:
    return {
        "field_name": order.field_name,
        "ascending": order.ascending,
        "dataset_name": order.dataset_name,
        "dataset_digest": order.dataset_digest,
    }
