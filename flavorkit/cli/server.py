"""``flavorkit server``."""

from __future__ import annotations

from typing import Any

import click

from flavorkit.cli import options

# What MLflow's command has besides, and what to do instead.
REFUSED = {
    "--registry-store-uri": "runs and registered models are in one store here",
    "--read-replica-backend-store-uri": "there is one database",
    "--disable-security-middleware": "name the hosts and origins that are meant with"
    " --allowed-hosts and --cors-allowed-origins",
    "--gunicorn-opts": "the server is its own; see --workers and the limits",
    "--waitress-opts": "the server is its own; see --workers and the limits",
    "--uvicorn-opts": "the server is its own; see --workers and the limits",
    "--app-name": "there are no users yet; put a proxy in front of the server that asks for them",
    "--trace-archival-config": "there are no traces",
    "--secrets-cache-ttl": "there are no secrets",
    "--secrets-cache-max-size": "there are no secrets",
    "--workspace-store-uri": "there are no workspaces; start a server for each",
}
REFUSED_FLAGS = {
    "--dev": "start the server again instead",
    "--enable-workspaces": "there are no workspaces; start a server for each",
}


def _refused(function: Any) -> Any:
    def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value:
            flag = param.opts[0]
            reason = REFUSED.get(flag) or REFUSED_FLAGS[flag]
            raise click.UsageError(f"{flag} is MLflow's: {reason}", ctx)

    for flag in REFUSED:
        function = click.option(flag, hidden=True, expose_value=False, callback=refuse)(function)
    for flag in REFUSED_FLAGS:
        function = click.option(
            flag, is_flag=True, hidden=True, expose_value=False, callback=refuse
        )(function)
    # /metrics is always there, and nothing is in workspaces: what these ask for is so.
    for flag, is_flag in (("--expose-prometheus", False), ("--disable-workspaces", True)):
        function = click.option(flag, is_flag=is_flag, hidden=True, expose_value=False)(function)
    return function


def _setting(flag: str, name: str, *aliases: str, **arguments: Any) -> options.Decorator:
    """An option that can be given as ``FLAVORKIT_`` or ``MLFLOW_`` and ``name``."""
    variables = [f"FLAVORKIT_{name}", f"MLFLOW_{name}"]
    return click.option(flag, *aliases, envvar=variables, **arguments)


@click.command()
@_setting(
    "--backend-store-uri",
    "BACKEND_STORE_URI",
    metavar="URI",
    help="The database or folder of runs and models; sqlite:///flavorkit.db when not given.",
)
@_setting(
    "--artifacts-destination",
    "ARTIFACTS_DESTINATION",
    metavar="URI",
    default="./mlartifacts",
    show_default=True,
    help="Where the artifacts are kept that clients send through the server.",
)
@_setting(
    "--serve-artifacts/--no-serve-artifacts",
    "SERVE_ARTIFACTS",
    default=True,
    show_default=True,
    help="Whether clients send artifacts through the server.",
)
@_setting(
    "--default-artifact-root",
    "DEFAULT_ARTIFACT_ROOT",
    metavar="URI",
    help="Where experiments that name no place keep their artifacts; with the server when not"
    " given.",
)
@_setting("--artifacts-only", "ARTIFACTS_ONLY", is_flag=True, help="Serve nothing but artifacts.")
@_setting(
    "--host",
    "HOST",
    "-h",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; one that other machines can reach needs --accept-no-auth.",
)
@_setting(
    "--port",
    "PORT",
    "-p",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="The port to listen on; 0 takes any free one.",
)
@click.option(
    "--accept-no-auth",
    is_flag=True,
    help="Listen where other machines can reach the server, which asks nobody who they are.",
)
@_setting(
    "--workers",
    "WORKERS",
    "-w",
    type=options.COUNT,
    default=1,
    show_default=True,
    help="How many processes answer.",
)
@_setting(
    "--static-prefix", "STATIC_PREFIX", default="", metavar="PATH", help="What begins every path."
)
@_setting(
    "--allowed-hosts",
    "SERVER_ALLOWED_HOSTS",
    default="",
    metavar="NAMES",
    help="The names that the server answers to besides those of this machine, with commas.",
)
@_setting(
    "--cors-allowed-origins",
    "SERVER_CORS_ALLOWED_ORIGINS",
    default="",
    metavar="ORIGINS",
    help="The origins of other web pages that may call the server, with commas.",
)
@_setting(
    "--x-frame-options",
    "SERVER_X_FRAME_OPTIONS",
    type=click.Choice(["SAMEORIGIN", "DENY", "NONE"], case_sensitive=False),
    default="SAMEORIGIN",
    show_default=True,
    help="The header X-Frame-Options of all answers.",
)
@click.option(
    "--max-artifact-mib",
    type=options.COUNT,
    default=5 * 1024,
    show_default=True,
    envvar="FLAVORKIT_MAX_ARTIFACT_MIB",
    help="How large an artifact may be that is sent through the server, in MiB.",
)
@click.option(
    "--grace",
    type=options.MAYBE_SECONDS,
    default=30,
    show_default=True,
    envvar="FLAVORKIT_GRACE",
    help="How many seconds begun requests get at the end.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="FLAVORKIT_LOG_FORMAT",
    help="The form of the log's lines.",
)
@_refused
def server(
    *,
    backend_store_uri: str | None,
    serve_artifacts: bool,
    accept_no_auth: bool,
    allowed_hosts: str,
    cors_allowed_origins: str,
    x_frame_options: str,
    max_artifact_mib: int,
    grace: float,
    **others: Any,
) -> None:
    """Remember runs and models for many clients, MLflow's among them.

    Clients of flavorkit and of MLflow reach the server by its URL: set FLAVORKIT_TRACKING_URI, or
    MLFLOW_TRACKING_URI. GET /health says that it lives, GET /metrics has Prometheus' metrics.
    SIGTERM stops it when all begun requests are answered.
    """
    from flavorkit.tracking.server.run import serve
    from flavorkit.tracking.server.settings import Settings
    from flavorkit.tracking.stores import DEFAULT_URI
    from flavorkit.web.limits import MEBIBYTE

    settings = Settings(
        store_uri=backend_store_uri or DEFAULT_URI,
        serves_artifacts=serve_artifacts,
        accepts_no_auth=accept_no_auth,
        allowed_hosts=_listed(allowed_hosts),
        allowed_origins=_listed(cors_allowed_origins),
        frame_options=x_frame_options.upper(),
        max_upload_bytes=max_artifact_mib * MEBIBYTE,
        grace_seconds=grace,
        **others,
    )
    serve(settings, lambda url: click.echo(f"serving runs and models on {url}", err=True))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))
