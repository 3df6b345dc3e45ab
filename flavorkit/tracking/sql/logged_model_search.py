"""The search of logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import LoggedModel, PagedList
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import LOGGED_MODELS, Kind
from flavorkit.tracking.search.grammar import Comparison, parse_filter
from flavorkit.tracking.search.order import (
    LOGGED_MODELS_LAST,
    MAX_TERMS,
    LoggedModelOrder,
    Order,
    complete,
)
from flavorkit.tracking.sql.experiments import numbers_of
from flavorkit.tracking.sql.logged_models import LoggedModels
from flavorkit.tracking.sql.part import page_of
from flavorkit.tracking.sql.schema import logged_models, model_metrics, model_params, model_tags
from flavorkit.tracking.sql.searching import Pairs, Searchable, metric_compared, storable

_MAX_PAGE = 50_000
_MAX_DATASETS = 100
_SEARCHABLE = Searchable(
    owner=logged_models.c.id,
    attributes={
        name: logged_models.c[name]
        for name in (
            *("name", "model_id", "model_type", "status", "source_run_id"),
            *("creation_timestamp", "last_updated_timestamp"),
        )
    },
    pairs={
        Kind.PARAM: Pairs(model_params, "model"),
        Kind.TAG: Pairs(model_tags, "model"),
    },
)


class LoggedModelSearch(LoggedModels):
    """The method of the store that searches logged models."""

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        datasets: Sequence[Mapping[str, str]] = (),
        max_results: int = 100,
        order_by: Sequence[LoggedModelOrder] = (),
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """See :class:`flavorkit.tracking.store.LoggedModelStore`."""
        pages.check_max_results(max_results, _MAX_PAGE)
        if len(order_by) > MAX_TERMS:
            raise InvalidArgumentError(f"an order has at most {MAX_TERMS} terms")
        asked = {
            "experiment_ids": list(experiment_ids),
            "filter_string": filter_string,
            "order_by": [
                [one.field_name, one.ascending, one.dataset_name, one.dataset_digest]
                for one in order_by
            ],
        }
        offset = pages.offset_of(page_token, **asked)
        numbers = numbers_of(experiment_ids)
        comparisons = parse_filter(filter_string, LOGGED_MODELS)
        orders = [(one.parsed(), one) for one in order_by]
        measured_on = _on_datasets(datasets)

        def search(connection: Connection) -> list[LoggedModel]:
            query = select(logged_models).where(
                logged_models.c.experiment.in_(numbers), logged_models.c.deleted_at.is_(None)
            )
            query = self._filtered(connection, query, comparisons, measured_on)
            query = self._ordered(connection, query, orders)
            rows = connection.execute(query.offset(offset).limit(max_results + 1)).all()
            return self._models(connection, rows)

        return page_of(self._database.read(search), max_results, offset, **asked)

    def _filtered(
        self, connection: Connection, query: Any, comparisons: Sequence[Comparison], on: Any
    ) -> Any:
        belongs = model_metrics.c.model == logged_models.c.id
        measured = [one for one in comparisons if one.field.kind is Kind.METRIC]
        known = self._keys.known(connection, [storable(one.field.key) for one in measured])
        for one in comparisons:
            if one.field.kind is not Kind.METRIC:
                query = query.where(_SEARCHABLE.condition(one, self._dialect))
                continue
            key = model_metrics.c.key == known.get(one.field.key, -1)
            condition = metric_compared(model_metrics.c, one, self._dialect)
            query = query.where(exists().where(belongs, key, condition, *on))
        if on and not measured:
            query = query.where(exists().where(belongs, *on))
        return query

    def _ordered(
        self,
        connection: Connection,
        query: Any,
        orders: Sequence[tuple[Order, LoggedModelOrder]],
    ) -> Any:
        metric_keys = [storable(one.field.key) for one, _ in orders if _is_metric(one)]
        known = self._keys.known(connection, metric_keys)
        for order, asked in orders:
            if not _is_metric(order):
                query = _SEARCHABLE.ordered(query, order)
                continue
            latest = _latest_of(known.get(order.field.key, -1), asked)
            value, special = latest(model_metrics.c.value), latest(model_metrics.c.special)
            direction = value.asc() if order.ascending else value.desc()
            query = query.order_by(special.is_(None), self._dialect.nan(special), direction)
        done = [order for order, _ in orders if not _is_metric(order)]
        for order in complete(done, LOGGED_MODELS_LAST)[len({order.field for order in done}) :]:
            query = _SEARCHABLE.ordered(query, order)
        return query


def _is_metric(order: Order) -> bool:
    return order.field.kind is Kind.METRIC


def _latest_of(key: int, asked: LoggedModelOrder) -> Any:
    table = model_metrics.c
    wanted = [table.model == logged_models.c.id, table.key == key]
    if asked.dataset_name:
        wanted.append(table.dataset_name == storable(asked.dataset_name))
    if asked.dataset_digest:
        wanted.append(table.dataset_digest == storable(asked.dataset_digest))
    last = (table.timestamp.desc(), table.step.desc(), table.run, table.special, table.value.desc())
    return lambda column: (
        select(column)
        .where(*wanted)
        .order_by(*last)
        .limit(1)
        .correlate(logged_models)
        .scalar_subquery()
    )


def _on_datasets(given: Sequence[Mapping[str, str]]) -> list[Any]:
    if len(given) > _MAX_DATASETS:
        raise InvalidArgumentError(f"at most {_MAX_DATASETS} datasets at a time")
    any_of = []
    for one in given:
        name, digest = one.get("dataset_name"), one.get("dataset_digest")
        if not name:
            raise InvalidArgumentError("each of the datasets has a dataset_name")
        wanted = [model_metrics.c.dataset_name == storable(name)]
        if digest:
            wanted.append(model_metrics.c.dataset_digest == storable(digest))
        any_of.append(and_(*wanted))
    return [or_(*any_of)] if any_of else []
