"""``flavorkit registry``, and ``flavorkit models list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flavorkit.cli import options, stores

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient
    from flavorkit.tracking.entities import ModelVersion, RegisteredModel

_NAME = click.argument("name")
_VERSION = click.argument("version")


@click.group()
def registry() -> None:
    """Registered models: their versions, and what aliases and stages mean.

    With --json, a registered model is an object with name, description, tags, aliases (alias to
    version), latest_versions, creation_timestamp and last_updated_timestamp; a version one with
    name, version, aliases, current_stage, status, source, run_id, model_id, description, tags,
    user_id and the two timestamps. Times are milliseconds since 1970.
    """


@registry.command("list")
@stores.searching()
@stores.client(registry=True)
@options.json_output()
def list_models(
    client: FlavorkitClient,
    *,
    max_results: int,
    filter_string: str | None,
    order_by: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the registered models, and where each alias points. --json prints a list."""
    found = stores.at_most(
        max_results,
        lambda length, token: client.search_registered_models(
            filter_string, length, list(order_by), token
        ),
    )
    stores.show_list(
        found,
        as_json,
        ("name", "latest", "aliases", "changed (UTC)", "description"),
        lambda one: (
            one.name,
            _latest(one),
            _aliases(one),
            stores.moment(one.last_updated_timestamp),
            one.description or "",
        ),
    )


@registry.command()
@_NAME
@click.option("--description", metavar="TEXT", help="What people should know of it.")
@stores.client(registry=True)
def create(client: FlavorkitClient, name: str, description: str | None) -> None:
    """Begin the registered model NAME, which has no versions yet."""
    client.create_registered_model(name, description=description)
    click.echo(f"created {options.printable(name)}")


@registry.command()
@_NAME
@click.argument("source")
@click.option("--run-id", "-r", metavar="ID", help="The run that made it.")
@click.option("--description", metavar="TEXT", help="What people should know of the version.")
@stores.client(registry=True)
@options.json_output()
def publish(
    client: FlavorkitClient,
    *,
    name: str,
    source: str,
    run_id: str | None,
    description: str | None,
    as_json: bool,
) -> None:
    """Make the model at SOURCE the next version of NAME, and print its number.

    SOURCE is models:/m-... of a logged model, runs:/ID/path, models:/NAME/3 or a place.
    """
    made = client.create_model_version(name, source, run_id, description=description)
    if as_json:
        stores.show_json(made.to_dictionary())
    else:
        click.echo(made.version)


@registry.command()
@_NAME
@stores.max_results(10_000)
@stores.client(registry=True)
@options.json_output()
def versions(client: FlavorkitClient, name: str, max_results: int, as_json: bool) -> None:
    """Show the versions of NAME, the newest first. --json prints a list."""
    client.get_registered_model(name)
    quoted = name.replace("'", "''")
    found = stores.at_most(
        max_results,
        lambda length, token: client.search_model_versions(
            f"name = '{quoted}'", length, ["version_number DESC"], token
        ),
    )
    stores.show_list(
        found,
        as_json,
        ("version", "stage", "aliases", "status", "created (UTC)", "source"),
        lambda one: (
            one.version,
            one.current_stage,
            ", ".join(one.aliases),
            str(one.status),
            stores.moment(one.creation_timestamp),
            one.source,
        ),
    )


@click.command()
@_NAME
@click.argument("version", required=False)
@stores.client(registry=True)
@options.json_output()
def show(client: FlavorkitClient, name: str, version: str | None, as_json: bool) -> None:
    """Show the registered model NAME, or a VERSION of it: a number, or @ and an alias."""
    if version is None:
        model = client.get_registered_model(name)
        if as_json:
            stores.show_json(model.to_dictionary())
        else:
            _show_model(model)
        return
    found = _version(client, name, version)
    if as_json:
        stores.show_json(found.to_dictionary())
    else:
        _show_version(found, client.get_model_version_download_uri(name, found.version))


registry.add_command(show, "show")
registry.add_command(show, "describe")


@registry.group()
def alias() -> None:
    """Names for versions, which models:/NAME@ALIAS loads."""


@alias.command("set")
@_NAME
@click.argument("alias")
@_VERSION
@stores.client(registry=True)
def set_alias(client: FlavorkitClient, name: str, alias: str, version: str) -> None:
    """Point ALIAS of NAME at VERSION, a number, or @ and another alias."""
    number = _version(client, name, version).version
    client.set_registered_model_alias(name, alias, number)
    click.echo(f"models:/{options.printable(name)}@{options.printable(alias)} is version {number}")


@alias.command("delete")
@_NAME
@click.argument("alias")
@stores.client(registry=True)
def delete_alias(client: FlavorkitClient, name: str, alias: str) -> None:
    """Let ALIAS of NAME mean nothing any more, if it means something. The version stays."""
    client.delete_registered_model_alias(name, alias)
    click.echo(f"models:/{options.printable(name)}@{options.printable(alias)} means nothing now")


@registry.command()
@_NAME
@_VERSION
@click.argument(
    "stage",
    type=click.Choice(["None", "Staging", "Production", "Archived"], case_sensitive=False),
)
@click.option(
    "--archive-existing-versions", is_flag=True, help="Archive the others that have the stage."
)
@stores.client(registry=True)
def stage(
    client: FlavorkitClient, name: str, version: str, stage: str, archive_existing_versions: bool
) -> None:
    """Give VERSION of NAME a stage, as programs written for MLflow 1 and 2 do. Aliases say more."""
    found = _version(client, name, version)
    changed = client.transition_model_version_stage(
        name, found.version, stage, archive_existing_versions
    )
    click.echo(
        f"version {changed.version} of {options.printable(name)} is now {changed.current_stage}"
    )


@registry.command()
@_NAME
@stores.client(registry=True)
@options.json_output()
def history(client: FlavorkitClient, name: str, as_json: bool) -> None:
    """Show what the aliases and stages of NAME meant when, the oldest change first.

    --json prints a list of objects with at (milliseconds since 1970), user, kind (alias, stage),
    subject (the alias; the version, for a stage), before and after (null for none).
    """
    changes = client.get_registry_history(name)
    stores.show_list(
        changes,
        as_json,
        ("when (UTC)", "who", "what", "before", "after"),
        lambda one: (
            stores.moment(one.at),
            one.user,
            f"{one.kind} {one.subject}" if one.kind == "alias" else f"version {one.subject}",
            one.before or "-",
            one.after or "-",
        ),
    )


@registry.command()
@_NAME
@click.argument("new_name")
@stores.client(registry=True)
def rename(client: FlavorkitClient, name: str, new_name: str) -> None:
    """Give NAME another name; models:/NAME then leads nowhere."""
    client.rename_registered_model(name, new_name)
    click.echo(f"{options.printable(name)} is now called {options.printable(new_name)}")


@registry.command()
@_NAME
@click.argument("version", required=False)
@options.yes()
@stores.client(registry=True)
def delete(client: FlavorkitClient, name: str, version: str | None, yes: bool) -> None:
    """Delete VERSION of NAME, or NAME with all its versions, for good. The files stay."""
    if version is None:
        model = client.get_registered_model(name)
        shown = f"{options.printable(model.name)} with all its versions"
        options.confirm(f"Delete {shown}", yes)
        client.delete_registered_model(name)
    else:
        number = _version(client, name, version).version
        shown = f"version {number} of {options.printable(name)}"
        options.confirm(f"Delete {shown}", yes)
        client.delete_model_version(name, number)
    click.echo(f"deleted {shown}")


def _version(client: FlavorkitClient, name: str, version: str) -> ModelVersion:
    if version.startswith("@"):
        return client.get_model_version_by_alias(name, version[1:])
    return client.get_model_version(name, version)


def _latest(model: RegisteredModel) -> str:
    return str(max((int(one.version) for one in model.latest_versions), default="-"))


def _aliases(model: RegisteredModel) -> str:
    return ", ".join(f"{name} -> {version}" for name, version in sorted(model.aliases.items()))


def _show_model(model: RegisteredModel) -> None:
    stores.show_lines(
        (
            ("name", model.name),
            ("latest", _latest(model)),
            ("aliases", _aliases(model)),
            ("created", stores.moment(model.creation_timestamp)),
            ("changed", stores.moment(model.last_updated_timestamp)),
            ("description", model.description),
            ("tags", stores.pairs(model.tags)),
        )
    )


def _show_version(version: ModelVersion, place: str) -> None:
    stores.show_lines(
        (
            ("name", version.name),
            ("version", version.version),
            ("aliases", ", ".join(version.aliases)),
            ("stage", version.current_stage),
            ("status", str(version.status)),
            ("source", version.source),
            ("files", place),
            ("run", version.run_id),
            ("model", version.model_id),
            ("user", version.user_id),
            ("created", stores.moment(version.creation_timestamp)),
            ("changed", stores.moment(version.last_updated_timestamp)),
            ("description", version.description),
            ("tags", stores.pairs(version.tags)),
        )
    )
