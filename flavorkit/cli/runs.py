"""``flavorkit runs``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flavorkit.cli import experiments, options, stores

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient
    from flavorkit.tracking.entities import Run


def run_id() -> options.Decorator:
    """``--run-id``."""
    return click.option("--run-id", "-r", required=True, metavar="ID", help="The id of the run.")


@click.group()
def runs() -> None:
    """Make, find and delete runs.

    With --json, a run is an object with info (run_id, run_name, experiment_id, user_id, status,
    start_time and end_time in milliseconds since 1970, lifecycle_stage, artifact_uri), data
    (metrics, params, tags: objects), inputs and outputs. A metric that is no finite number is the
    text NaN, Infinity or -Infinity.
    """


@runs.command("list")
@experiments.experiment_id()
@stores.view()
@stores.max_results()
@stores.client()
@options.json_output()
def list_runs(
    client: FlavorkitClient, experiment_id: str, view_type: int, max_results: int, as_json: bool
) -> None:
    """Show the runs of an experiment, the newest first. --json prints a list."""
    client.get_experiment(experiment_id)
    _show(_found(client, [experiment_id], view_type=view_type, most=max_results), as_json)


@runs.command()
@click.option(
    "--experiment-id",
    "-x",
    "experiment_ids",
    multiple=True,
    metavar="ID",
    envvar=experiments.EXPERIMENT_ID,
    show_envvar=True,
    help="The id of an experiment; may be given several times. All experiments when not given.",
)
@stores.view()
@stores.searching()
@stores.client()
@options.json_output()
def search(
    client: FlavorkitClient,
    *,
    experiment_ids: tuple[str, ...],
    view_type: int,
    max_results: int,
    filter_string: str | None,
    order_by: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the runs that a filter lets through, such as "metrics.loss < 0.1".

    --json prints a list.
    """
    from flavorkit.tracking.fluent.paging import all_pages

    wanted = list(experiment_ids) or [
        one.experiment_id
        for one in all_pages(
            lambda length, token: client.search_experiments(max_results=length, page_token=token),
            1_000,
            None,
        )
    ]
    found = _found(
        client,
        wanted,
        filter_string=filter_string or "",
        view_type=view_type,
        most=max_results,
        order_by=order_by,
    )
    _show(found, as_json)


@runs.command()
@run_id()
@stores.client()
@options.json_output()
def describe(client: FlavorkitClient, run_id: str, as_json: bool) -> None:
    """Show a run, be it deleted: what it is, and what was logged into it."""
    run = client.get_run(run_id)
    if as_json:
        stores.show_json(run.to_dictionary())
        return
    info = run.info
    stores.show_lines(
        (
            ("run", info.run_id),
            ("name", info.run_name),
            ("experiment", info.experiment_id),
            ("status", info.status),
            ("stage", str(info.lifecycle_stage)),
            ("user", info.user_id),
            ("started", stores.moment(info.start_time)),
            ("ended", stores.moment(info.end_time)),
            ("artifacts", info.artifact_uri),
            ("data", ", ".join(one.dataset.name for one in run.inputs.dataset_inputs)),
            ("models used", ", ".join(one.model_id for one in run.inputs.model_inputs)),
            ("models made", ", ".join(one.model_id for one in run.outputs.model_outputs)),
        )
    )
    for title, values in (
        ("Parameters", run.data.params),
        ("Metrics", run.data.metrics),
        ("Tags", run.data.tags),
    ):
        if values:
            rows = ((key, str(value)) for key, value in sorted(values.items()))
            stores.show_table(("key", "value"), rows, title)


@runs.command()
@click.option(
    "--experiment-id",
    "-x",
    metavar="ID",
    envvar=experiments.EXPERIMENT_ID,
    show_envvar=True,
    help="The id of the experiment.",
)
@click.option(
    "--experiment-name",
    "-n",
    metavar="NAME",
    envvar=["FLAVORKIT_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME"],
    show_envvar=True,
    help="Its name, in place of the id; it is made if there is none.",
)
@click.option("--run-name", metavar="NAME", help="What to call the run; made up when not given.")
@click.option("--description", metavar="TEXT", help="What people should know of it.")
@click.option("--tags", "-t", multiple=True, metavar="KEY=VALUE", help="A tag of the run.")
@click.option(
    "--status",
    type=click.Choice(["FINISHED", "FAILED", "KILLED"], case_sensitive=False),
    default="FINISHED",
    show_default=True,
    help="How it ended.",
)
@click.option("--parent-run-id", metavar="ID", help="The run that it is a part of.")
@stores.client()
@options.json_output()
def create(
    client: FlavorkitClient,
    *,
    experiment_id: str | None,
    experiment_name: str | None,
    run_name: str | None,
    description: str | None,
    tags: tuple[str, ...],
    status: str,
    parent_run_id: str | None,
    as_json: bool,
) -> None:
    """Make a run that has ended already, to keep files in, and print its id."""
    from flavorkit.tracking import actor
    from flavorkit.tracking import tags as known

    experiment_id, experiment_name = experiments.one_of(experiment_id, experiment_name)
    given = dict(map(_pair, tags))
    given.setdefault(known.USER, actor.current() or "unknown")
    if description is not None:
        given[known.NOTE] = description
    if parent_run_id is not None:
        given[known.PARENT_RUN_ID] = client.get_run(parent_run_id).info.run_id
    if experiment_id is None and experiment_name is not None:
        found = client.get_experiment_by_name(experiment_name)
        experiment_id = found.experiment_id if found else client.create_experiment(experiment_name)
    else:
        experiment_id = experiments.find(client, experiment_id, experiment_name).experiment_id
    run = client.create_run(experiment_id, tags=given, run_name=run_name)
    client.set_terminated(run.info.run_id, status)
    if as_json:
        stores.show_json(client.get_run(run.info.run_id).to_dictionary())
    else:
        click.echo(run.info.run_id)


@runs.command()
@run_id()
@stores.client()
def delete(client: FlavorkitClient, run_id: str) -> None:
    """Put a run into the bin.

    `flavorkit runs restore` takes it out, `flavorkit gc` removes it for good.
    """
    client.delete_run(run_id)
    click.echo(f"run {run_id} is in the bin")


@runs.command()
@run_id()
@stores.client()
def restore(client: FlavorkitClient, run_id: str) -> None:
    """Take a run out of the bin."""
    client.restore_run(run_id)
    click.echo(f"run {run_id} is restored")


def _found(
    client: FlavorkitClient,
    experiment_ids: Sequence[str],
    *,
    filter_string: str = "",
    view_type: int,
    most: int,
    order_by: Sequence[str] = (),
) -> list[Run]:
    return stores.at_most(
        most,
        lambda length, token: client.search_runs(
            experiment_ids, filter_string, view_type, length, list(order_by), token
        ),
    )


def _show(found: Sequence[Run], as_json: bool) -> None:
    stores.show_list(
        found,
        as_json,
        ("started (UTC)", "name", "status", "id", "metrics"),
        lambda run: (
            stores.moment(run.info.start_time),
            run.info.run_name,
            run.info.status,
            run.info.run_id,
            stores.pairs({key: f"{value:.6g}" for key, value in run.data.metrics.items()}),
        ),
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"a tag is written KEY=VALUE, not {text!r}")
    return key, value
