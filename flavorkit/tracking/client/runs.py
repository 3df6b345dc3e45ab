"""Runs, by a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.tracking import spool
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.entities import (
    DatasetInput,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Run,
    RunInfo,
    RunTag,
    ViewType,
)
from flavorkit.tracking.tags import PARENT_RUN_ID, USER
from flavorkit.tracking.values import now, texts

_HISTORY_PAGE = 25_000


class Runs(Connection):
    """What a client does with runs."""

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Begin a run, which is not made the active one: ``start_run`` does that.

        Args:
            experiment_id: of an active experiment.
            start_time: milliseconds since 1970; now if None.
            tags: to begin with; ``mlflow.user`` says whose run it is.
            run_name: made up if None and no tag ``mlflow.runName`` gives one.

        Raises:
            NotFoundError: there is no such experiment.
            InvalidArgumentError: the experiment is deleted, or a tag breaks a rule.
        """
        given = texts(tags)
        return self._store.create_run(
            str(experiment_id),
            user_id=given.get(USER, "unknown"),
            start_time=start_time or now(),
            tags=[RunTag(key, value) for key, value in given.items()],
            run_name=run_name,
        )

    def get_run(self, run_id: str) -> Run:
        """The run, be it deleted, with all that was logged but the history of its metrics.

        Raises:
            NotFoundError: there is none.
        """
        return self._store.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run that a run is nested in; None if it is not nested."""
        parent = self.get_run(run_id).data.tags.get(PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run, whichever is given."""
        if status is not None or name is not None:
            self._store.update_run(run_id, status=status, run_name=name)

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        """End a run.

        What was logged into it with ``synchronous=False`` is in the store by then.

        Args:
            run_id: of the run.
            status: ``FINISHED`` if None; or ``FAILED``, ``KILLED``.
            end_time: milliseconds since 1970; now if None.
        """
        spool.flush(self._tracking_uri)
        self._store.update_run(run_id, status=status or "FINISHED", end_time=end_time or now())

    def delete_run(self, run_id: str) -> None:
        """Put a run into the bin; :meth:`restore_run` takes it out."""
        self._store.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Take a run out of the bin."""
        self._store.restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """A page of the runs of some experiments that a filter lets through, the newest first.

        Args:
            experiment_ids: of the experiments.
            filter_string: such as ``metrics.loss < 0.1 and params.model = 'tree'``.
            run_view_type: active ones, deleted ones, or both.
            max_results: the length of a page.
            order_by: what comes first, such as ``["metrics.loss ASC"]``.
            page_token: of the page before: ``token`` of the list.

        Raises:
            InvalidArgumentError: the filter, the order or the token cannot be read.
        """
        if isinstance(experiment_ids, str | int):
            experiment_ids = [experiment_ids]
        return self._store.search_runs(
            [str(one) for one in experiment_ids],
            filter_string,
            view_type=run_view_type,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )

    def list_run_infos(
        self,
        experiment_id: str,
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RunInfo]:
        """A page of the runs of an experiment, without what was logged into them."""
        page = self.search_runs(
            [experiment_id], "", run_view_type, max_results, order_by, page_token
        )
        return PagedList([run.info for run in page], page.token)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """All values of a metric, in the order of their time, step and value."""
        history: list[Metric] = []
        token: str | None = None
        while True:
            page = self._store.get_metric_history(run_id, key, _HISTORY_PAGE, token)
            history += page
            token = page.token
            if not token:
                return history

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Note what a run used: datasets, and logged models."""
        self._store.log_inputs(run_id, datasets or (), models or ())

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models a run made."""
        self._store.log_outputs(run_id, models)
