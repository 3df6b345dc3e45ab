"""Values of metrics: what is logged at once, and what is read from the history of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, func, or_, select

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.entities import Metric, PagedList
from flavorkit.tracking.search import pages
from flavorkit.tracking.sql.part import Part, page_of
from flavorkit.tracking.sql.run_rows import run_row
from flavorkit.tracking.sql.schema import metrics, runs

_MAX_PAGE = 25_000
_MAX_RUNS = 1_000
_IN_TIME = (metrics.c.timestamp, metrics.c.step, metrics.c.special, metrics.c.value)
_IN_STEPS = (metrics.c.step, metrics.c.timestamp, metrics.c.special, metrics.c.value)
_MOST = 2**63

Value = tuple[str, float, int, int, int]
"""Key, value, whether it is NaN (then the value is 0), timestamp, step."""


@dataclass
class Logged:
    """Metrics that keep the rules.

    Args:
        values: all of them.
        latest: of each key the one that counts.
        of_models: those that were measured of a logged model.
    """

    values: list[Value] = field(default_factory=list)
    latest: dict[str, Value] = field(default_factory=dict)
    of_models: list[Metric] = field(default_factory=list)


def checked(given: Iterable[Metric]) -> Logged:
    """Metrics that keep the rules.

    Raises:
        InvalidArgumentError: one breaks a rule.
    """
    logged = Logged()
    latest = logged.latest
    for one in given:
        key, number, timestamp, step = one.key, one.value, one.timestamp, one.step
        # A key is looked at once: a batch has thousands of values of a few.
        before = latest.get(key) if type(key) is str else None
        if (
            before is None
            or type(number) is not float
            or not (type(timestamp) is type(step) is int)
            or not (-_MOST <= timestamp < _MOST and -_MOST <= step < _MOST)
        ):
            number = names.metric(one).value
        if number != number:  # noqa: PLR0124 - that is what NaN is
            value = (key, 0.0, 1, timestamp, step)
        else:
            value = (key, number, 0, timestamp, step)
        logged.values.append(value)
        if (
            before is None
            or step > before[4]
            or (step == before[4] and _weight(value) > _weight(before))
        ):
            latest[key] = value
        if one.model_id is not None:
            logged.of_models.append(replace(one, value=number))
    return logged


class Metrics(Part):
    """The methods of the store about the history of metrics."""

    def get_metric_history(
        self, run_id: str, key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")
        names.key(key, "metric")
        offset = pages.offset_of(page_token)
        if max_results is not None:
            pages.check_max_results(max_results, _MAX_PAGE)

        def get(connection: Connection) -> list[Metric]:
            run = run_row(self._hot, connection, run_id).id
            number = self._keys.known(connection, [key]).get(key)
            query = (
                select(metrics.c.value, metrics.c.special, metrics.c.timestamp, metrics.c.step)
                .where(metrics.c.run == run, metrics.c.key == number)
                .order_by(*_IN_TIME)
            )
            if max_results is not None:
                query = query.offset(offset).limit(max_results + 1)
            return self._history(connection.execute(query), key, None)

        found = self._database.read(get)
        if max_results is None:
            return PagedList(found[offset:])
        return page_of(found, max_results, offset)

    def get_metric_history_bulk(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        start_step: int | None = None,
        end_step: int | None = None,
        max_results: int = 25_000,
    ) -> list[Metric]:
        """See :class:`flavorkit.tracking.store.RunStore`; ``max_results`` is for each run."""
        if len(run_ids) > _MAX_RUNS:
            raise InvalidArgumentError(f"at most {_MAX_RUNS} runs at a time, not {len(run_ids)}")
        for run_id in run_ids:
            names.identifier(run_id, "a run")
        names.key(key, "metric")
        pages.check_max_results(max_results, _MAX_PAGE)

        def get(connection: Connection) -> list[Metric]:
            number = self._keys.known(connection, [key]).get(key)
            if number is None:
                return []
            query = select(runs.c.run_id, runs.c.id).where(runs.c.run_id.in_(run_ids))
            known = {row.run_id: row.id for row in connection.execute(query)}
            found: list[Metric] = []
            for run_id in dict.fromkeys(run_ids):
                if run_id in known:
                    thinned = _thinned(known[run_id], number, start_step, end_step, max_results)
                    found += self._history(connection.execute(thinned), key, run_id)
            return found

        return self._database.read(get)

    def _history(self, rows: Iterable[Any], key: str, run_id: str | None) -> list[Metric]:
        read = self._dialect.read
        return [
            Metric(key, read(row.value, row.special), row.timestamp, row.step, run_id=run_id)
            for row in rows
        ]


def _thinned(run: int, key: int, start: int | None, end: int | None, at_most: int) -> Any:
    """The values in the order of their steps, the first and the last and some in between."""
    wanted = [metrics.c.run == run, metrics.c.key == key]
    if start is not None:
        wanted.append(metrics.c.step >= names.timestamp(start, "a step"))
    if end is not None:
        wanted.append(metrics.c.step <= names.timestamp(end, "a step"))
    numbered = (
        select(
            *(metrics.c.value, metrics.c.special, metrics.c.timestamp, metrics.c.step),
            (func.row_number().over(order_by=_IN_STEPS) - 1).label("place"),
            (func.count().over() - 1).label("last"),
        )
        .where(*wanted)
        .subquery()
    )
    here = numbered.c
    if at_most == 1:
        kept: Any = here.place == here.last
    else:
        # Where the share of what is kept passes another whole number.
        before = (here.place - 1) * (at_most - 1) // func.nullif(here.last, 0)
        share = here.place * (at_most - 1) // func.nullif(here.last, 0)
        kept = or_(here.last < at_most, here.place == 0, share > before)
    query = select(here.value, here.special, here.timestamp, here.step).where(kept)
    return query.order_by(here.place)


def _weight(value: Value) -> tuple[int, int, int, float]:
    _, number, is_nan, timestamp, step = value
    return step, timestamp, -is_nan, number
