"""``flavorkit serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flavorkit.cli import options


@click.command(cls=options.RunsInEnvironment)
@options.model()
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    envvar=["FLAVORKIT_PORT", "MLFLOW_PORT"],
    help="The port to listen on; 0 takes any free one.",
)
@click.option(
    "-h",
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar=["FLAVORKIT_HOST", "MLFLOW_HOST"],
    help="The address to listen on.",
)
@click.option(
    "-t",
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60,
    show_default=True,
    envvar=["FLAVORKIT_SCORING_SERVER_REQUEST_TIMEOUT", "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"],
    help="How many seconds a request may take.",
)
@click.option(
    "-w",
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    envvar=["FLAVORKIT_MODELS_WORKERS", "MLFLOW_MODELS_WORKERS"],
    help="How many processes serve the model; one for now.",
)
@click.option(
    "--max-body-mib",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    envvar="FLAVORKIT_MAX_BODY_MIB",
    help="How large a request may be, in MiB.",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    envvar="FLAVORKIT_MAX_WAITING",
    help="How many requests may wait for the model at once.",
)
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    envvar="FLAVORKIT_GRACE",
    help="How many seconds begun requests get when the server stops.",
)
@click.option(
    "--log-requests", is_flag=True, help="Log a line for every request, not only failures."
)
@options.trust()
@options.environment()
def serve(
    *,
    model_uri: str,
    port: int,
    host: str,
    timeout: float,
    max_body_mib: int,
    max_waiting: int,
    grace: int,
    log_requests: bool,
    workers: int,
    trust: Any,
    strict_env: bool,
) -> None:
    """Serve the model MODEL_URI over HTTP.

    POST /invocations predicts; GET /ping and GET /health answer as soon as the model is loaded; GET
    /version says which model it is. SIGTERM stops the server when all begun requests are answered.
    """
    from flavorkit.pyfunc import PyFuncModel, load_model
    from flavorkit.serving.server import serve as run
    from flavorkit.serving.settings import Settings

    if workers > 1:
        click.echo(f"one process serves the model for now, not {workers}", err=True)
    loaded: list[PyFuncModel] = []

    def load() -> PyFuncModel:
        loaded.append(load_model(model_uri, trust=trust, strict_env=strict_env))
        return loaded[0]

    def announce(url: str) -> None:
        click.echo(f"serving {model_uri} ({loaded[0].flavor.name}) on {url}", err=True)
        click.echo(
            f"try: curl {url}/invocations -H 'Content-Type: application/json' -d"
            f" {_example_request(loaded[0], model_uri)}",
            err=True,
        )

    run(
        model_uri,
        load,
        host=host,
        port=port,
        settings=Settings(
            timeout_seconds=timeout,
            max_body_bytes=max_body_mib * 1024 * 1024,
            max_waiting=max_waiting,
            grace_seconds=grace,
            log_requests=log_requests,
        ),
        on_ready=announce,
    )


def _example_request(model: Any, model_uri: str) -> str:
    info = model.metadata.saved_input_example_info or {}
    path = Path(model_uri, str(info.get("serving_input_path", "")))
    if info.get("serving_input_path") and path.is_file():
        return f"@{path}"
    return """'{"dataframe_split": {"columns": [...], "data": [[...]]}}'"""
