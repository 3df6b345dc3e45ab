"""``flavorkit artifacts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flavorkit.cli import options, stores
from flavorkit.cli.runs import run_id

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient

_INTO = click.option(
    "--artifact-path", "-a", metavar="PATH", help="The folder of the run to put it into."
)


@click.group()
def artifacts() -> None:
    """Send files to runs, show them, and fetch them."""


@artifacts.command("list")
@run_id()
@click.option("--artifact-path", "-a", metavar="PATH", help="A folder of the run.")
@stores.client()
@options.json_output()
def list_artifacts(
    client: FlavorkitClient, run_id: str, artifact_path: str | None, as_json: bool
) -> None:
    """Show what is directly in a folder of a run, or in its root.

    --json prints a list of objects with path, is_dir and file_size (bytes, null of a folder).
    """
    found = client.list_artifacts(run_id, artifact_path)
    stores.show_list(
        found,
        as_json,
        ("path", "bytes"),
        lambda one: (f"{one.path}/", "") if one.is_dir else (one.path, f"{one.file_size or 0:,}"),
    )


@artifacts.command()
@click.option("--run-id", "-r", metavar="ID", help="The run to fetch from.")
@click.option(
    "--artifact-path",
    "-a",
    metavar="PATH",
    help="A file or folder of the run; all of them when not given.",
)
@click.option(
    "--artifact-uri",
    "-u",
    metavar="URI",
    help="What to fetch, in place of --run-id: runs:/ID/path, models:/NAME/3, models:/NAME@alias,"
    " s3://..., or another place.",
)
@click.option(
    "--dst-path",
    "-d",
    metavar="FOLDER",
    help="The folder to copy to. When not given, what is on this machine is used where it is, and"
    " the rest goes to a new temporary folder.",
)
@stores.client(registry=True)
@options.json_output()
def download(
    client: FlavorkitClient,
    *,
    run_id: str | None,
    artifact_path: str | None,
    artifact_uri: str | None,
    dst_path: str | None,
    as_json: bool,
) -> None:
    """Fetch a file or a folder, and print where it is. --json prints an object with path."""
    if (run_id is None) == (artifact_uri is None):
        raise click.UsageError("pass --run-id or --artifact-uri, one of them")
    if run_id is not None:
        place = client.download_artifacts(run_id, artifact_path or "", dst_path)
    elif artifact_path is not None:
        raise click.UsageError("--artifact-path is for --run-id; add the path to the URI")
    else:
        from flavorkit.tracking import uris
        from flavorkit.tracking.client.artifacts import fetched

        located = uris.locate(str(artifact_uri), client.tracking_uri, client.registry_uri)
        place = fetched(located.repository, located.path, dst_path)
    if as_json:
        stores.show_json({"path": place})
    else:
        click.echo(place)


@artifacts.command()
@click.option("--local-file", "-l", required=True, metavar="FILE", help="The file to send.")
@run_id()
@_INTO
@stores.client()
def log_artifact(
    client: FlavorkitClient, local_file: str, run_id: str, artifact_path: str | None
) -> None:
    """Copy a file, or a folder under its own name, to the artifacts of a run."""
    client.log_artifact(run_id, local_file, artifact_path)
    click.echo(f"logged {options.printable(local_file)} to run {run_id}")


@artifacts.command()
@click.option("--local-dir", "-l", required=True, metavar="FOLDER", help="The folder to send.")
@run_id()
@_INTO
@stores.client()
def log_artifacts(
    client: FlavorkitClient, local_dir: str, run_id: str, artifact_path: str | None
) -> None:
    """Copy what is in a folder to the artifacts of a run."""
    client.log_artifacts(run_id, local_dir, artifact_path)
    click.echo(f"logged what is in {options.printable(local_dir)} to run {run_id}")
