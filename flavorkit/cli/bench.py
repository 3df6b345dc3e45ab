"""``flavorkit bench``."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from flavorkit.cli import options

_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
}


@click.command()
@click.argument("target", metavar="MODEL_OR_URL")
@click.option("-c", "--connections", type=options.COUNT, default=16, show_default=True)
@click.option(
    "-r",
    "--rate",
    type=options.SECONDS,
    help="Send so many requests a second, whether or not they are answered; else each connection"
    " sends its next request when it has the answer to the one before.",
)
@click.option("-d", "--duration", type=options.SECONDS, default=10, show_default=True)
@click.option("--warm-up", type=options.MAYBE_SECONDS, default=2, show_default=True)
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
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The body of each request: a .json, .csv or .parquet file; the model's input example when"
    " not given.",
)
@click.option("-w", "--workers", type=options.COUNT, help="For a model: how many workers serve it.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write the figures to, as JSON.",
)
@options.trust()
@options.json_output()
def bench(
    *,
    target: str,
    connections: int,
    rate: float | None,
    duration: float,
    warm_up: float,
    timeout: float,
    payload: Path | None,
    workers: int | None,
    output: Path | None,
    trust: Any,
    as_json: bool,
) -> None:
    """Measure how fast a server answers.

    MODEL_OR_URL is a running server (http://host:port), or a model, which is served for as long as
    the measurement lasts. Exits with status 1 if any request failed.
    """
    import asyncio

    from flavorkit.cli.progress import RowProgress
    from flavorkit.serving.load import report
    from flavorkit.serving.load.client import Target
    from flavorkit.serving.load.generator import Plan, ask, run

    body, content_type = _body_of(target, payload)
    plan = Plan(connections, duration, warm_up, rate, timeout)
    with _served(target, workers, trust) as url:
        try:
            called = Target.of(url, body, content_type)
        except ValueError as exc:
            raise click.UsageError(str(exc)) from None
        total = round((duration + warm_up) * 10)
        with RowProgress(total, is_wanted=not as_json, unit="requests") as progress:

            def advance(seconds: float, requests: int) -> None:
                progress.advance(round(seconds * 10), requests)

            try:
                asyncio.run(ask(called, timeout))
                result = asyncio.run(run(called, plan, advance))
            except OSError as exc:
                raise click.ClickException(f"{url} does not answer: {exc}") from None
    figures = {"target": target, **report.summary(plan, result, _rows_of(body, content_type))}
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    if as_json:
        click.echo(json.dumps(figures))
    else:
        _print(figures)
    if figures["failed"]:
        raise SystemExit(1)


def _body_of(target: str, payload: Path | None) -> tuple[bytes, str]:
    if payload is not None:
        content_type = _TYPES.get(payload.suffix.lower())
        if content_type is None:
            raise click.BadParameter(
                f"{payload} must end in {', '.join(_TYPES)}", param_hint="--payload"
            )
        return payload.read_bytes(), content_type
    if target.startswith(("http://", "https://")):
        raise click.UsageError("a server does not tell its model's input example; give --payload")
    from flavorkit import uris
    from flavorkit.descriptor import ModelDescriptor, inside

    folder = uris.fetch(target)
    info = ModelDescriptor.read(folder).saved_input_example_info or {}
    name = info.get("serving_input_path")
    if not name:
        raise click.UsageError("the model was saved without an input example; give --payload")
    return inside(folder, str(name)).read_bytes(), _TYPES[".json"]


def _rows_of(body: bytes, content_type: str) -> int | None:
    if content_type != _TYPES[".json"]:
        return body.count(b"\n") - 1 if content_type == _TYPES[".csv"] else None
    payload = json.loads(body)
    if not isinstance(payload, dict):
        return None
    table = payload.get("dataframe_split", payload)
    rows = table.get("data") if isinstance(table, dict) else None
    for form in ("dataframe_records", "instances", "inputs"):
        rows = payload.get(form, rows)
    return len(rows) if isinstance(rows, list) else None


@contextlib.contextmanager
def _served(target: str, workers: int | None, trust: Any) -> Iterator[str]:
    """The URL of what is measured, which is started if it is a model."""
    if target.startswith(("http://", "https://")):
        yield target
        return
    policies = [] if trust is None else [trust] if isinstance(trust, str) else trust
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", target, "-p", "0", "--drain", "0"]
    command += [] if workers is None else ["-w", str(workers)]
    for policy in policies:
        command += ["--trust", policy]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            url = _url_said_in(process.stderr)
            # What it logs while it is measured must not fill the pipe, on which it would wait.
            drain = threading.Thread(target=process.stderr.read)
            drain.start()
            yield url
        finally:
            process.terminate()
        drain.join()


def _url_said_in(log: IO[str]) -> str:
    said = []
    for line in log:
        said.append(line)
        if line.startswith("serving "):
            return line.rsplit(" ", 1)[1].strip()
    raise click.ClickException("".join(said).removeprefix("Error: ").strip())


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{figures['loop']} loop, {figures['connections']} connections")
    table.add_column("")
    table.add_column("", justify="right")
    rows = [("requests / s", f"{figures['requests_per_second']:,.0f}")]
    if figures["rows_per_second"] is not None and figures["rows_per_request"] != 1:
        rows.append(("rows / s", f"{figures['rows_per_second']:,.0f}"))
    for name, value in figures["latency_ms"].items():
        rows.append((name, "" if value is None else f"{value:,.2f} ms"))
    rows.append(("answered", f"{figures['answered']:,}"))
    for outcome, count in figures["outcomes"].items():
        if outcome != "200":
            rows.append((outcome, f"{count:,}"))
    if figures["unsent"]:
        rows.append(("due but not sent", f"{figures['unsent']:,}"))
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)
