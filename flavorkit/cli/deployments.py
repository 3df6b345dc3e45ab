"""``flavorkit deployments``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options, stores

if TYPE_CHECKING:
    from flavorkit.deployments import BaseDeploymentClient

_TARGET = click.option(
    "--target",
    "-t",
    metavar="URI",
    help="Where to deploy: local, docker, podman, or the target of a plug-in. When not given, what"
    " FLAVORKIT_DEPLOYMENTS_TARGET says.",
)
_NAME = click.option("--name", required=True, help="The name of the deployment.")
_ENDPOINT = click.option("--endpoint", help="The endpoint, at a target that has endpoints.")
_FLAVOR = click.option(
    "--flavor", "-f", help="The flavor to run the model by; the target's choice when not given."
)
_CONFIG = click.option(
    "--config",
    "-C",
    "config",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda ctx, param, given: _settings(given),
    help="A setting that the target knows; may be given several times. `flavorkit deployments help"
    " -t URI` lists them.",
)


def _settings(given: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{options.printable(one)!r} is not NAME=VALUE")
        if name in settings:
            raise click.BadParameter(f"{options.printable(name)!r} is given twice")
        settings[name] = value
    return settings


def _model(*, required: bool) -> options.Decorator:
    return click.option(
        "--model-uri", "-m", required=required, metavar="URI", help="The model: its folder or URI."
    )


@click.group()
def deployments() -> None:
    """Deploy models, and predict with what is deployed.

    The target `local` runs a server process of this machine for each deployment, `docker` and
    `podman` a container. Other targets are plug-ins.
    """


@deployments.command()
@_ENDPOINT
@_CONFIG
@_NAME
@_TARGET
@_model(required=True)
@_FLAVOR
@options.json_output()
def create(
    *,
    target: str | None,
    name: str,
    model_uri: str,
    flavor: str | None,
    config: Mapping[str, str],
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Deploy a model. Ends when the deployment can be asked for predictions."""
    options.refuse_empty(model_uri)
    made = _client(target).create_deployment(
        name, model_uri, flavor, config=config, **_at(endpoint)
    )
    _show_made("created", name, made, as_json)


@deployments.command()
@_ENDPOINT
@_CONFIG
@_NAME
@_TARGET
@_model(required=False)
@_FLAVOR
@options.json_output()
def update(
    *,
    target: str | None,
    name: str,
    model_uri: str | None,
    flavor: str | None,
    config: Mapping[str, str],
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Change the model or the settings of a deployment. What is not given stays as it is."""
    if model_uri is not None:
        options.refuse_empty(model_uri)
    made = _client(target).update_deployment(
        name, model_uri=model_uri, flavor=flavor, config=config, **_at(endpoint)
    )
    _show_made("updated", name, made, as_json)


@deployments.command()
@_ENDPOINT
@_CONFIG
@_NAME
@_TARGET
def delete(
    *, target: str | None, name: str, config: Mapping[str, str], endpoint: str | None
) -> None:
    """Remove a deployment when it has answered what it has begun; no error if there is none."""
    given: dict[str, Any] = {"config": config} if config else {}
    _client(target).delete_deployment(name, **given, **_at(endpoint))
    click.echo(f"deleted {options.printable(name)}")


@deployments.command("list")
@_ENDPOINT
@_TARGET
@options.json_output()
def list_deployments(*, target: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show the deployments of a target."""
    found = _client(target).list_deployments(**_at(endpoint))
    if as_json:
        _show_json(found)
        return
    columns = ("name", "status", "url", "flavor", "model_uri")
    stores.show_table(
        columns, ([str(one.get(column) or "") for column in columns] for one in found)
    )


@deployments.command()
@_ENDPOINT
@_NAME
@_TARGET
@options.json_output()
def get(*, target: str | None, name: str, endpoint: str | None, as_json: bool) -> None:
    """Show what is known of a deployment."""
    found = _client(target).get_deployment(name, **_at(endpoint))
    if as_json:
        _show_json(found)
        return
    stores.show_lines(
        (str(key), None if value is None else _text(value)) for key, value in found.items()
    )


@deployments.command()
@click.option("--name", help="The name of the deployment.")
@click.option("--endpoint", help="The endpoint to ask, in place of --name.")
@_TARGET
@click.option(
    "--input-path",
    "-I",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file to predict on: CSV; or JSON, a request to /invocations, a list of records or an"
    " object of columns.",
)
@click.option(
    "--output-path",
    "-O",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write the answer to; standard output when not given.",
)
def predict(
    *,
    name: str | None,
    endpoint: str | None,
    target: str | None,
    input_path: Path,
    output_path: Path | None,
) -> None:
    """Predict with a deployment. What is written is its answer, as JSON."""
    from flavorkit.deployments import inputs

    if (name is None) == (endpoint is None):
        raise click.UsageError("pass --name or --endpoint, one of them")
    client = _client(target)
    text = _text(client.predict(name, inputs.read(input_path), **_at(endpoint)))
    if output_path is None:
        click.echo(text)
        return
    from flavorkit import atomic

    with atomic.publish_file(output_path) as stream:
        stream.write(text.encode())


@deployments.command("run-local")
@_CONFIG
@_NAME
@_TARGET
@_model(required=True)
@_FLAVOR
def run_local(
    *,
    target: str | None,
    name: str,
    model_uri: str,
    flavor: str | None,
    config: Mapping[str, str],
) -> None:
    """Try a deployment on this machine. The targets that come along serve until Ctrl-C."""
    from flavorkit.deployments import targets

    options.refuse_empty(model_uri)
    targets.run_local(target or targets.get_deployments_target(), name, model_uri, flavor, config)


@deployments.command("help")
@_TARGET
def target_help(target: str | None) -> None:
    """Show what a target says of its URI and its settings, or, without one, which there are."""
    from flavorkit.deployments import targets

    if target is None:
        click.echo("\n".join(targets.known()))
    else:
        click.echo(str(targets.target_help(target)).rstrip())


def _client(target: str | None) -> BaseDeploymentClient:
    from flavorkit.deployments import get_deploy_client

    return get_deploy_client(target)


def _at(endpoint: str | None) -> dict[str, Any]:
    """The endpoint, for the clients of plug-ins that know of one."""
    return {} if endpoint is None else {"endpoint": endpoint}


def _show_made(how: str, name: str, made: Any, as_json: bool) -> None:
    if as_json:
        _show_json(made)
        return
    known = made if isinstance(made, Mapping) else {}
    where = f" on {known['url']}" if known.get("url") else ""
    flavor = f" ({known['flavor']})" if known.get("flavor") else ""
    click.echo(options.printable(f"{how} {name}{flavor}{where}"))


def _show_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


def _text(value: Any) -> str:
    """What a client gave, as text; the answers of plug-ins may be frames."""
    if hasattr(value, "to_json"):
        return str(value.to_json())
    return value if isinstance(value, str) else json.dumps(value, default=str)
