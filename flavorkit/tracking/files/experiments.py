"""Experiments: folders of the store, or of its bin."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import Experiment, LifecycleStage, PagedList, ViewType
from flavorkit.tracking.files import metadata, searching, values
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    REGISTRY,
    TAGS,
    TRASH,
    experiment_folder,
    is_experiment,
    is_run,
    location,
    new_experiment_id,
)
from flavorkit.tracking.search.fields import EXPERIMENTS
from flavorkit.tracking.search.order import EXPERIMENTS_LAST

_ACTIVE = {"lifecycle_stage": LifecycleStage.ACTIVE.value}
_DELETED = {"lifecycle_stage": LifecycleStage.DELETED.value}


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class ExperimentFolders:
    """The experiments of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def __init__(self, root: Path, artifact_root: str | None) -> None:
        self._path = root
        self._artifact_root = location(artifact_root) if artifact_root else root.as_uri()
        with Folder.at(root, make=True) as folder, folder.locked():
            if not any(True for _ in self._listed(folder, ViewType.ALL)):
                self._write_experiment(folder, DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME)
            for name in (TRASH, REGISTRY):
                folder.make(name).close()

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Make an experiment; return its id."""
        names.experiment_name(name)
        known = names.tags(tags or {}, "experiment", names.MAX_EXPERIMENT_TAG_VALUE)
        if artifact_location:
            names.value(artifact_location, "an artifact location", names.MAX_SOURCE)
        with self._root() as root, root.locked():
            self._check_free(root, name)
            experiment_id = new_experiment_id()
            self._write_experiment(root, experiment_id, name, artifact_location, known)
        return experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, be it deleted."""
        with self._experiment(experiment_id) as (folder, content):
            return _experiment(folder, content)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, be it deleted; None if there is none."""
        with self._root() as root:
            for folder, content in self._listed(root, ViewType.ALL):
                if content["name"] == name:
                    return _experiment(folder, content)
        return None

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        names.experiment_name(new_name)
        with (
            self._root() as root,
            root.locked(),
            self._changing(experiment_id) as (folder, content),
        ):
            if content["name"] != new_name:
                self._check_free(root, new_name)
            metadata.update(folder, content, name=new_name, last_update_time=now())

    def delete_experiment(self, experiment_id: str) -> None:
        """Put an active experiment and its active runs into the bin."""
        moment = now()
        with (
            self._root() as root,
            root.locked(),
            root.make(TRASH) as trash,
            self._changing(experiment_id) as (folder, content),
        ):
            if trash.has(experiment_id):
                raise AlreadyExistsError(f"another experiment {experiment_id} is in the bin")
            metadata.update(folder, content, **_DELETED, last_update_time=moment)
            root.move(experiment_id, trash, experiment_id)
            for run, known in _runs(folder, LifecycleStage.ACTIVE):
                metadata.update(run, known, **_DELETED, deleted_time=moment)

    def restore_experiment(self, experiment_id: str) -> None:
        """Take a deleted experiment, and the runs that went with it, out of the bin."""
        with (
            self._root() as root,
            root.locked(),
            root.make(TRASH) as trash,
            self._experiment(experiment_id) as (folder, content),
            folder.locked(),
        ):
            if content["lifecycle_stage"] != LifecycleStage.DELETED:
                raise InvalidArgumentError(f"the experiment {experiment_id} is not deleted")
            went = metadata.integer(content, "last_update_time")
            for run, known in _runs(folder, LifecycleStage.DELETED):
                # A run that was deleted before its experiment stays in the bin.
                if metadata.integer(known, "deleted_time") in {None, went}:
                    metadata.update(run, known, **_ACTIVE, deleted_time=None)
            metadata.update(folder, content, **_ACTIVE, last_update_time=now())
            if trash.has(experiment_id):
                trash.move(experiment_id, root, experiment_id)

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """Set a tag of an active experiment."""
        tags = names.tags({key: value}, "experiment", names.MAX_EXPERIMENT_TAG_VALUE)
        with self._changing(experiment_id) as (folder, content):
            values.write_all(folder, TAGS, tags, "tag")
            metadata.update(folder, content, last_update_time=now())

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an active experiment; it must be there."""
        with self._changing(experiment_id) as (folder, content):
            if not values.remove(folder, TAGS, key, "tag"):
                raise NotFoundError(f"the experiment {experiment_id} has no tag {key!r}")
            metadata.update(folder, content, last_update_time=now())

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
        search = searching.Search(
            EXPERIMENTS, EXPERIMENTS_LAST, filter_string, order_by, max_results, page_token
        )
        with self._root() as root:
            found = [_experiment(*one) for one in self._listed(root, view_type)]
        return search.page(found, searching.of_experiment)

    def _root(self) -> Folder:
        return Folder.at(self._path)

    @contextlib.contextmanager
    def _experiment(self, experiment_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The open folder of an experiment, be it deleted, and what its file says."""
        name = experiment_folder(experiment_id)
        with self._root() as root:
            folder = root.find(name) or root.find(TRASH, name)
        if folder is None:
            raise NotFoundError(f"there is no experiment {experiment_id}")
        with folder:
            content = self._content(folder, name, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no experiment {experiment_id}")
            yield folder, content

    @contextlib.contextmanager
    def _changing(
        self, experiment_id: str, *, shared: bool = False
    ) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The same of an active experiment, with its lock."""
        with self._experiment(experiment_id) as (folder, _), folder.locked(shared=shared):
            content = self._content(folder, experiment_id, metadata.read(folder))
            if content is None or content["lifecycle_stage"] != LifecycleStage.ACTIVE:
                raise InvalidArgumentError(
                    f"the experiment {experiment_id} is deleted: restore it first"
                )
            yield folder, content

    def _experiments(
        self, experiment_ids: Sequence[str]
    ) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The folders of those of some experiments that there are; each is closed by the next."""
        for experiment_id in dict.fromkeys(experiment_ids):
            with contextlib.ExitStack() as stack:
                try:
                    found = stack.enter_context(self._experiment(experiment_id))
                except NotFoundError:
                    continue
                yield found

    def _listed(self, root: Folder, view_type: int) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The folders of all experiments, of which each is closed before the next one."""
        for place in ((), (TRASH,)):
            parent = root.find(*place)
            if parent is None:
                continue
            with parent:
                for name in filter(is_experiment, parent.folders()):
                    folder = parent.find(name)
                    if folder is None:
                        continue
                    with folder:
                        content = self._content(folder, name, metadata.read_or_skip(folder))
                        if content is not None and searching.in_view(
                            content["lifecycle_stage"], view_type
                        ):
                            yield folder, content

    def _content(
        self, folder: Folder, name: str, content: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """What is known of an experiment; None if the folder is none."""
        if content is None or str(content.get("experiment_id")) != name or "name" not in content:
            return None
        in_bin = Path(folder.path).parent == self._path / TRASH
        deleted = in_bin or content.get("lifecycle_stage") == LifecycleStage.DELETED
        return {**content, "name": str(content["name"]), **(_DELETED if deleted else _ACTIVE)}

    def _check_free(self, root: Folder, name: str) -> None:
        for _, content in self._listed(root, ViewType.ALL):
            if content["name"] == name:
                deleted = content["lifecycle_stage"] == LifecycleStage.DELETED
                advice = ": it is deleted; restore or purge it" if deleted else ""
                raise AlreadyExistsError(f"the experiment {name!r} already exists{advice}")

    def _write_experiment(
        self,
        root: Folder,
        experiment_id: str,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        moment = now()
        place = below(self._artifact_root, experiment_id)
        with root.make(experiment_id) as folder:
            values.write_all(folder, TAGS, tags or {}, "tag")
            metadata.write(
                folder,
                {
                    "artifact_location": location(artifact_location)
                    if artifact_location
                    else place,
                    "creation_time": moment,
                    "effective_trace_archival_retention": None,
                    "experiment_id": experiment_id,
                    "last_update_time": moment,
                    "name": name,
                    **_ACTIVE,
                    "trace_location": None,
                    "workspace": "default",
                },
            )


def _runs(experiment: Folder, stage: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """The folders of the runs that are in a stage, each with its lock until the next one."""
    for name in filter(is_run, experiment.folders()):
        folder = experiment.find(name)
        if folder is None:
            continue
        with folder, folder.locked():
            content = metadata.read_or_skip(folder)
            if content is not None and content.get("lifecycle_stage", "active") == stage:
                yield folder, content


def _experiment(folder: Folder, content: Mapping[str, Any]) -> Experiment:
    return Experiment(
        str(content["experiment_id"]),
        content["name"],
        metadata.text(content, "artifact_location") or "",
        content["lifecycle_stage"],
        values.read_all(folder, TAGS),
        metadata.integer(content, "creation_time"),
        metadata.integer(content, "last_update_time"),
    )
