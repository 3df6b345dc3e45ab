"""Experiments and runs behind a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import (
    DatasetInput,
    Experiment,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Param,
    Run,
    RunInfo,
    RunTag,
    ViewType,
)
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.wire import experiments, run_calls, runs
from flavorkit.tracking.wire import metrics as metric_calls
from flavorkit.tracking.wire.values import Json, pairs, pairs_of, view_type_name

HISTORY_PAGE = 25_000
_BULK_RUNS = 100
_BULK_RESULTS = 2_500
"""What MLflow's servers take at once."""
_FIRST_STEP, _LAST_STEP = -(2**31), 2**31 - 1


class HttpRuns:
    """The part of a store about experiments and runs."""

    _connection: Connection

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Make an experiment; return its id."""
        fields: Json = {"name": name, "artifact_location": artifact_location}
        if tags:
            fields["tags"] = pairs(tags)
        answer = self._connection.call(experiments.CREATE, fields, is_repeatable=False)
        return str(answer["experiment_id"])

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, be it deleted."""
        answer = self._connection.call(experiments.GET, {"experiment_id": experiment_id})
        return experiments.from_json(answer["experiment"])

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, be it deleted; None if there is none."""
        try:
            answer = self._connection.call(experiments.GET_BY_NAME, {"experiment_name": name})
        except NotFoundError:
            return None
        return experiments.from_json(answer["experiment"])

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        self._connection.call(
            experiments.UPDATE, {"experiment_id": experiment_id, "new_name": new_name}
        )

    def delete_experiment(self, experiment_id: str) -> None:
        """Put an active experiment and its active runs into the bin."""
        fields = {"experiment_id": experiment_id}
        self._connection.call(experiments.DELETE, fields, is_repeatable=False)

    def restore_experiment(self, experiment_id: str) -> None:
        """Take a deleted experiment, and the runs that went with it, out of the bin."""
        fields = {"experiment_id": experiment_id}
        self._connection.call(experiments.RESTORE, fields, is_repeatable=False)

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """Set a tag of an active experiment."""
        self._connection.call(
            experiments.SET_TAG, {"experiment_id": experiment_id, "key": key, "value": value}
        )

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an active experiment; it must be there."""
        fields = {"experiment_id": experiment_id, "key": key}
        self._connection.call(experiments.DELETE_TAG, fields, is_repeatable=False)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        *,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of the experiments that a filter lets through, the newest first."""
        answer = self._connection.call(
            experiments.SEARCH,
            {
                "view_type": view_type_name(view_type),
                "max_results": max_results,
                "filter": filter_string,
                "order_by": list(order_by) if order_by else None,
                "page_token": page_token,
            },
        )
        found = map(experiments.from_json, answer.get("experiments", ()))
        return PagedList(found, answer.get("next_page_token") or None)

    def create_run(
        self,
        experiment_id: str,
        *,
        user_id: str | None = None,
        start_time: int | None = None,
        tags: Sequence[RunTag] = (),
        run_name: str | None = None,
    ) -> Run:
        """Begin a run in an active experiment."""
        answer = self._connection.call(
            run_calls.CREATE,
            {
                "experiment_id": experiment_id,
                "user_id": user_id,
                "start_time": start_time,
                "tags": pairs_of(tags) or None,
                "run_name": run_name,
            },
            is_repeatable=False,
        )
        return runs.from_json(answer["run"])

    def get_run(self, run_id: str) -> Run:
        """The run, be it deleted, with all that was logged but the history of its metrics."""
        answer = self._connection.call(run_calls.GET, _of(run_id))
        return runs.from_json(answer["run"])

    def update_run(
        self,
        run_id: str,
        status: str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """Change what is given of an active run."""
        fields = {"status": status, "end_time": end_time, "run_name": run_name}
        answer = self._connection.call(run_calls.UPDATE, {**_of(run_id), **fields})
        return runs.info_from_json(answer["run_info"])

    def delete_run(self, run_id: str) -> None:
        """Put an active run into the bin."""
        self._connection.call(run_calls.DELETE, {"run_id": run_id}, is_repeatable=False)

    def restore_run(self, run_id: str) -> None:
        """Take a deleted run out of the bin."""
        self._connection.call(run_calls.RESTORE, {"run_id": run_id}, is_repeatable=False)

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
        """A page of the runs of some experiments that a filter lets through, the newest first."""
        answer = self._connection.call(
            run_calls.SEARCH,
            {
                "experiment_ids": list(experiment_ids),
                "filter": filter_string,
                "run_view_type": view_type_name(view_type),
                "max_results": max_results,
                "order_by": list(order_by) if order_by else None,
                "page_token": page_token,
            },
        )
        found = map(runs.from_json, answer.get("runs", ()))
        return PagedList(found, answer.get("next_page_token") or None)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log all of it into an active run, or nothing."""
        fields: Json = {"run_id": run_id}
        if metrics:
            fields["metrics"] = [_metric(metric) for metric in metrics]
        if params:
            fields["params"] = pairs_of(params)
        if tags:
            fields["tags"] = pairs_of(tags)
        self._connection.call(run_calls.LOG_BATCH, fields)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value."""
        self._connection.call(run_calls.LOG_METRIC, {**_metric(metric), **_of(run_id)})

    def log_param(self, run_id: str, param: Param) -> None:
        """Log one parameter."""
        fields = {**_of(run_id), "key": param.key, "value": param.value}
        self._connection.call(run_calls.LOG_PARAM, fields)

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set one tag."""
        fields = {**_of(run_id), "key": tag.key, "value": tag.value}
        self._connection.call(run_calls.SET_TAG, fields)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of an active run; it must be there."""
        fields = {"run_id": run_id, "key": key}
        self._connection.call(run_calls.DELETE_TAG, fields, is_repeatable=False)

    def get_metric_history(
        self, run_id: str, key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """All values of a metric by time, step and value, or a page of them."""
        if max_results is not None:
            return self._history_page(run_id, key, max_results, page_token)
        found: PagedList[Metric] = PagedList()
        while True:
            page = self._history_page(run_id, key, HISTORY_PAGE, page_token)
            found += page
            page_token = page.token
            if not page_token:
                return found

    def _history_page(
        self, run_id: str, key: str, max_results: int, page_token: str | None
    ) -> PagedList[Metric]:
        fields = {"metric_key": key, "max_results": max_results, "page_token": page_token}
        answer = self._connection.call(metric_calls.GET_HISTORY, {**_of(run_id), **fields})
        found = [metric_calls.from_json(one, run_id) for one in answer.get("metrics", ())]
        return PagedList(found, answer.get("next_page_token") or None)

    def get_metric_history_bulk(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        start_step: int | None = None,
        end_step: int | None = None,
        max_results: int = HISTORY_PAGE,
    ) -> list[Metric]:
        """The values of a metric of several runs, evenly thinned; ``run_id`` is set in each."""
        fields: Json = {"metric_key": key, "max_results": max_results}
        if start_step is not None or end_step is not None:
            fields["start_step"] = _FIRST_STEP if start_step is None else start_step
            fields["end_step"] = _LAST_STEP if end_step is None else end_step
        found: list[Metric] = []
        for start in range(0, len(run_ids), _BULK_RUNS):
            fields["run_ids"] = list(run_ids[start : start + _BULK_RUNS])
            try:
                answer = self._connection.call(metric_calls.GET_HISTORY_BULK, fields)
            except InvalidArgumentError:
                if fields["max_results"] <= _BULK_RESULTS:
                    raise
                fields["max_results"] = _BULK_RESULTS
                answer = self._connection.call(metric_calls.GET_HISTORY_BULK, fields)
            found += [metric_calls.from_json(one) for one in answer.get("metrics", ())]
        return found

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """Note what an active run used."""
        fields: Json = {"run_id": run_id}
        if datasets:
            fields["datasets"] = runs.datasets_to_json(datasets)
        if models:
            fields["models"] = runs.models_to_json(models)
        self._connection.call(run_calls.LOG_INPUTS, fields)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models an active run made."""
        fields = {"run_id": run_id, "models": runs.outputs_to_json(models)}
        self._connection.call(run_calls.LOG_OUTPUTS, fields)


def _of(run_id: str) -> Json:
    """A run, under both names, as servers of every age want it."""
    return {"run_id": run_id, "run_uuid": run_id}


def _metric(metric: Metric) -> Json:
    content = metric_calls.to_json(names.metric(metric))
    content.pop("run_id", None)
    return content
