"""Logged models: folders below ``models/`` of an experiment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import (
    LifecycleStage,
    LoggedModel,
    LoggedModelStatus,
    PagedList,
    ViewType,
)
from flavorkit.tracking.files import metadata, metrics, values
from flavorkit.tracking.files.experiments import now
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import (
    ARTIFACTS,
    METRICS,
    MODELS,
    PARAMS,
    TAGS,
    logged_model_folder,
)
from flavorkit.tracking.files.logged_model_search import LoggedModelSearch
from flavorkit.tracking.files.runs import RunFolders
from flavorkit.tracking.run_names import made_up
from flavorkit.tracking.search.order import LoggedModelOrder

# MLflow's numbers.
_STATUS = (
    LoggedModelStatus.UNSPECIFIED,
    LoggedModelStatus.PENDING,
    LoggedModelStatus.READY,
    LoggedModelStatus.FAILED,
)
_MAX_TYPE = 500
_FINAL = (LoggedModelStatus.READY, LoggedModelStatus.FAILED)


class LoggedModelFolders(RunFolders):
    """The logged models of a store.

    Args:
        root: the folder of the store.
        artifact_root: where experiments that name no place keep their artifacts.
    """

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Begin a logged model, whose files come later; its name is made up if None."""
        called = made_up() if name is None else names.model_name(name, "logged model")
        known_tags, known_params = _tags(tags or {}), _params(params or {})
        names.value(model_type or "", "the type of a model", _MAX_TYPE)
        if source_run_id:
            names.identifier(source_run_id, "a run")
        moment = now()
        model_id = names.new_model_id()
        with self._changing(experiment_id, shared=True) as (experiment, content):
            place = below(content["artifact_location"], MODELS, model_id, ARTIFACTS)
            with experiment.make(MODELS, model_id) as folder:
                for kind in (METRICS, PARAMS):
                    folder.make(kind).close()
                values.write_all(folder, TAGS, known_tags, "tag")
                values.write_all(folder, PARAMS, known_params, "param")
                metadata.write(
                    folder,
                    {
                        "artifact_location": place,
                        "creation_timestamp": moment,
                        "experiment_id": str(experiment_id),
                        "last_updated_timestamp": moment,
                        "lifecycle_stage": LifecycleStage.ACTIVE.value,
                        "model_id": model_id,
                        "model_type": model_type,
                        "name": called,
                        "source_run_id": source_run_id,
                        "status": _STATUS.index(LoggedModelStatus.PENDING),
                        "status_message": None,
                    },
                )
        return self.get_logged_model(model_id)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say how it ended: ``READY`` or ``FAILED``."""
        if status not in _FINAL:
            raise InvalidArgumentError(f"a logged model ends READY or FAILED: not {status!r}")
        with self._changing_model(model_id) as (folder, content):
            number = _STATUS.index(LoggedModelStatus(status))
            metadata.update(folder, content, status=number, last_updated_timestamp=now())
        return self.get_logged_model(model_id)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model, which is not deleted."""
        with self._model(model_id) as (folder, content):
            check_there(model_id, content)
            return _model(folder, content)

    def delete_logged_model(self, model_id: str) -> None:
        """Put it into the bin."""
        with self._changing_model(model_id) as (folder, content):
            stage = LifecycleStage.DELETED.value
            metadata.update(folder, content, lifecycle_stage=stage, last_updated_timestamp=now())

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags."""
        known = _tags(tags)
        with self._changing_model(model_id) as (folder, content):
            values.write_all(folder, TAGS, known, "tag")
            metadata.update(folder, content, last_updated_timestamp=now())
        return self.get_logged_model(model_id)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag; it must be there."""
        with self._changing_model(model_id) as (folder, content):
            if not values.remove(folder, TAGS, key, "tag"):
                raise NotFoundError(f"the logged model {model_id} has no tag {key!r}")
            metadata.update(folder, content, last_updated_timestamp=now())

    def log_logged_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add parameters."""
        known = _params(params)
        with self._changing_model(model_id) as (folder, _):
            for key, value in known.items():
                before = values.read_one(folder, PARAMS, key, "param")
                if before not in {None, value}:
                    raise names.param_changed(key, str(before), value)
            values.write_all(folder, PARAMS, known, "param")

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        datasets: Sequence[Mapping[str, str]] = (),
        max_results: int = 100,
        order_by: Sequence[LoggedModelOrder] = (),
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of the logged models that a filter lets through, the newest first."""
        search = LoggedModelSearch(
            experiment_ids, filter_string, datasets, order_by, max_results, page_token
        )
        return search.page(self._listed_models(experiment_ids))

    @contextlib.contextmanager
    def _model(self, model_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The open folder of a logged model, be it deleted, and what its file says."""
        name = logged_model_folder(model_id)
        folder = self._find_model(name)
        if folder is None:
            raise NotFoundError(f"there is no logged model {model_id}")
        with folder:
            content = _content(folder, metadata.read(folder))
            if content is None:
                raise NotFoundError(f"there is no logged model {model_id}")
            yield folder, content

    @contextlib.contextmanager
    def _changing_model(self, model_id: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
        """The same of one that is not deleted, with its lock."""
        with self._model(model_id) as (folder, _), folder.locked():
            content = _content(folder, metadata.read(folder)) or {}
            check_there(model_id, content)
            yield folder, content

    def _find_model(self, name: str) -> Folder | None:
        with self._root() as root:
            place = self._places.get(name)
            if place is not None and (folder := root.find(*place, MODELS, name)) is not None:
                return folder
            for place in self._experiment_places(root):
                folder = root.find(*place, MODELS, name)
                if folder is not None:
                    self._remember(name, place)
                    return folder
        return None

    def _listed_models(self, experiment_ids: Sequence[str]) -> Iterator[LoggedModel]:
        for experiment, _ in self._experiments(experiment_ids):
            for folder, content in listed(experiment, ViewType.ACTIVE_ONLY):
                yield _model(folder, content)


def listed(experiment: Folder, view_type: int) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """The folders of the logged models of an experiment; each is closed before the next one."""
    parent = experiment.find(MODELS)
    if parent is None:
        return
    with parent:
        for name in parent.folders():
            folder = parent.find(name)
            if folder is None:
                continue
            with folder:
                content = _content(folder, metadata.read_or_skip(folder))
                if content is not None:
                    deleted = content["lifecycle_stage"] == LifecycleStage.DELETED
                    if deleted == (view_type == ViewType.DELETED_ONLY):
                        yield folder, content


def _content(folder: Folder, content: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is known of a logged model; None if the folder is none."""
    path = Path(folder.path)
    if content is None or str(content.get("model_id")) != path.name:
        return None
    if str(content.get("experiment_id")) != path.parent.parent.name:
        return None
    # MLflow leaves the stage out when it writes the file again.
    stages = (LifecycleStage.ACTIVE, LifecycleStage.DELETED)
    deleted = content.get("lifecycle_stage") == LifecycleStage.DELETED
    return {**content, "lifecycle_stage": stages[deleted].value}


def check_there(model_id: str, content: Mapping[str, Any]) -> None:
    """See that a logged model is not deleted.

    Raises:
        NotFoundError: it is.
    """
    if content.get("lifecycle_stage") != LifecycleStage.ACTIVE:
        raise NotFoundError(f"there is no logged model {model_id}: it is deleted")


def _model(folder: Folder, content: Mapping[str, Any]) -> LoggedModel:
    status = metadata.integer(content, "status") or 0
    histories = metrics.read_all(folder, model_id=content["model_id"])
    return LoggedModel(
        model_id=content["model_id"],
        experiment_id=str(content.get("experiment_id")),
        name=metadata.text(content, "name") or "",
        artifact_location=metadata.text(content, "artifact_location") or "",
        creation_timestamp=metadata.integer(content, "creation_timestamp") or 0,
        last_updated_timestamp=metadata.integer(content, "last_updated_timestamp") or 0,
        model_type=metadata.text(content, "model_type"),
        source_run_id=metadata.text(content, "source_run_id"),
        status=_STATUS[status if 0 <= status < len(_STATUS) else 0],
        status_message=metadata.text(content, "status_message"),
        tags=values.read_all(folder, TAGS),
        params=values.read_all(folder, PARAMS),
        metrics=[one for history in histories for one in metrics.latest_by_dataset(history)],
    )


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return names.tags(tags, "logged model", names.MAX_MODEL_TAG_VALUE)


def _params(params: Mapping[str, str]) -> dict[str, str]:
    return {
        names.key(key, "param"): names.value(
            value, f"the value of the param {key!r}", names.MAX_PARAM_VALUE
        )
        for key, value in params.items()
    }
