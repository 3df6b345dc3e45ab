"""Registered models and their versions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import references
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import LoggedModel, ModelVersion, RegisteredModel
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.paging import all_pages
from flavorkit.tracking.references import LoggedModelUri, RunUri

_logger = logging.getLogger(__name__)
_DESCRIPTOR = "MLmodel"


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = 300,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Publish a model as the next version of a registered model, which is made if there is none.

    Args:
        model_uri: ``models:/m-...`` of a logged model, ``runs:/RUN/NAME`` of what a run logged
            under a name, or a URI of its files.
        name: of the registered model.
        await_registration_for: seconds to wait until the version can be used; None or 0 not to.
        tags: of the version.

    Raises:
        NotFoundError: there is no such model.
        InvalidArgumentError: the name or another argument breaks a rule.
    """
    client = FlavorkitClient()
    source, run_id, model = _source(client, str(model_uri))
    try:
        client.create_registered_model(name)
    except AlreadyExistsError:
        _logger.info("the registered model %r exists: this is its next version", name)
    version = client.create_model_version(
        name,
        source,
        run_id=run_id,
        tags=tags,
        await_creation_for=await_registration_for,
        model_id=None if model is None else model.model_id,
    )
    _logger.info("created version %s of model %r", version.version, name)
    return version


def search_registered_models(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[RegisteredModel]:
    """All registered models that a filter lets through, by name.

    Args:
        max_results: how many at most; all if None.
        filter_string: such as ``name LIKE 'iris%' and tags.team = 'blue'``.
        order_by: what comes first, such as ``["last_updated_timestamp DESC"]``.
    """
    client = FlavorkitClient()
    return all_pages(
        lambda number, token: client.search_registered_models(
            filter_string, number, order_by, token
        ),
        100,
        max_results,
    )


def search_model_versions(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[ModelVersion]:
    """All versions of models that a filter lets through, the last changed first.

    Args:
        max_results: how many at most; all if None.
        filter_string: such as ``name = 'iris' and run_id = '...'``.
        order_by: what comes first, such as ``["version_number ASC"]``.
    """
    client = FlavorkitClient()
    return all_pages(
        lambda number, token: client.search_model_versions(filter_string, number, order_by, token),
        10_000,
        max_results,
    )


def set_model_version_tag(
    name: str, version: str | None = None, key: str | None = None, value: Any = None
) -> None:
    """Set a tag of a version of a registered model; the value is made into text."""
    FlavorkitClient().set_model_version_tag(name, version, key, value)


def _source(client: FlavorkitClient, model_uri: str) -> tuple[str, str | None, LoggedModel | None]:
    """What a version is registered by, the run that made it, and the logged model that it is."""
    parsed = references.parse(model_uri)
    if isinstance(parsed, LoggedModelUri):
        model = client.get_logged_model(parsed.model_id)
        return model_uri, model.source_run_id, model
    if not isinstance(parsed, RunUri):
        return model_uri, None, None
    name = str(parsed.path)
    if not name:
        raise InvalidArgumentError(
            f"{model_uri!r} names no model: write runs:/RUN_ID/NAME, with the name that it was"
            " logged under"
        )
    client, run_id = active.place_of(parsed.run_id)
    if client.has_artifact(run_id, f"{name}/{_DESCRIPTOR}"):
        return model_uri, run_id, None
    model = _logged_by(client, run_id, name)
    return model.model_uri, run_id, model


def _logged_by(client: FlavorkitClient, run_id: str, name: str) -> LoggedModel:
    """The last model that a run logged under a name."""
    run = client.get_run(run_id)
    steps = {made.model_id: made.step for made in run.outputs.model_outputs}
    found = [
        model
        for model in all_pages(
            lambda number, token: client.search_logged_models(
                [run.info.experiment_id],
                f"source_run_id = '{run_id}'",
                max_results=number,
                page_token=token,
            ),
            50,
            None,
        )
        if model.name == name
    ]
    if not found:
        raise NotFoundError(
            f"run {run_id} has logged no model {name!r}: see what it has with"
            " flavorkit.search_logged_models, or MlflowClient().list_artifacts(run_id)"
        )
    return max(found, key=lambda model: (steps.get(model.model_id, 0), model.creation_timestamp))
