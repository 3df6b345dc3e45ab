"""Metrics, parameters and tags of runs, by a client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import active_model, names, spool
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.entities import Metric, Param, RunTag
from flavorkit.tracking.spool import Record, RunOperations
from flavorkit.tracking.values import now, number


class Logging(Connection):
    """What a client logs into runs.

    With ``synchronous=False`` a call returns when the value is on the disk of this machine; it is
    sent in the background, by the next process if this one is killed. What is returned then can be
    waited for. By default that is as ``flavorkit.config.enable_async_logging`` says.
    """

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one value of a metric.

        Args:
            run_id: of an active run.
            key: the metric's name.
            value: a number, or an array or tensor of one; may be NaN or infinite.
            timestamp: milliseconds since 1970; now if None.
            step: of the training; 0 if None.
            synchronous: whether to wait until the store has it.
            dataset_name: of the dataset that it was measured on.
            dataset_digest: of the same.
            model_id: of the logged model that it was measured of; the active one if None.

        Raises:
            NotFoundError: there is no such run.
            InvalidArgumentError: the value is no number, or the key breaks a rule.
        """
        metric = Metric(
            key,
            number(key, value),
            now() if timestamp is None else timestamp,
            step or 0,
            model_id or active_model.current(),
            dataset_name,
            dataset_digest,
        )
        if self._waits(synchronous):
            self._store.log_metric(run_id, metric)
            return None
        return spool.log(self._tracking_uri, Record(run_id, [names.metric(metric)]))

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a parameter; it is kept as text, and never changes.

        Returns:
            The value; what can be waited for, if ``synchronous`` is false.

        Raises:
            NotFoundError: there is no such run.
            InvalidArgumentError: it has another value already, or the key breaks a rule.
        """
        param = Param(key, str(value))
        if self._waits(synchronous):
            try:
                self._store.log_param(run_id, param)
            except InvalidArgumentError as exc:
                raise InvalidArgumentError(f"{exc}{_ADVICE}") from exc
            return value
        names.params([param])
        return spool.log(self._tracking_uri, Record(run_id, params=[param]))

    def set_tag(
        self, run_id: str, key: str, value: Any, synchronous: bool | None = None
    ) -> RunOperations | None:
        """Set a tag of a run; the value is made into text."""
        tag = RunTag(key, str(value))
        if self._waits(synchronous):
            self._store.set_tag(run_id, tag)
            return None
        names.key(key, "tag of a run")
        return spool.log(self._tracking_uri, Record(run_id, tags=[tag]))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of a run; it must be there."""
        self._store.delete_tag(run_id, key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Log many values at once, which takes far less time than one by one.

        As many as you like: what is more than a store takes in one piece is sent in several.

        Raises:
            NotFoundError: there is no such run.
            InvalidArgumentError: a value breaks a rule.
        """
        model_id = active_model.current()
        metrics = [_checked(metric, model_id) for metric in metrics]
        params = [Param(param.key, str(param.value)) for param in params]
        tags = [RunTag(tag.key, str(tag.value)) for tag in tags]
        waits = self._waits(synchronous)
        operations = []
        for batch in _batches(run_id, metrics, params, tags):
            if waits:
                self._store.log_batch(run_id, batch.metrics, batch.params, batch.tags)
            else:
                operations.append(spool.log(self._tracking_uri, batch))
        return None if waits else RunOperations.together(operations)

    def _waits(self, synchronous: bool | None) -> bool:
        return not spool.is_default() if synchronous is None else synchronous


_ADVICE = (
    ". To try several values in one program, start a run for each inside the first:"
    " with flavorkit.start_run(nested=True)"
)


def _checked(metric: Metric, model_id: str | None) -> Metric:
    value = number(metric.key, metric.value)
    if value is metric.value and (metric.model_id or not model_id):
        return metric
    return replace(metric, value=value, model_id=metric.model_id or model_id)


def _batches(
    run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
) -> Iterator[Record]:
    """All of it in pieces that a store takes."""
    while metrics or params or tags:
        some_params = params[: names.MAX_BATCH_PARAMS]
        some_tags = tags[: names.MAX_BATCH_TAGS]
        room = min(names.MAX_BATCH_METRICS, names.MAX_BATCH - len(some_params) - len(some_tags))
        yield Record(run_id, metrics[:room], some_params, some_tags)
        metrics, params, tags = (
            metrics[room:],
            params[len(some_params) :],
            tags[len(some_tags) :],
        )
