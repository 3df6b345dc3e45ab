"""``flavorkit serve``."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flavorkit.cli import options

if TYPE_CHECKING:
    from flavorkit.pyfunc import PyFuncModel
    from flavorkit.serving.settings import Settings


def _limit(flag: str, kind: click.ParamType[Any], default: Any, text: str) -> options.Decorator:
    """An option whose value can also be given as ``FLAVORKIT_`` and its name."""
    return click.option(
        flag,
        type=kind,
        default=default,
        show_default=True,
        envvar=f"FLAVORKIT_{flag.removeprefix('--').replace('-', '_').upper()}",
        help=text,
    )


LIMITS = (
    _limit(
        "--max-waiting", options.COUNT, 256, "How many requests may wait for the model in a worker."
    ),
    _limit("--batch-rows", options.COUNT, 4096, "How many rows of several requests share a call."),
    _limit(
        "--batch-wait-ms",
        options.MAYBE_SECONDS,
        0,
        "How long to wait for more requests to share it.",
    ),
    _limit("--max-body-mib", options.COUNT, 64, "How large the body of a request may be, in MiB."),
    _limit("--body-seconds", options.SECONDS, 60, "How long a body may take to arrive."),
    _limit(
        "--max-header-kib", options.COUNT, 16, "How large the head of a request may be, in KiB."
    ),
    _limit("--max-headers", options.COUNT, 64, "How many headers a request may have."),
    _limit(
        "--header-seconds",
        options.SECONDS,
        10,
        "How long the head of a request may take to arrive.",
    ),
    _limit(
        "--idle-seconds",
        options.SECONDS,
        15,
        "How long a connection may stay open between requests.",
    ),
    _limit("--max-connections", options.COUNT, 1024, "How many connections a worker holds."),
    _limit(
        "--max-json-depth", options.COUNT, 64, "How deep lists and objects in a body may be nested."
    ),
    _limit("--max-rows", options.COUNT, 10_000_000, "How many rows a request may have."),
    _limit("--max-columns", options.COUNT, 10_000, "How many columns a request may have."),
    _limit("--grace", options.MAYBE_SECONDS, 30, "How many seconds begun requests get at the end."),
    _limit(
        "--drain", options.MAYBE_SECONDS, 1, "How many seconds new ones are answered after SIGTERM."
    ),
    _limit("--overrun", options.MAYBE_SECONDS, 5, "How many seconds a call may overrun its time."),
    _limit("--log-format", click.Choice(["text", "json"]), "text", "The form of the log's lines."),
)


def _limits(function: Any) -> Any:
    return functools.reduce(lambda command, option: option(command), reversed(LIMITS), function)


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
    type=options.SECONDS,
    default=60,
    show_default=True,
    envvar=["FLAVORKIT_SCORING_SERVER_REQUEST_TIMEOUT", "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"],
    help="How many seconds a request may take; a client may ask for less by X-Request-Timeout.",
)
@click.option(
    "-w",
    "--workers",
    type=options.COUNT,
    envvar=["FLAVORKIT_MODELS_WORKERS", "MLFLOW_MODELS_WORKERS"],
    help="How many processes serve the model; as many as there are processors for it when not"
    " given, or one for frameworks that use all of them by themselves.",
)
@click.option(
    "--name",
    envvar="FLAVORKIT_MODEL_NAME",
    help="The name the model is served under; its folder's when not given.",
)
@click.option(
    "--log-requests", is_flag=True, help="Log a line for every request, not only failures."
)
@_limits
@options.trust()
@options.environment()
def serve(
    *,
    model_uri: str,
    port: int,
    host: str,
    workers: int | None,
    name: str | None,
    trust: Any,
    strict_env: bool,
    **limits: Any,
) -> None:
    """Serve the model MODEL_URI over HTTP.

    POST /invocations predicts; GET /health/live and /health/ready say whether the server lives and
    whether it should be sent requests; GET /metrics has Prometheus' metrics; GET /version says
    which model it is. SIGTERM stops the server when all begun requests are answered.
    """
    from flavorkit import uris
    from flavorkit.serving import cpus
    from flavorkit.web import listening

    settings = _settings(**limits)
    listener = listening.bind(host, port)
    folder = uris.fetch(model_uri)
    name = name or folder.resolve().name

    def load() -> PyFuncModel:
        from flavorkit.pyfunc import load_model

        return load_model(folder, trust=trust, strict_env=strict_env)

    url = listening.url_of(listener)
    flavor = _flavor_of(folder)
    plan = cpus.plan(flavor, workers, cpus.available())
    variables = plan.variables(os.environ)
    announce = _announcer(settings.log_format)
    describe = functools.partial(
        _announcement, model_uri, url, plan.workers, with_example=settings.log_format == "text"
    )
    if sys.platform == "win32":
        os.environ.update(variables)
        announce(f"loading {model_uri} ({flavor})")
        _serve_here(
            *(name, load(), listener, settings),
            on_ready=lambda model: announce(describe(model)),
        )
        return
    from flavorkit.serving import worker
    from flavorkit.serving.supervisor import Supervisor
    from flavorkit.web import logs

    def run_worker(seat: Any) -> int:
        return worker.run_worker(
            *(seat, name, load, listener, settings), environ=variables, describe=describe
        )

    with logs.at_once(settings.log_format):
        announce(f"loading {model_uri} ({flavor})")
        Supervisor(
            *(listener, plan.workers, run_worker, settings),
            on_ready=announce,
        ).run()


def _announcer(log_format: str) -> Callable[[str], None]:
    """Says on standard error what the server is about, in the form of its log."""
    if log_format == "text":
        return functools.partial(click.echo, err=True)
    return logging.getLogger("flavorkit.serving").info


def _serve_here(
    name: str,
    model: PyFuncModel,
    listener: Any,
    settings: Settings,
    *,
    on_ready: Callable[[PyFuncModel], None],
) -> None:
    """Serve in this process, where no other can be forked."""
    from flavorkit.serving import server
    from flavorkit.web import logs

    with logs.off_the_hot_path(settings.log_format):
        server.run(
            *(name, lambda: model, listener, settings),
            on_ready=lambda: on_ready(model),
        )


def _settings(
    *,
    timeout: float,
    max_body_mib: int,
    max_header_kib: int,
    batch_wait_ms: float,
    grace: float,
    drain: float,
    overrun: float,
    **others: Any,
) -> Settings:
    from flavorkit.serving.settings import Settings
    from flavorkit.web.limits import MEBIBYTE

    return Settings(
        timeout_seconds=timeout,
        max_body_bytes=max_body_mib * MEBIBYTE,
        max_header_bytes=max_header_kib * 1024,
        batch_wait_seconds=batch_wait_ms / 1000,
        grace_seconds=grace,
        drain_seconds=drain,
        overrun_seconds=overrun,
        **others,
    )


def _flavor_of(folder: Path) -> str:
    """The native flavor of a model, read without importing what reads models."""
    from flavorkit import strict_yaml

    descriptor = strict_yaml.read(folder / "MLmodel")
    flavors = descriptor.get("flavors") if isinstance(descriptor, dict) else None
    names = [str(name) for name in flavors or () if name != "python_function"]
    return names[0] if names else "python_function"


def _announcement(
    model_uri: str, url: str, workers: int, model: PyFuncModel, *, with_example: bool
) -> str:
    by = "1 worker" if workers == 1 else f"{workers} workers"
    serving = f"serving {model_uri} ({model.flavor.name}, {by}) on {url}"
    if not with_example:
        return serving
    return (
        f"{serving}\n"
        f"try: curl {url}/invocations -H 'Content-Type: application/json' -d"
        f" {_example_request(model, model_uri)}"
    )


def _example_request(model: PyFuncModel, model_uri: str) -> str:
    info = model.metadata.saved_input_example_info or {}
    path = Path(model_uri, str(info.get("serving_input_path", "")))
    if info.get("serving_input_path") and path.is_file():
        return f"@{path}"
    return """'{"dataframe_split": {"columns": [...], "data": [[...]]}}'"""
