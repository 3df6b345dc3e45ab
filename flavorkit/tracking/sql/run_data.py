"""What is logged into runs: metrics, parameters, tags."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, select, update

from flavorkit.errors import NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import Metric, Param, RunTag
from flavorkit.tracking.sql.logged_models import model_numbers
from flavorkit.tracking.sql.metrics import Logged, checked
from flavorkit.tracking.sql.part import Part
from flavorkit.tracking.sql.run_rows import active_run
from flavorkit.tracking.sql.runs import NAME_TAG, checked_tags
from flavorkit.tracking.sql.schema import model_metrics, params, runs, tags

_PARAMS = select(params.c.key, params.c.value).where(
    params.c.run == bindparam("run"), params.c.key.in_(bindparam("keys", expanding=True))
)
_RENAME = update(runs).where(runs.c.id == bindparam("number")).values(name=bindparam("new_name"))


class RunData(Part):
    """The methods of the store that log into runs."""

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.check_batch(metrics, params, tags)
        self._log(run_id, checked(metrics), names.params(params), checked_tags(tags))

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        self._log(run_id, checked((metric,)), {}, {})

    def log_param(self, run_id: str, param: Param) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        self._log(run_id, None, names.params((param,)), {})

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        self._log(run_id, None, {}, checked_tags((tag,)))

    def delete_tag(self, run_id: str, key: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.identifier(run_id, "a run")
        names.key(key, "tag of a run")

        def remove(connection: Connection) -> None:
            run, _ = active_run(self._hot, connection, run_id)
            this = (tags.c.run == run, tags.c.key == key)
            if connection.execute(delete(tags).where(*this)).rowcount == 0:
                raise NotFoundError(f"the run {run_id} has no tag {key!r}")
            if key == NAME_TAG:
                connection.execute(_RENAME, {"number": run, "new_name": ""})

        self._database.write(remove)

    def _log(
        self,
        run_id: str,
        logged: Logged | None,
        kept_params: Mapping[str, str],
        kept_tags: Mapping[str, str],
    ) -> None:
        names.identifier(run_id, "a run")

        def log(connection: Connection) -> dict[str, int]:
            run, experiment = active_run(self._hot, connection, run_id)
            if kept_params:
                self._log_params(connection, run, kept_params)
            if kept_tags:
                rows = [(run, key, text) for key, text in kept_tags.items()]
                self._hot.upsert_tag.run_many(connection, rows)
                if NAME_TAG in kept_tags:
                    named = {"number": run, "new_name": kept_tags[NAME_TAG]}
                    connection.execute(_RENAME, named)
            if logged is not None and logged.values:
                return self._log_metrics(connection, run, experiment, logged)
            return {}

        self._keys.remember(self._database.write(log, repeatable=True))

    def _log_params(self, connection: Connection, run: int, kept: Mapping[str, str]) -> None:
        rows = [(run, key, text) for key, text in kept.items()]
        inserted = self._hot.insert_param.run_many(connection, rows).rowcount
        if self._dialect.counts_inserted and inserted == len(rows):
            return
        for key, value in connection.execute(_PARAMS, {"run": run, "keys": list(kept)}):
            if kept[key] != value:
                raise names.param_changed(key, value, kept[key])

    def _log_metrics(
        self, connection: Connection, run: int, experiment: int, logged: Logged
    ) -> dict[str, int]:
        numbers = self._keys.of(connection, logged.latest)
        stored = self._dialect.stored
        rows = [
            (run, numbers[key], step, timestamp, *stored(value, is_nan))
            for key, value, is_nan, timestamp, step in logged.values
        ]
        self._hot.insert_metric.run_many(connection, rows)
        # By the numbers of the keys, so that no two transactions wait for each other.
        latest = sorted(
            (run, numbers[key], *stored(value, is_nan), timestamp, step, experiment)
            for key, value, is_nan, timestamp, step in logged.latest.values()
        )
        self._hot.upsert_latest.run_many(connection, latest)
        if logged.of_models:
            self._log_of_models(connection, run, numbers, logged.of_models)
        return numbers

    def _log_of_models(
        self, connection: Connection, run: int, numbers: Mapping[str, int], measured: list[Metric]
    ) -> None:
        models = model_numbers(connection, {str(metric.model_id) for metric in measured})
        rows = []
        for metric in measured:
            is_nan = math.isnan(metric.value)
            value, special = self._dialect.stored(0.0 if is_nan else metric.value, int(is_nan))
            rows.append(
                {
                    "model": models[str(metric.model_id)],
                    "key": numbers[metric.key],
                    "run": run,
                    "step": metric.step,
                    "timestamp": metric.timestamp,
                    "value": value,
                    "special": special,
                    "dataset_name": metric.dataset_name or "",
                    "dataset_digest": metric.dataset_digest or "",
                }
            )
        connection.execute(self._dialect.insert_new(model_metrics), rows)
