"""``flavorkit build-docker`` and ``flavorkit generate-dockerfile``."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options

if TYPE_CHECKING:
    from flavorkit.docker.plan import Options

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

OF_THE_IMAGE = (
    click.option(
        "--base-image",
        metavar="IMAGE",
        help="What the image stands on; python:X.Y-slim of the model's Python when not given. It"
        " has that Python, and pip, unless --install-python is given.",
    ),
    click.option("--platform", metavar="OS/CPU", help="What it is built for, such as linux/arm64."),
    click.option(
        "--index-url", metavar="URL", help="The package index to install from in place of PyPI."
    ),
    click.option(
        "--extra-index-url",
        "extra_index_urls",
        metavar="URL",
        multiple=True,
        help="A further package index, which is asked first.",
    ),
    click.option(
        "--netrc",
        type=_FILE,
        help="A .netrc file with the passwords of package indexes. The build sees it, the image"
        " does not have it.",
    ),
    click.option("--wheels", type=_FOLDER, help="A folder of wheels to install from as well."),
    click.option("--offline", is_flag=True, help="Install from the folder of wheels only."),
    click.option(
        "--apt-package",
        "apt_packages",
        metavar="NAME",
        multiple=True,
        help="A package of Debian or Ubuntu that the model needs too.",
    ),
    click.option(
        "--env", metavar="NAME=VALUE", multiple=True, help="A variable that is set in the image."
    ),
    click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, help="A label of it."),
    click.option(
        "--cuda", is_flag=True, help="Stand on NVIDIA's image, for PyTorch, Keras and TensorFlow."
    ),
    click.option(
        "--torch-backend",
        metavar="BUILD",
        help="Which build of PyTorch to install, from PyTorch's own index: cpu, cu128, ...",
    ),
    # MLflow's has a value.
    click.option(
        "--install-java",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        help="Put a Java runtime into the image.",
    ),
    click.option(
        "--install-python",
        is_flag=True,
        help="Put Python into the image, for a base that has none.",
    ),
    click.option(
        "--extra",
        "extras",
        metavar="EXTRA",
        multiple=True,
        help="An extra of flavorkit to install: the flavor of a model that is not in the image, and"
        " s3, gcs, azure or tracking if it is fetched from there or by a database of runs.",
    ),
    # What MLflow has: an image has one environment, which uv makes.
    click.option(
        "--env-manager", type=click.Choice(["local", "uv", "virtualenv", "conda"]), hidden=True
    ),
    click.option("--mlflow-home", hidden=True),
    click.option("--install-mlflow", is_flag=True, hidden=True),
)


def of_the_image(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of an image; the function gets them as ``wanted``."""

    @functools.wraps(function)
    def command(
        *, env_manager: str | None, mlflow_home: str | None, install_mlflow: bool, **given: Any
    ) -> Any:
        from flavorkit.docker.plan import Options

        if env_manager == "conda":
            raise click.UsageError(
                "an image has no conda: its packages are installed by uv; leave --env-manager out,"
                " and name what conda would bring with --apt-package or --base-image"
            )
        names = [field.name for field in dataclasses.fields(Options)]
        wanted = Options(**{name: given.pop(name) for name in names})
        return function(wanted=wanted, **given)

    return functools.reduce(lambda inner, option: option(inner), reversed(OF_THE_IMAGE), command)


@click.command()
@options.maybe_model()
@click.option(
    "-t",
    "-n",
    "--tag",
    "--name",
    "name",
    metavar="IMAGE",
    default="flavorkit-model",
    show_default=True,
    help="What the image is called, as in registry.example.com/team/model:1.",
)
@click.option(
    "--engine",
    type=click.Choice(["docker", "podman", "buildah"]),
    envvar="FLAVORKIT_ENGINE",
    help="What builds it; the first that is installed when not given.",
)
@click.option("--push", is_flag=True, help="Send it to the registry that its name names.")
@click.option("--sbom", type=_FILE, help="Write its bill of materials to this file as well.")
@click.option("--no-cache", is_flag=True, help="Take no layers of earlier builds.")
@click.option("--pull", is_flag=True, help="Look for a newer base image.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing of what the engine says.")
@of_the_image
@options.trust()
@options.requirement_options()
@options.json_output()
def build_docker(
    *,
    model_uri: str | None,
    name: str,
    wanted: Options,
    as_json: bool,
    no_cache: bool,
    quiet: bool,
    allow_requirement_options: bool,
    **given: Any,
) -> None:
    """Build an image that serves the model MODEL_URI on port 8080.

    Without a model the image takes one that is mounted at /opt/ml/model, or whose URI stands in the
    variable FLAVORKIT_MODEL_URI.
    """
    from flavorkit.docker.build import build_image

    built = build_image(
        model_uri,
        name,
        options=wanted,
        use_cache=not no_cache,
        quiet=quiet or as_json,
        allow_requirement_options=allow_requirement_options,
        **given,
    )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(built)))
        return
    size = f", {built.size_bytes / 1e6:,.0f} MB" if built.size_bytes is not None else ""
    click.echo(f"built {built.image}{size}, in {built.seconds:.0f} seconds", err=True)
    runs = "docker" if built.engine == "docker" else "podman"  # Buildah runs no servers
    click.echo(f"try: {runs} run --rm --publish 8080:8080 {built.image}", err=True)


@click.command()
@options.maybe_model()
@click.option(
    "-d",
    "--output-directory",
    "folder",
    type=_FOLDER,
    default=Path("flavorkit-dockerfile"),
    show_default=True,
    help="Where to write it; empty, or not there.",
)
@of_the_image
@options.trust()
@options.requirement_options()
def generate_dockerfile(
    *, model_uri: str | None, folder: Path, wanted: Options, **given: Any
) -> None:
    """Write the Dockerfile of an image that serves the model MODEL_URI, and all that it copies.

    For those who build elsewhere; `flavorkit build-docker` writes the same and builds it.
    """
    from flavorkit.docker.build import generate_dockerfile as generate
    from flavorkit.docker.context import build_command

    generate(model_uri, folder, options=wanted, **given)
    command = build_command(str(folder), has_netrc=wanted.netrc is not None)
    click.echo(options.printable(f"wrote {folder}; build it with: {command}"), err=True)
