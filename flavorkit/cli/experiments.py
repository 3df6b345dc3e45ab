"""``flavorkit experiments``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from flavorkit.cli import options, stores

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient
    from flavorkit.tracking.entities import Experiment

EXPERIMENT_ID = ["FLAVORKIT_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"]


def experiment_id() -> options.Decorator:
    """``--experiment-id``."""
    return click.option(
        "--experiment-id",
        "-x",
        required=True,
        metavar="ID",
        envvar=EXPERIMENT_ID,
        show_envvar=True,
        help="The id of the experiment.",
    )


@click.group()
def experiments() -> None:
    """Make, find, rename and delete experiments.

    With --json, an experiment is an object with experiment_id, name, artifact_location,
    lifecycle_stage (active, deleted), creation_time and last_update_time (milliseconds since 1970),
    and tags.
    """


@experiments.command()
@click.option("--experiment-name", "-n", required=True, metavar="NAME", help="What to call it.")
@click.option(
    "--artifact-location",
    "-l",
    metavar="URI",
    help="Where its runs keep their artifacts; the store decides when not given.",
)
@stores.client()
@options.json_output()
def create(
    client: FlavorkitClient, experiment_name: str, artifact_location: str | None, as_json: bool
) -> None:
    """Make an experiment."""
    made = client.create_experiment(experiment_name, artifact_location)
    if as_json:
        stores.show_json(client.get_experiment(made).to_dictionary())
    else:
        click.echo(f"created experiment {options.printable(experiment_name)!r} with id {made}")


@experiments.command()
@stores.view()
@stores.searching()
@stores.client()
@options.json_output()
def search(
    client: FlavorkitClient,
    *,
    view_type: int,
    max_results: int,
    filter_string: str | None,
    order_by: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show experiments, the newest first. --json prints a list."""
    found = stores.at_most(
        max_results,
        lambda length, token: client.search_experiments(
            view_type, length, filter_string, list(order_by), token
        ),
    )
    stores.show_list(
        found,
        as_json,
        ("id", "name", "stage", "created (UTC)", "artifacts"),
        lambda one: (
            one.experiment_id,
            one.name,
            str(one.lifecycle_stage),
            stores.moment(one.creation_time),
            one.artifact_location,
        ),
    )


@experiments.command()
@click.option("--experiment-id", "-x", metavar="ID", help="The id of the experiment.")
@click.option("--experiment-name", "-n", metavar="NAME", help="Its name, in place of the id.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", hidden=True)
@stores.client()
@options.json_output()
def get(client: FlavorkitClient, output: str, as_json: bool, **named: Any) -> None:
    """Show an experiment, be it deleted."""
    found = find(client, named["experiment_id"], named["experiment_name"])
    if as_json or output == "json":
        stores.show_json(found.to_dictionary())
        return
    stores.show_lines(
        (
            ("id", found.experiment_id),
            ("name", found.name),
            ("stage", str(found.lifecycle_stage)),
            ("created", stores.moment(found.creation_time)),
            ("changed", stores.moment(found.last_update_time)),
            ("artifacts", found.artifact_location),
            ("tags", stores.pairs(found.tags)),
        )
    )


@experiments.command()
@experiment_id()
@click.option("--new-name", required=True, metavar="NAME", help="What to call it from now on.")
@stores.client()
def rename(client: FlavorkitClient, experiment_id: str, new_name: str) -> None:
    """Give an experiment another name."""
    client.rename_experiment(experiment_id, new_name)
    click.echo(f"experiment {experiment_id} is now called {options.printable(new_name)!r}")


@experiments.command()
@experiment_id()
@stores.client()
def delete(client: FlavorkitClient, experiment_id: str) -> None:
    """Put an experiment and its runs into the bin.

    `flavorkit experiments restore` takes them out, `flavorkit gc` removes them for good.
    """
    client.delete_experiment(experiment_id)
    click.echo(f"experiment {experiment_id} is in the bin")


@experiments.command()
@experiment_id()
@stores.client()
def restore(client: FlavorkitClient, experiment_id: str) -> None:
    """Take an experiment and its runs out of the bin."""
    client.restore_experiment(experiment_id)
    click.echo(f"experiment {experiment_id} is restored")


@experiments.command()
@experiment_id()
@click.option(
    "--filename",
    "-o",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Where to write; standard output when not given.",
)
@stores.client()
def csv(client: FlavorkitClient, experiment_id: str, filename: str | None) -> None:
    """Write the runs of an experiment as CSV, a row for each.

    The columns are those of `flavorkit.search_runs`: run_id, experiment_id, status, artifact_uri,
    start_time, end_time, then metrics.X, params.X and tags.X.
    """
    from flavorkit.tracking.entities import ViewType
    from flavorkit.tracking.fluent.paging import all_pages
    from flavorkit.tracking.run_frame import frame_of

    client.get_experiment(experiment_id)  # an unknown one is an error, not a file of nothing
    runs = all_pages(
        lambda length, token: client.search_runs(
            [experiment_id], "", ViewType.ACTIVE_ONLY, length, None, token
        ),
        1_000,
        None,
    )
    text = frame_of(runs).to_csv(index=False)
    if filename is None:
        sys.stdout.write(text)
        return
    from flavorkit import atomic

    with atomic.publish_file(Path(filename)) as file:
        file.write(text.encode())
    click.echo(f"wrote {len(runs):,} runs to {filename}", err=True)


def one_of(experiment_id: str | None, experiment_name: str | None) -> tuple[str | None, str | None]:
    """The id and the name, without the one that only the environment gives beside the other.

    A program that has chosen an experiment sets both for the commands it starts.
    """
    context = click.get_current_context()
    said = {
        name
        for name in ("experiment_id", "experiment_name")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if experiment_id is None or experiment_name is None or len(said) == 2:
        return experiment_id, experiment_name
    return (None, experiment_name) if said == {"experiment_name"} else (experiment_id, None)


def find(
    client: FlavorkitClient, experiment_id: str | None, experiment_name: str | None
) -> Experiment:
    """The experiment of an id or of a name, of which one is given.

    Raises:
        click.UsageError: both or none is given.
        NotFoundError: there is none.
    """
    from flavorkit.errors import NotFoundError

    if (experiment_id is None) == (experiment_name is None):
        raise click.UsageError("pass --experiment-id or --experiment-name, one of them")
    if experiment_id is not None:
        return client.get_experiment(experiment_id)
    found = client.get_experiment_by_name(str(experiment_name))
    if found is None:
        raise NotFoundError(f"there is no experiment named {experiment_name!r}")
    return found
