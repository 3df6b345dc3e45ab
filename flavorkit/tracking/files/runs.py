"""Runs: folders of an experiment, in which what was logged is in files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import (
    LifecycleStage,
    PagedList,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
    ViewType,
)
from flavorkit.tracking.files import metadata, run_files, searching, values
from flavorkit.tracking.files.experiments import ExperimentFolders, now
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    ARTIFACTS,
    METRICS,
    PARAMS,
    TAGS,
    TRASH,
    is_experiment,
    run_folder,
)
from flavorkit.tracking.search.fields import RUNS, Kind
from flavorkit.tracking.search.matching import matches
from flavorkit.tracking.search.order import RUNS_LAST

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
        known = run_files.checked_tags(tags)
        known[run_files.RUN_NAME] = run_files.run_name(run_name, known)
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
                "run_name": known[run_files.RUN_NAME],
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
        empty = RunData([], {}, known), RunInputs([], []), RunOutputs([])
        return Run(run_files.info(content, known), *empty)

    def get_run(self, run_id: str) -> Run:
        """The run, be it deleted, with all that was logged but the history of its metrics."""
        with self._run(run_id) as (folder, content):
            return run_files.whole(folder, content)

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
        tags = run_files.checked_tags([RunTag(run_files.RUN_NAME, run_name)] if run_name else [])
        with self._changing_run(run_id) as (folder, content):
            run_files.write_tags(folder, content, tags, changes)
        with self._run(run_id) as (folder, content):
            return run_files.info(content, {})

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
            for folder, content in run_files.listed(experiment):
                if not searching.in_view(content["lifecycle_stage"], view_type):
                    continue
                # The name of an old run may be known to its tags only.
                info = Run(run_files.info(content, {}))
                if info.info.run_name and not matches(info, simple, searching.of_run):
                    continue
                found.append(run_files.whole(folder, content))
        return search.page(found, searching.of_run)

    @contextlib.contextmanager
    def _run(self, run_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The open folder of a run, be it deleted, and what its file says."""
        folder = self._find_run(run_folder(run_id))
        if folder is None:
            raise NotFoundError(f"there is no run {run_id}")
        with folder:
            content = run_files.content_of(folder, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no run {run_id}")
            yield folder, content

    @contextlib.contextmanager
    def _changing_run(self, run_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The same of an active run, with its lock."""
        with self._run(run_id) as (folder, _), folder.locked():
            content = run_files.content_of(folder, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no run {run_id}")
            run_files.check_active(run_id, content)
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
            content = run_files.content_of(folder, metadata.read(folder))
            if content is not None and content["lifecycle_stage"] != stage:
                metadata.update(
                    folder, content, lifecycle_stage=stage.value, deleted_time=deleted_time
                )
