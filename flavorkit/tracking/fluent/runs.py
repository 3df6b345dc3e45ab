"""Runs by their ids, and searches for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, overload

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.entities import PagedList, Run, RunInfo, ViewType
from flavorkit.tracking.fluent import active
from flavorkit.tracking.fluent.experiments import active_experiment_id, search_experiments
from flavorkit.tracking.fluent.paging import all_pages
from flavorkit.tracking.run_frame import frame_of

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)
_PAGE = 10_000


def get_run(run_id: str) -> Run:
    """The run, be it deleted, with all that was logged but the history of its metrics.

    Raises:
        NotFoundError: there is none.
    """
    client, run_id = active.place_of(run_id)
    return client.get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that a run is nested in; None if it is not nested."""
    client, run_id = active.place_of(run_id)
    return client.get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Put a run into the bin; :func:`restore_run` takes it out."""
    FlavorkitClient().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Take a run out of the bin."""
    FlavorkitClient().restore_run(run_id)


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["list"] = ...,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run]: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run] | pd.DataFrame:
    """The runs that a filter lets through, the newest first.

    Args:
        experiment_ids: of which experiments; of the active one if none are named at all.
        filter_string: such as ``metrics.loss < 0.1 and params.model = 'tree'``.
        run_view_type: active ones, deleted ones, or both.
        max_results: how many at most.
        order_by: what comes first, such as ``["metrics.loss ASC"]``.
        output_format: ``pandas`` or ``list``.
        search_all_experiments: all active experiments, where none are named.
        experiment_names: instead of the ids.

    Returns:
        A frame with a row for each run: ``run_id``, ``experiment_id``, ``status``,
        ``artifact_uri``, ``start_time`` and ``end_time`` in UTC, then ``metrics.X``, ``params.X``
        and ``tags.X``; or a list of runs.

    Raises:
        InvalidArgumentError: the filter, the order or another argument cannot be read.
    """
    if output_format not in {"pandas", "list"}:
        raise InvalidArgumentError(f"output_format is 'pandas' or 'list', not {output_format!r}")
    client = FlavorkitClient()
    where = _experiments(client, experiment_ids, experiment_names, search_all_experiments)
    runs: list[Run] = []
    if where:
        runs = all_pages(
            lambda number, token: client.search_runs(
                where, filter_string, run_view_type, number, order_by, token
            ),
            _PAGE,
            max_results,
        )
    return runs if output_format == "list" else frame_of(runs)


def list_run_infos(
    experiment_id: str,
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    order_by: Sequence[str] | None = None,
) -> list[RunInfo]:
    """The runs of an experiment, without what was logged into them."""
    client = FlavorkitClient()

    def page(number: int, token: str | None) -> PagedList[RunInfo]:
        return client.list_run_infos(experiment_id, run_view_type, number, order_by, token)

    return all_pages(page, _PAGE, max_results)


def _experiments(
    client: FlavorkitClient,
    ids: Sequence[str] | None,
    names: Sequence[str] | None,
    all_of_them: bool,
) -> list[str]:
    if ids and names:
        raise InvalidArgumentError(
            "name experiments by experiment_ids or experiment_names, not both"
        )
    if ids:
        return [str(ids)] if isinstance(ids, str | int) else [str(one) for one in ids]
    if names:
        found = []
        for name in [names] if isinstance(names, str) else names:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                _logger.warning("there is no experiment %r", name)
            else:
                found.append(experiment.experiment_id)
        return found
    if all_of_them:
        return [one.experiment_id for one in search_experiments()]
    return [active_experiment_id()]
