"""What is logged into runs, and the history of their metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.errors import NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import (
    DatasetInput,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Param,
    RunTag,
)
from flavorkit.tracking.files import inputs, metadata, metrics, searching, values
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import METRICS, PARAMS, TAGS
from flavorkit.tracking.files.logged_models import LoggedModelFolders, check_there
from flavorkit.tracking.files.run_files import RUN_NAME, check_active, checked_tags, write_tags
from flavorkit.tracking.search.pages import check_max_results, offset_of


class LoggingFolders(LoggedModelFolders):
    """What is logged into the runs of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log all of it into an active run, or nothing."""
        names.check_batch(metrics, params, tags)
        known_params, known_tags = names.params(params), checked_tags(tags)
        with self._changing_run(run_id) as (folder, content):
            new: dict[str, str] = {}
            for key, value in known_params.items():
                before = values.read_one(folder, PARAMS, key, "param")
                if before is None:
                    new[key] = value
                elif before != value:
                    raise names.param_changed(key, before, value)
            for kind, keys in (
                (METRICS, {metric.key for metric in metrics}),
                (PARAMS, new),
                (TAGS, known_tags),
            ):
                values.check(folder, kind, keys)
            self._append(folder, content, metrics)
            values.write_all(folder, PARAMS, new, "param")
            write_tags(folder, content, known_tags)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value."""
        with self._run(run_id) as (folder, content):
            check_active(run_id, content)
            self._append(folder, content, [metric])

    def log_param(self, run_id: str, param: Param) -> None:
        """Log one parameter."""
        self.log_batch(run_id, params=[param])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set one tag."""
        self.log_batch(run_id, tags=[tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of an active run; it must be there."""
        with self._changing_run(run_id) as (folder, content):
            if not values.remove(folder, TAGS, key, "tag"):
                raise NotFoundError(f"the run {run_id} has no tag {key!r}")
            if key == RUN_NAME:
                metadata.update(folder, content, run_name="")

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """Note what an active run used."""
        for used in datasets:
            inputs.check_dataset(used)
        with self._changing_run(run_id) as (folder, _):
            inputs.write_datasets(folder, run_id, datasets)
            inputs.write_models(folder, run_id, models)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note which logged models an active run made."""
        with self._changing_run(run_id) as (folder, _):
            inputs.write_outputs(folder, models)

    def get_metric_history(
        self, run_id: str, key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """All values of a metric by time, step and value, or a page of them."""
        offset = offset_of(page_token)
        if max_results is not None:
            check_max_results(max_results, searching.MAX_RESULTS)
        with self._run(run_id) as (folder, _):
            found = metrics.in_time(metrics.read_one(folder, key))
        return searching.cut(found, offset, len(found) if max_results is None else max_results)

    def get_metric_history_bulk(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        start_step: int | None = None,
        end_step: int | None = None,
        max_results: int = 25_000,
    ) -> list[Metric]:
        """The values of a metric of several runs, evenly thinned; ``run_id`` is set in each."""
        check_max_results(max_results, searching.MAX_RESULTS)
        found: list[Metric] = []
        for run_id in dict.fromkeys(run_ids):
            with contextlib.suppress(NotFoundError):
                history = [
                    metric
                    for metric in self.get_metric_history(run_id, key)
                    if (start_step is None or metric.step >= start_step)
                    and (end_step is None or metric.step <= end_step)
                ]
                found += metrics.thinned(history, max_results, run_id)
        return found

    def _append(self, folder: Folder, content: Mapping[str, Any], given: Sequence[Metric]) -> None:
        checked = [names.metric(metric) for metric in given]
        of_models: dict[str, list[Metric]] = {}
        for metric in checked:
            if metric.model_id is not None:
                of_models.setdefault(metric.model_id, []).append(metric)
        for model_id, measured in of_models.items():
            with self._model(model_id) as (model, known):
                check_there(model_id, known)
                metrics.append(model, measured, run_id=content["run_id"])
        metrics.append(folder, checked)
