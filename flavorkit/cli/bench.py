"""``flavorkit bench``."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import click

from flavorkit.cli import options

_MOST_UNSENT = 0.01
"""Which part of the requests may be left unsent before the load was not what was asked for."""


def _writable(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Find out before the measurement whether its figures can be written."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}; make it first")
    if path is not None and not path.exists() and not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"the folder {path.parent} cannot be written to")
    return path


@click.command()
@click.argument("target", metavar="MODEL_OR_URL")
@click.option(
    "-c",
    "--connections",
    type=options.COUNT,
    help="How many connections send requests, 16 when not given; with --rate, how many may be"
    " opened, 1,000 when not given.",
)
@click.option(
    "-r",
    "--rate",
    type=options.SECONDS,
    help="Send so many requests a second, whether or not they are answered; else each connection"
    " sends its next request when it has the answer to the one before.",
)
@click.option(
    "-d",
    "--duration",
    type=options.SECONDS,
    default=10,
    show_default=True,
    help="How many seconds to measure.",
)
@click.option(
    "--warm-up",
    type=options.MAYBE_SECONDS,
    default=2,
    show_default=True,
    help="How many seconds of the same load come before, which are not counted.",
)
@click.option(
    "-t",
    "--timeout",
    type=options.SECONDS,
    default=60,
    show_default=True,
    help="How many seconds to wait for an answer.",
)
@click.option(
    "--payload",
    "payload_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The body of each request: a .json, .csv or .parquet file; the model's input example when"
    " not given.",
)
@click.option("-w", "--workers", type=options.COUNT, help="For a model: how many workers serve it.")
@click.option(
    "--allow-failures",
    is_flag=True,
    help="Measure even if the first request is refused; failures do not change the exit status.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_writable,
    help="A file to write the figures to, as JSON.",
)
@options.trust()
@options.json_output()
def bench(
    *,
    target: str,
    connections: int | None,
    rate: float | None,
    duration: float,
    warm_up: float,
    timeout: float,
    payload_path: Path | None,
    workers: int | None,
    allow_failures: bool,
    output: Path | None,
    trust: Any,
    as_json: bool,
) -> None:
    """Measure how fast a server answers.

    MODEL_OR_URL is a running server (http://host:port), or a model, which is served for as long as
    the measurement lasts. One request is sent before all others; if the server refuses it, nothing
    is measured. Exits with status 1 if any request failed, or if more than 1 % of those that --rate
    asks for could not be sent.
    """
    from flavorkit.cli import bench_table, bench_target
    from flavorkit.serving.load.generator import Plan

    options.refuse_empty(target)
    context: contextlib.AbstractContextManager[bench_target.Server]
    if bench_target.is_url(target):
        _check_url(target, workers, trust, payload_path)
        context = contextlib.nullcontext(bench_target.Server(target))
    else:
        context = bench_target.served(target, workers, trust)
    if payload_path is None:
        payload = bench_target.Payload.of_model(target)
    else:
        payload = bench_target.Payload.of_file(payload_path)
    plan = Plan(connections, duration, warm_up, rate, timeout)
    with context as server:
        figures = _measured(server, payload, plan, allow_failures=allow_failures)
    figures = {"target": target, **figures}
    if as_json:
        click.echo(json.dumps(figures))
    else:
        bench_table.show(figures)
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    status = exit_status(figures, allow_failures=allow_failures)
    if status:
        raise SystemExit(status)


def _check_url(target: str, workers: int | None, trust: Any, payload: Path | None) -> None:
    """Refuse what cannot be called, and what would have to be said to a server as it starts."""
    from flavorkit.serving.load.client import Target

    try:
        Target.of(target, b"", "")
    except ValueError as exc:
        raise click.UsageError(str(exc)) from None
    for name, value in (("--workers", workers), ("--trust", trust)):
        if value is not None:
            raise click.UsageError(f"{name} is for a model; {target} is a server that runs already")
    if payload is None:
        raise click.UsageError("a server does not tell its model's input example; give --payload")


def _measured(server: Any, payload: Any, plan: Any, *, allow_failures: bool) -> dict[str, Any]:
    import asyncio

    from flavorkit.cli.progress import PATIENCE_SECONDS, RowProgress
    from flavorkit.serving.load import generator, report
    from flavorkit.serving.load.client import Target, is_good

    called = Target.of(server.url, payload.body, payload.content_type)
    try:
        answer = asyncio.run(generator.ask(called, plan.timeout_seconds))
    except OSError as exc:
        raise click.ClickException(f"{server.url} does not answer: {exc}") from None
    if not allow_failures and not is_good(answer.status):
        said = f": {answer.message}" if answer.message else ""
        raise click.ClickException(
            options.printable(f"the server answers with status {answer.status}{said}")
            + " (--allow-failures measures all the same)"
        )
    seconds = plan.seconds + plan.warm_up_seconds
    patience = 0 if seconds > PATIENCE_SECONDS else PATIENCE_SECONDS
    tenths = round(seconds * 10)
    with RowProgress(tenths, is_wanted=True, unit="requests", patience=patience) as progress:

        def advance(passed: float, requests: int) -> None:
            progress.advance(round(passed * 10), requests)

        result = asyncio.run(generator.run(called, plan, advance))
    return {
        "model": answer.model or None,
        "workers": server.workers,
        "payload": payload.name,
        "payload_bytes": len(payload.body),
        **report.summary(plan, result, payload.rows()),
    }


def exit_status(figures: dict[str, Any], *, allow_failures: bool) -> int:
    """The exit status; what the figures are worth is said on standard error."""
    unsent, connections = figures["unsent"], figures["connections"]
    if unsent:
        due = figures["requests"] + unsent
        click.echo(
            f"Warning: {unsent:,} of {due:,} requests that were due ({unsent / due:.1%}) were not"
            f" sent, as all connections, {connections:,}, waited for answers: the server did not"
            " keep up, or -c is too small.",
            err=True,
        )
    if figures["interrupted"]:
        what = "what was measured until then" if figures["requests"] else "nothing yet"
        click.echo(f"Interrupted; the figures are of {what}.", err=True)
        return 130
    has_failed = figures["failed"] and not allow_failures
    return 1 if has_failed or figures["unsent_share"] > _MOST_UNSENT else 0
