"""Logged models: of the active run, and searches for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import active_model, context
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import LoggedModel
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.experiments import active_experiment_id
from flavorkit.tracking.fluent.last_model import last
from flavorkit.tracking.fluent.paging import all_pages
from flavorkit.tracking.model_frame import frame_of
from flavorkit.tracking.tags import MODEL_IS_EXTERNAL

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)
_PAGE = 100


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Begin a logged model whose files come later; then call :func:`finalize_logged_model`.

    Args:
        name: made up if None.
        source_run_id: of the run that makes it; the active one if None.
        tags: to begin with.
        params: that it was made with.
        model_type: whatever you call it.
        experiment_id: of the active run, else the active one, if None.
    """
    run = active.current()
    client = FlavorkitClient() if run is None else run.client
    if experiment_id is None:
        experiment_id = active_experiment_id() if run is None else run.run.info.experiment_id
    if source_run_id is None and run is not None:
        source_run_id = run.run_id
    model = client.create_logged_model(
        experiment_id, name, source_run_id, context.tags(tags), params, model_type
    )
    last.set(client, model.model_id)
    return model


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """A logged model whose files are kept elsewhere: metrics and parameters can be logged of it.

    See :func:`initialize_logged_model` for the arguments.
    """
    tags = {**(tags or {}), MODEL_IS_EXTERNAL: "true"}
    model = initialize_logged_model(name, source_run_id, tags, params, model_type, experiment_id)
    return finalize_logged_model(model.model_id, "READY")


def finalize_logged_model(model_id: str, status: str) -> LoggedModel:
    """Say how a logged model ended: ``READY`` or ``FAILED``."""
    return _client(model_id).finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """The logged model.

    Raises:
        NotFoundError: there is none, or it is deleted.
    """
    return _client(model_id).get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """The model that this thread logged last; None if it has logged none."""
    return None if last.model_id is None else get_logged_model(last.model_id)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Add parameters to a logged model, the active one if none is named.

    Raises:
        InvalidArgumentError: none is named and none is active.
    """
    chosen = model_id or active_model.current()
    if chosen is None:
        raise InvalidArgumentError(
            "no logged model is active: pass model_id=, or call flavorkit.set_active_model first"
        )
    _client(chosen).log_model_params(chosen, params)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a logged model; the values are made into text."""
    _client(model_id).set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Delete a tag of a logged model; it must be there."""
    _client(model_id).delete_logged_model_tag(model_id, key)


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> list[LoggedModel] | pd.DataFrame:
    """The logged models that a filter lets through, the newest first.

    Args:
        experiment_ids: of which experiments; of the active one if None.
        filter_string: such as ``metrics.accuracy > 0.9 AND params.depth = '3'``.
        datasets: only metrics measured on one of these count: mappings with ``dataset_name`` and
            perhaps ``dataset_digest``.
        max_results: how many at most; all if None.
        order_by: what comes first: mappings with ``field_name`` and perhaps ``ascending``,
            ``dataset_name``, ``dataset_digest``.
        output_format: ``pandas`` or ``list``.

    Raises:
        InvalidArgumentError: an argument cannot be read.
    """
    if output_format not in {"pandas", "list"}:
        raise InvalidArgumentError(f"output_format is 'pandas' or 'list', not {output_format!r}")
    client = FlavorkitClient()
    where = experiment_ids or [active_experiment_id()]
    models = all_pages(
        lambda number, token: client.search_logged_models(
            where, filter_string, datasets, number, order_by, token
        ),
        _PAGE,
        max_results,
    )
    return models if output_format == "list" else frame_of(models)


class ActiveModel(LoggedModel):
    """A logged model that is the active one; as a context manager, until the block ends."""

    __slots__ = ("_before",)

    _before: str | None

    def __enter__(self) -> ActiveModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        active_model.restore(self._before)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Have metrics and parameters belong to a logged model from now on, in this thread.

    Args:
        name: of the model, the newest of this name; made, without files, if there is none.
        model_id: instead of the name.

    Raises:
        InvalidArgumentError: neither is given, or they are of two models.
        NotFoundError: there is no model of that id.
    """
    if model_id is not None:
        model = get_logged_model(model_id)
        if name is not None and model.name != name:
            raise InvalidArgumentError(
                f"the logged model {model_id} is called {model.name!r}, not {name!r}: name it"
                " by one of both"
            )
    elif name is not None:
        model = _newest(name) or create_external_model(name=name)
    else:
        raise InvalidArgumentError("say which model: pass name= or model_id=")
    made = ActiveModel(**{field: getattr(model, field) for field in model.__dataclass_fields__})
    object.__setattr__(made, "_before", active_model.current())
    active_model.activate(model.model_id)
    return made


def get_active_model_id() -> str | None:
    """The id of the active logged model of this thread; None if there is none."""
    return active_model.current()


def clear_active_model() -> None:
    """Have no active logged model any more."""
    active_model.clear()


def _newest(name: str) -> LoggedModel | None:
    quoted = name.replace("'", "''")
    found = FlavorkitClient().search_logged_models(
        [active_experiment_id()], f"name = '{quoted}'", max_results=2
    )
    if len(found) > 1:
        _logger.warning("several logged models are called %r: the newest is the active one", name)
    return found[0] if found else None


def _client(model_id: str) -> FlavorkitClient:
    """The client of the store that a model is in, as far as this process knows."""
    if last.model_id == model_id and last.client is not None:
        return last.client
    return FlavorkitClient()
