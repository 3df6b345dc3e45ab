"""Runs: folders of an experiment, in which what was logged is in files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import (
    DatasetInput,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Param,
    Run,
    RunData,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)
from flavorkit.tracking.files import inputs, metadata, metrics, searching, values
from flavorkit.tracking.files.experiments import ExperimentFolders, in_view, now
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    ARTIFACTS,
    METRICS,
    PARAMS,
    TAGS,
    TRASH,
    below,
    is_experiment,
    is_run,
    run_folder,
)
from flavorkit.tracking.run_names import made_up
from flavorkit.tracking.search.fields import RUNS, Kind
from flavorkit.tracking.search.matching import matches
from flavorkit.tracking.search.order import RUNS_LAST
from flavorkit.tracking.search.pages import check_max_results, offset_of

RUN_NAME = "mlflow.runName"
_SOURCE_TYPE_LOCAL = 4
_MAX_PLACES = 10_000


class RunFolders(ExperimentFolders):
    """The runs of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def __init__(self, root: Path, artifact_root: str | None) -> None:
        super().__init__(root, artifact_root)
        # Where a run was found last; a hint, since experiments move into the bin and out of it.
        self._places: dict[str, tuple[str, ...]] = {}

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
        known = _tags(tags)
        known[RUN_NAME] = _name(run_name, known)
        begin = now() if start_time is None else names.timestamp(start_time, "the start time")
        run_id = names.new_run_id()
        with (
            self._changing(experiment_id, shared=True) as (experiment, parent),
            experiment.make(run_id) as folder,
        ):
            content: dict[str, Any] = {
                "artifact_uri": below(str(parent["artifact_location"]), run_id, ARTIFACTS),
                "deleted_time": None,
                "end_time": None,
                "entry_point_name": "",
                "experiment_id": str(experiment_id),
                "lifecycle_stage": LifecycleStage.ACTIVE.value,
                "run_id": run_id,
                "run_name": known[RUN_NAME],
                "source_name": "",
                "source_type": _SOURCE_TYPE_LOCAL,
                "source_version": "",
                "start_time": begin,
                "status": RunStatus.RUNNING,
                "tags": [],
                "user_id": names.value(user_id or "", "the user of a run", names.MAX_MODEL_NAME),
            }
            for kind in (METRICS, PARAMS, ARTIFACTS):
                folder.make(kind).close()
            values.write_all(folder, TAGS, known, "tag")
            metadata.write(folder, content, durable=False)
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Run:
        """The run, be it deleted, with all that was logged but the history of its metrics."""
        with self._run(run_id) as (folder, content):
            return _run(folder, content)

    def update_run(
        self,
        run_id: str,
        status: str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """Change what is given of an active run."""
        changes: dict[str, Any] = {}
        if status is not None:
            changes["status"] = RunStatus.from_string(names.run_status(status))
        if end_time is not None:
            changes["end_time"] = names.timestamp(end_time, "the end time")
        tags = _tags([RunTag(RUN_NAME, run_name)] if run_name else [])
        with self._changing_run(run_id) as (folder, content):
            self._write_tags(folder, content, tags, changes)
        with self._run(run_id) as (folder, content):
            return _info(content, {})

    def delete_run(self, run_id: str) -> None:
        """Put an active run into the bin."""
        self._set_stage(run_id, LifecycleStage.DELETED, now())

    def restore_run(self, run_id: str) -> None:
        """Take a deleted run out of the bin."""
        self._set_stage(run_id, LifecycleStage.ACTIVE, None)

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
        search = searching.Search(RUNS, RUNS_LAST, filter_string, order_by, max_results, page_token)
        # What can be told from the one file that has been read spares reading the others.
        simple = [one for one in search.comparisons if one.field.kind is Kind.ATTRIBUTE]
        found = []
        for experiment, _ in self._experiments(experiment_ids):
            for folder, content in listed(experiment):
                if not in_view(content["lifecycle_stage"], view_type):
                    continue
                # The name of an old run may be known to its tags only.
                info = Run(_info(content, {}))
                if info.info.run_name and not matches(info, simple, searching.of_run):
                    continue
                found.append(_run(folder, content))
        return search.page(found, searching.of_run)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Log all of it into an active run, or nothing."""
        names.check_batch(metrics, params, tags)
        known_params, known_tags = names.params(params), _tags(tags)
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
            self._write_tags(folder, content, known_tags)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value."""
        with self._run(run_id) as (folder, content):
            _check_active(run_id, content)
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

    @contextlib.contextmanager
    def _run(self, run_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The open folder of a run, be it deleted, and what its file says."""
        folder = self._find_run(run_folder(run_id))
        if folder is None:
            raise NotFoundError(f"there is no run {run_id}")
        with folder:
            content = _content(folder, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no run {run_id}")
            yield folder, content

    @contextlib.contextmanager
    def _changing_run(self, run_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The same of an active run, with its lock."""
        with self._run(run_id) as (folder, _), folder.locked():
            content = _content(folder, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no run {run_id}")
            _check_active(run_id, content)
            yield folder, content

    def _find_run(self, name: str) -> Folder | None:
        with self._root() as root:
            place = self._places.get(name)
            if place is not None and (folder := root.find(*place, name)) is not None:
                return folder
            for place in self._experiment_places(root):
                folder = root.find(*place, name)
                if folder is not None:
                    self._remember(name, place)
                    return folder
        return None

    def _remember(self, name: str, place: tuple[str, ...]) -> None:
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[name] = place

    def _experiment_places(self, root: Folder) -> Iterator[tuple[str, ...]]:
        """Where the folders of experiments are."""
        for name in filter(is_experiment, root.folders()):
            yield (name,)
        trash = root.find(TRASH)
        if trash is not None:
            with trash:
                for name in filter(is_experiment, trash.folders()):
                    yield TRASH, name

    def _set_stage(self, run_id: str, stage: LifecycleStage, deleted_time: int | None) -> None:
        with self._run(run_id) as (folder, _), folder.locked():
            content = _content(folder, metadata.read(folder))
            if content is not None and content["lifecycle_stage"] != stage:
                metadata.update(
                    folder, content, lifecycle_stage=stage.value, deleted_time=deleted_time
                )

    def _append(self, folder: Folder, content: Mapping[str, Any], given: Sequence[Metric]) -> None:
        checked = [names.metric(metric) for metric in given]
        of_models: dict[str, list[Metric]] = {}
        for metric in checked:
            if metric.model_id is not None:
                of_models.setdefault(metric.model_id, []).append(metric)
        self._append_to_models(content["run_id"], of_models)
        metrics.append(folder, checked)

    def _append_to_models(self, run_id: str, metrics: Mapping[str, Sequence[Metric]]) -> None:
        raise NotImplementedError

    def _write_tags(
        self,
        folder: Folder,
        content: Mapping[str, Any],
        tags: Mapping[str, str],
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write tags and other changes of a run; its name is a tag and stands in its file."""
        values.write_all(folder, TAGS, tags, "tag")
        changed = dict(changes or {})
        if RUN_NAME in tags:
            changed["run_name"] = tags[RUN_NAME]
        if changed:
            metadata.update(folder, content, **changed)


def _tags(tags: Sequence[RunTag]) -> dict[str, str]:
    return {
        names.key(tag.key, "tag of a run"): names.run_tag_value(tag.key, tag.value) for tag in tags
    }


def _name(given: str | None, tags: Mapping[str, str]) -> str:
    if not given:
        return tags.get(RUN_NAME) or made_up()
    name = names.run_tag_value(RUN_NAME, given)
    if tags.get(RUN_NAME, name) != name:
        raise InvalidArgumentError(
            f"the run is named {name!r}, and its tag {RUN_NAME} says {tags[RUN_NAME]!r}"
        )
    return name


def _check_active(run_id: str, content: Mapping[str, Any]) -> None:
    if content["lifecycle_stage"] != LifecycleStage.ACTIVE:
        raise InvalidArgumentError(f"the run {run_id} is deleted: restore it first")


def listed(experiment: Folder) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """The folders of the runs of an experiment, of which each is closed before the next one."""
    for name in filter(is_run, experiment.folders()):
        folder = experiment.find(name)
        if folder is None:
            continue
        with folder:
            content = _content(folder, metadata.read_or_skip(folder))
            if content is not None:
                yield folder, content


def _content(folder: Folder, content: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is known of a run, in today's words; None if the folder is none.

    Artifacts can have a ``meta.yaml`` too, hence the comparison with the names of the folders.
    """
    if content is None:
        return None
    path = Path(folder.path)
    run_id = content.get("run_id") or content.get("run_uuid")
    if str(run_id) != path.name or str(content.get("experiment_id")) != path.parent.name:
        return None
    status = content.get("status", RunStatus.RUNNING)
    if isinstance(status, str):
        status = RunStatus.from_string(names.run_status(status))
    return {
        **content,
        "run_id": str(run_id),
        "run_name": metadata.text(content, "run_name") or metadata.text(content, "name"),
        "status": status if status in RunStatus.all_status() else RunStatus.RUNNING,
        "lifecycle_stage": content.get("lifecycle_stage") or LifecycleStage.ACTIVE.value,
    }


def _info(content: Mapping[str, Any], tags: Mapping[str, str]) -> RunInfo:
    return RunInfo(
        run_id=content["run_id"],
        experiment_id=str(content["experiment_id"]),
        user_id=metadata.text(content, "user_id") or "",
        status=RunStatus.to_string(content["status"]),
        start_time=metadata.integer(content, "start_time") or 0,
        end_time=metadata.integer(content, "end_time"),
        lifecycle_stage=content["lifecycle_stage"],
        artifact_uri=metadata.text(content, "artifact_uri") or "",
        run_name=content["run_name"] or tags.get(RUN_NAME, ""),
    )


def _run(folder: Folder, content: Mapping[str, Any]) -> Run:
    tags = values.read_all(folder, TAGS)
    return Run(
        _info(content, tags),
        RunData(
            [metrics.latest(history) for history in metrics.read_all(folder)],
            values.read_all(folder, PARAMS),
            tags,
        ),
        inputs.read_inputs(folder),
        inputs.read_outputs(folder),
    )
