"""The active experiment, and experiments by name."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import defaults, environ
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import Experiment, LifecycleStage, ViewType
from flavorkit.tracking.fluent.paging import all_pages

_logger = logging.getLogger(__name__)
_DEFAULT_ID = "0"
_ID, _NAME = "FLAVORKIT_EXPERIMENT_ID", "FLAVORKIT_EXPERIMENT_NAME"


@dataclass(frozen=True)
class _Active:
    experiment_id: str
    name: str
    tracking_uri: str


_lock = threading.RLock()
_active: _Active | None = None


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> Experiment:
    """Have runs begin in an experiment from now on, in all threads and in child processes.

    Args:
        experiment_name: of the experiment, which is made if there is none.
        experiment_id: instead of the name; there must be one.

    Raises:
        InvalidArgumentError: not one of both is given, or the experiment is deleted.
        NotFoundError: there is none of that id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidArgumentError("name the experiment by its name or by its id, not by both")
    client = FlavorkitClient()
    with _lock:
        if experiment_id is not None:
            experiment = client.get_experiment(experiment_id)
        else:
            experiment = _found_or_made(client, str(experiment_name))
        if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidArgumentError(
                f"the experiment {experiment.name!r} is deleted: take it out of the bin with"
                f" flavorkit.restore_experiment({experiment.experiment_id!r}), or choose another"
                " name"
            )
        _activate(experiment, client.tracking_uri)
    return experiment


def active_experiment_id() -> str:
    """Where a run begins that does not say: what was set, else what the environment says.

    Raises:
        InvalidArgumentError: the name and the id in the environment are of two experiments.
    """
    with _lock:
        if _active is None:
            return _of_environment() or _DEFAULT_ID
        if _active.tracking_uri != defaults.tracking_uri():
            # The same id would be another experiment in another store.
            return set_experiment(_active.name).experiment_id
        return _active.experiment_id


def explicitly_active_id() -> str | None:
    """The id of what :func:`set_experiment` was told in this process; None if nothing."""
    return None if _active is None else _active.experiment_id


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """Make an experiment; return its id. :func:`set_experiment` makes it the active one.

    Args:
        name: not taken by another, be it deleted.
        artifact_location: where its runs keep their artifacts; a place of the store's own choice
            if None.
        tags: to begin with.

    Raises:
        AlreadyExistsError: the name is taken.
    """
    return FlavorkitClient().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment, be it deleted.

    Raises:
        NotFoundError: there is none.
    """
    return FlavorkitClient().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of that name, be it deleted; None if there is none."""
    return FlavorkitClient().get_experiment_by_name(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that a filter lets through, the newest first.

    Args:
        view_type: active ones, deleted ones, or both.
        max_results: how many at most; all if None.
        filter_string: such as ``name LIKE 'iris%' and tags.team = 'blue'``.
        order_by: what comes first, such as ``["last_update_time DESC"]``.

    Raises:
        InvalidArgumentError: the filter or the order cannot be read.
    """
    client = FlavorkitClient()
    return all_pages(
        lambda number, token: client.search_experiments(
            view_type, number, filter_string, order_by, token
        ),
        1000,
        max_results,
    )


def delete_experiment(experiment_id: str) -> None:
    """Put an experiment and its runs into the bin; :func:`restore_experiment` takes them out."""
    FlavorkitClient().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Take an experiment and its runs out of the bin."""
    FlavorkitClient().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment; the value is made into text."""
    FlavorkitClient().set_experiment_tag(active_experiment_id(), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set several tags of the active experiment."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment; it must be there."""
    FlavorkitClient().delete_experiment_tag(active_experiment_id(), key)


def _activate(experiment: Experiment, tracking_uri: str) -> None:
    global _active  # noqa: PLW0603 - the experiment is that of the process, as in MLflow
    _active = _Active(experiment.experiment_id, experiment.name, tracking_uri)
    os.environ[_ID], os.environ[_NAME] = experiment.experiment_id, experiment.name


def _deactivate() -> None:
    """Forget what was set."""
    global _active  # noqa: PLW0603
    _active = None
    for variable in (_ID, _NAME):
        os.environ.pop(variable, None)


def _found_or_made(client: FlavorkitClient, name: str) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        made = client.create_experiment(name)
    except AlreadyExistsError:  # by somebody else, just now
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found
    _logger.info("the experiment %r did not exist, and was made", name)
    return client.get_experiment(made)


def _of_environment() -> str | None:
    name, experiment_id = environ.text("EXPERIMENT_NAME"), environ.text("EXPERIMENT_ID")
    client = FlavorkitClient()
    if name is not None:
        found = _found_or_made(client, name).experiment_id
        if experiment_id is not None and experiment_id != found:
            raise InvalidArgumentError(
                f"the environment names two experiments: {_NAME}={name!r}, whose id is {found}, and"
                f" {_ID}={experiment_id!r}; unset one of them"
            )
        return found
    if experiment_id is not None:
        try:
            return client.get_experiment(experiment_id).experiment_id
        except NotFoundError:
            raise InvalidArgumentError(
                f"there is no experiment of the id that {_ID} says: {experiment_id!r}; correct it,"
                f" or set {_NAME} to a name"
            ) from None
    return None
