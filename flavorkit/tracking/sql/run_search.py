"""The search of runs, which looks at the index that knows most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, false, func, not_, select

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import PagedList, Run, ViewType
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import RUNS, Field, Kind
from flavorkit.tracking.search.grammar import Comparison, parse_filter
from flavorkit.tracking.search.order import RUNS_LAST, Order, parse_order
from flavorkit.tracking.sql.experiments import numbers_of
from flavorkit.tracking.sql.part import page_of, rows_of
from flavorkit.tracking.sql.run_inputs import CONTEXT_TAG
from flavorkit.tracking.sql.runs import Runs
from flavorkit.tracking.sql.schema import (
    ACTIVE,
    datasets,
    input_tags,
    inputs,
    latest_metrics,
    params,
    runs,
    tags,
)
from flavorkit.tracking.sql.searching import (
    Condition,
    Pairs,
    Searchable,
    compared,
    metric_compared,
    storable,
)

_MAX_PAGE = 50_000
_SEARCHABLE = Searchable(
    owner=runs.c.id,
    attributes={
        "run_id": runs.c.run_id,
        "run_name": runs.c.name,
        "status": runs.c.status,
        "user_id": runs.c.user_id,
        "artifact_uri": runs.c.artifact_uri,
        "start_time": runs.c.start_time,
        "end_time": runs.c.end_time,
    },
    pairs={Kind.PARAM: Pairs(params, "run"), Kind.TAG: Pairs(tags, "run")},
)


_INDEX = "latest_metrics_values"
_FEW = 2_000


@dataclass(frozen=True)
class _Asked:
    """What is asked for, and the numbers of the metrics that it names."""

    experiments: Condition
    stages: Sequence[Condition]
    comparisons: Sequence[Comparison]
    orders: Sequence[Order]
    keys: Mapping[str, int]


class RunSearch(Runs):
    """The method of the store that searches runs."""

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        pages.check_max_results(max_results, _MAX_PAGE)
        offset = pages.offset_of(page_token)
        comparisons = parse_filter(filter_string, RUNS)
        orders = parse_order(order_by, RUNS, RUNS_LAST)
        experiments = numbers_of(experiment_ids)
        in_them: Condition = runs.c.experiment.in_(experiments)
        if len(experiments) == 1:
            in_them = runs.c.experiment == experiments[0]
        stages = _viewed(view_type)

        def search(connection: Connection) -> list[Run]:
            wanted = [one.field.key for one in comparisons if one.field.kind is Kind.METRIC]
            wanted += [one.field.key for one in orders if one.field.kind is Kind.METRIC]
            keys = self._keys.known(connection, [storable(key) for key in wanted])
            asked = _Asked(in_them, stages, comparisons, orders, keys)
            queries = [self._whole(asked)]
            if len(experiments) == 1:
                queries = self._by_metric(connection, asked, experiments[0]) or queries
            ids = _page(connection, queries, offset, max_results + 1)
            rows = {row.id: row for row in rows_of(connection, select(runs), runs.c.id, ids)}
            return self._runs(connection, [rows[one] for one in ids])

        return page_of(self._database.read(search), max_results, offset)

    def _whole(self, asked: _Asked) -> Select[int]:
        query = select(runs.c.id).where(asked.experiments, *asked.stages)
        query = query.where(*(self._condition(one, asked.keys) for one in asked.comparisons))
        for order in asked.orders:
            query = self._in_order(query, order, asked.keys)
        return query

    def _by_metric(
        self, connection: Connection, asked: _Asked, experiment: int
    ) -> list[Select[int]]:
        """Queries that follow the index of a metric's values and give the same one by one.

        None where no metric matters, or where so many runs have it that those that come first
        are found soon enough by looking at all in order.
        """
        first = asked.orders[0].field
        measured = [one.field for one in asked.comparisons if one.field.kind is Kind.METRIC]
        if any(field.key not in asked.keys for field in measured):
            return []
        if first.kind is Kind.METRIC:
            return self._along(asked, experiment, first) if first.key in asked.keys else []
        for field in dict.fromkeys(measured):
            along = self._driven(asked, experiment, field)
            few = select(func.count()).select_from(
                self._fitting(asked, experiment, field).limit(_FEW).subquery()
            )
            if (connection.execute(few).scalar() or 0) < _FEW:
                for order in asked.orders:
                    along = self._in_order(along, order, asked.keys)
                return [along]
        return []

    def _along(self, asked: _Asked, experiment: int, field: Field) -> list[Select[int]]:
        """First the runs by their values of a metric, then those with NaN, then those without."""
        ascending = asked.orders[0].ascending
        value = latest_metrics.c.value.asc() if ascending else latest_metrics.c.value.desc()
        numbers = self._driven(asked, experiment, field).order_by(value)
        queries = [numbers]
        if not any(one.field == field for one in asked.comparisons):
            table = latest_metrics.alias()
            here = (table.c.run == runs.c.id, table.c.key == asked.keys[field.key])
            nan = exists().where(*here, self._dialect.nan(table.c.special) == 1)
            others = self._whole(replace(asked, orders=()))
            queries += [others.where(nan), others.where(not_(exists().where(*here)))]
        for order in asked.orders[1:]:
            queries = [self._in_order(query, order, asked.keys) for query in queries]
        return queries

    def _driven(self, asked: _Asked, experiment: int, field: Field) -> Select[int]:
        """The runs of which the values of a metric fit, by way of those values."""
        others = [one for one in asked.comparisons if one.field != field]
        return (
            self._fitting(asked, experiment, field)
            .join(runs, runs.c.id == latest_metrics.c.run)
            # Of the experiment they are anyway. To say so again would lead a database that has no
            # statistics yet to look at all runs of it for every value.
            .where(*asked.stages, *(self._condition(one, asked.keys) for one in others))
        )

    def _fitting(self, asked: _Asked, experiment: int, field: Field) -> Select[int]:
        table = latest_metrics.c
        query = select(table.run).where(
            table.experiment == experiment,
            table.key == asked.keys[field.key],
            self._dialect.nan(table.special) == 0,
            *(
                metric_compared(table, one, self._dialect)
                for one in asked.comparisons
                if one.field == field
            ),
        )
        # Without statistics SQLite would rather look at every run.
        return query.with_hint(latest_metrics, f"INDEXED BY {_INDEX}", "sqlite")

    def _condition(self, comparison: Comparison, keys: Mapping[str, int]) -> Condition:
        of = comparison.field
        if of.kind is Kind.METRIC:
            if of.key not in keys:
                return false()
            table = latest_metrics.alias()
            return exists().where(
                table.c.run == runs.c.id,
                table.c.key == keys[of.key],
                metric_compared(table.c, comparison, self._dialect),
            )
        if of.kind is not Kind.DATASET:
            return _SEARCHABLE.condition(comparison, self._dialect)
        if of.key == "context":
            return exists().where(
                input_tags.c.run == runs.c.id,
                input_tags.c.key == CONTEXT_TAG,
                compared(input_tags.c.value, comparison, self._dialect),
            )
        column = datasets.c.name if of.key == "name" else datasets.c.digest
        return exists().where(
            inputs.c.run == runs.c.id,
            datasets.c.id == inputs.c.dataset,
            compared(column, comparison, self._dialect),
        )

    def _in_order(self, query: Any, order: Order, keys: Mapping[str, int]) -> Any:
        of = order.field
        if of.kind is not Kind.METRIC:
            return _SEARCHABLE.ordered(query, order)
        table = latest_metrics.alias()
        here = and_(table.c.run == runs.c.id, table.c.key == keys.get(of.key, -1))
        value = table.c.value.asc() if order.ascending else table.c.value.desc()
        query = query.outerjoin_from(runs, table, here)
        return query.order_by(table.c.run.is_(None), self._dialect.nan(table.c.special), value)


def _viewed(view_type: int) -> list[Any]:
    if view_type == ViewType.ALL:
        return []
    if view_type == ViewType.ACTIVE_ONLY:
        return [runs.c.bin == ACTIVE]
    if view_type == ViewType.DELETED_ONLY:
        return [runs.c.bin != ACTIVE]
    raise InvalidArgumentError(f"there is no view type {view_type!r}")


def _page(
    connection: Connection, queries: Sequence[Select[int]], offset: int, length: int
) -> list[int]:
    """Some of what the queries give one after the other."""
    ids: list[int] = []
    for query in queries:
        found = connection.execute(query.offset(offset).limit(length - len(ids))).scalars().all()
        ids += found
        if len(ids) == length or query is queries[-1]:
            break
        if found:
            offset = 0
        elif offset:
            counted = select(func.count()).select_from(query.order_by(None).subquery())
            offset -= connection.execute(counted).scalar() or 0
    return ids
