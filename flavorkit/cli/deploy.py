"""``flavorkit deploy``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options

if TYPE_CHECKING:
    from flavorkit.docker.deploy import Document
    from flavorkit.docker.deploy.workload import Scale, Workload

PORT = click.IntRange(1, 65535)


@click.group()
def deploy() -> None:
    """Write the manifests that run an image of a model.

    The image is one that `flavorkit` builds, by the name it has where it will be pulled from.
    Nothing is started: what is written is for `kubectl apply -f FILE` and `docker compose -f FILE
    up`.
    """


def _writes(function: Callable[..., list[Document]]) -> Callable[..., None]:
    """Let the documents that ``function`` gives be written to ``--output``."""

    @functools.wraps(function)
    def command(*, output: Path | None, overwrite: bool, **others: Any) -> None:
        from flavorkit.docker.deploy import text

        _write(text(function(**others)), output, overwrite=overwrite)

    for option in (
        click.option("--overwrite", is_flag=True, help="Replace FILE if it is there."),
        click.option(
            "-o",
            "--output",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="The file to write; standard output when not given.",
        ),
    ):
        command = option(command)
    return command


def _runs_image(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``function`` the workload that IMAGE and the options of its container describe."""

    @functools.wraps(function)
    def command(
        *,
        image: str,
        name: str | None,
        cpu: str,
        memory: str,
        env: tuple[str, ...],
        model_uri: str | None,
        **others: Any,
    ) -> Any:
        from flavorkit.docker import names
        from flavorkit.docker.deploy.workload import Workload
        from flavorkit.docker.quantities import Cpu, Memory

        parsed = names.Image.parse(image)
        workload = Workload(
            parsed,
            name=_name_of(parsed.name) if name is None else name,
            cpu=Cpu.parse(cpu),
            memory=Memory.parse(memory),
            variables=tuple(names.variable(text) for text in env),
            model_uri=model_uri,
        )
        return function(workload=workload, **others)

    for option in (
        click.option(
            "--model-uri",
            metavar="URI",
            help="The model to serve, for an image without one of its own.",
        ),
        click.option(
            "--env",
            metavar="NAME=VALUE",
            multiple=True,
            help="An environment variable of the server, such as a setting; can be given several"
            " times. No secrets: they would stand in the file.",
        ),
        click.option(
            "--memory",
            metavar="QUANTITY",
            default="1Gi",
            show_default=True,
            help="How much memory each container may use, such as 512Mi or 2Gi.",
        ),
        click.option(
            "--cpu",
            metavar="QUANTITY",
            default="1",
            show_default=True,
            help="How many processors each container may use, such as 2, 0.5 or 500m; the server"
            " starts as many workers.",
        ),
        click.option(
            "--name",
            help="What the service is called; the last part of the image's name when not given.",
        ),
        click.argument("image", metavar="IMAGE"),
    ):
        command = option(command)
    return command


def _scales(least: int, least_help: str) -> options.Decorator:
    """Give a function the numbers of replicas and the namespace of a cluster."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*, replicas: int, max_replicas: int | None, **others: Any) -> Any:
            from flavorkit.docker.deploy.workload import Scale

            most = max(2 * replicas, 1) if max_replicas is None else max_replicas
            return function(scale=Scale(replicas, most), **others)

        for option in (
            click.option(
                "--max-replicas",
                type=options.COUNT,
                help="How many containers run at most, when there is much to do; twice --replicas"
                " when not given. The same as --replicas for a fixed number.",
            ),
            click.option(
                "--replicas",
                type=click.IntRange(min=least),
                default=2,
                show_default=True,
                help=least_help,
            ),
            click.option(
                "--namespace",
                help="The namespace in the cluster; when not given, the one that the manifests are"
                " applied to.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@deploy.command()
@_runs_image
@_scales(1, "How many containers run at least.")
@_writes
def kubernetes(*, workload: Workload, scale: Scale, namespace: str | None) -> list[Document]:
    """Write a Deployment of IMAGE for Kubernetes, and what belongs to it.

    A Service on port 80, a PodDisruptionBudget, and a HorizontalPodAutoscaler on the processors'
    use. The containers run as no privileged user on a file system that cannot be written to.
    """
    from flavorkit.docker.deploy import kubernetes as manifests

    return manifests.documents(workload, scale, namespace)


@deploy.command()
@_runs_image
@_scales(0, "How many containers run at least; 0 lets Knative end all while nobody asks.")
@_writes
def kserve(*, workload: Workload, scale: Scale, namespace: str | None) -> list[Document]:
    """Write an InferenceService of KServe that runs IMAGE, with Knative or without."""
    from flavorkit.docker.deploy import kserve as manifest

    return [manifest.document(workload, scale, namespace)]


@deploy.command()
@_runs_image
@click.option(
    "--port",
    type=PORT,
    default=8080,
    show_default=True,
    help="Where the model is served on this machine.",
)
@click.option(
    "--server-image",
    metavar="IMAGE",
    help="An image for the tracking server: its entry point is flavorkit with the extra tracking,"
    " and its user may write in /data. When not given, Compose builds one.",
)
@click.option(
    "--server-port",
    type=PORT,
    default=5000,
    show_default=True,
    help="Where the tracking server listens on this machine.",
)
@_writes
def compose(
    *, workload: Workload, port: int, server_image: str | None, server_port: int
) -> list[Document]:
    """Write a compose file that runs IMAGE, and a tracking server beside it.

    Both can be reached from this machine alone. The server keeps its database and artifacts in a
    volume; `docker compose down` keeps it too, unless told otherwise.
    """
    from flavorkit.docker.deploy import compose as file
    from flavorkit.docker.names import Image
    from flavorkit.version import __version__

    image = None if server_image is None else Image.parse(server_image)
    server = file.TrackingServer(__version__, image, server_port)
    return [file.document(workload, server, port)]


def _name_of(image: str) -> str:
    """A name for the service, from the last part of an image's name.

    Raises:
        InvalidArgumentError: that part can be no name of a service.
    """
    from flavorkit.docker import names
    from flavorkit.errors import InvalidArgumentError

    last = image.rpartition("/")[2]
    try:
        return names.service(last.replace("_", "-").replace(".", "-"))
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{exc}; choose one with --name") from None


def _write(text: str, output: Path | None, *, overwrite: bool) -> None:
    from flavorkit import atomic
    from flavorkit.errors import PathOccupiedError

    if output is None:
        click.echo(text, nl=False)
        return
    if output.is_file() and not overwrite:
        raise PathOccupiedError(output, "there is such a file; add --overwrite to replace it")
    with atomic.publish_file(output) as file:
        file.write(text.encode())
