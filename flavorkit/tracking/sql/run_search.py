"""The search of runs, which looks at the index that knows most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, false, select

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.entities import PagedList, Run, ViewType
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import RUNS, Kind
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
        viewed = [runs.c.experiment.in_(numbers_of(experiment_ids)), *_viewed(view_type)]

        def search(connection: Connection) -> list[Run]:
            wanted = [one.field.key for one in comparisons if one.field.kind is Kind.METRIC]
            wanted += [one.field.key for one in orders if one.field.kind is Kind.METRIC]
            keys = self._keys.known(connection, [storable(key) for key in wanted])
            query = select(runs.c.id).where(*viewed)
            query = query.where(*(self._condition(one, keys) for one in comparisons))
            for order in orders:
                query = _ordered(query, order, keys)
            ids = connection.execute(query.offset(offset).limit(max_results + 1)).scalars().all()
            rows = {row.id: row for row in rows_of(connection, select(runs), runs.c.id, ids)}
            return self._runs(connection, [rows[one] for one in ids])

        return page_of(self._database.read(search), max_results, offset)

    def _condition(self, comparison: Comparison, keys: dict[str, int]) -> Condition:
        of = comparison.field
        if of.kind is Kind.METRIC:
            if of.key not in keys:
                return false()
            return exists().where(
                latest_metrics.c.run == runs.c.id,
                latest_metrics.c.key == keys[of.key],
                metric_compared(latest_metrics.c, comparison, self._dialect),
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


def _ordered(query: Any, order: Order, keys: dict[str, int]) -> Any:
    of = order.field
    if of.kind is not Kind.METRIC:
        return _SEARCHABLE.ordered(query, order)
    table = latest_metrics.alias()
    here = and_(table.c.run == runs.c.id, table.c.key == keys.get(of.key, -1))
    value = table.c.value.asc() if order.ascending else table.c.value.desc()
    query = query.outerjoin_from(runs, table, here)
    return query.order_by(table.c.run.is_(None), table.c.is_nan, value)


def _viewed(view_type: int) -> list[Any]:
    if view_type == ViewType.ALL:
        return []
    if view_type == ViewType.ACTIVE_ONLY:
        return [runs.c.bin == ACTIVE]
    if view_type == ViewType.DELETED_ONLY:
        return [runs.c.bin != ACTIVE]
    raise InvalidArgumentError(f"there is no view type {view_type!r}")
