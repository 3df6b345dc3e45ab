"""``flavorkit predict``."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import click

from flavorkit.cli import options

_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}


@click.command(cls=options.RunsInEnvironment)
@options.model()
@click.option(
    "-i",
    "--input-path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file to read; standard input when not given.",
)
@click.option(
    "-o",
    "--output-path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; standard output when not given.",
)
@click.option(
    "-t",
    "--content-type",
    type=click.Choice(list(_TYPES)),
    default=None,
    help="What the input is; told from the file's name when not given, else json.",
)
@options.trust()
@options.environment()
def predict(
    *,
    model_uri: str,
    input_path: Path | None,
    output_path: Path | None,
    content_type: str | None,
    trust: Any,
    strict_env: bool,
) -> None:
    """Predict with the model MODEL_URI, on a file or on standard input.

    The input has the form of a request to /invocations, the output that of its answer.
    """
    from flavorkit.pyfunc import load_model
    from flavorkit.serving.scorer import Scorer

    suffix = input_path.suffix.lstrip(".").lower() if input_path else ""
    kind = _TYPES[content_type or (suffix if suffix in _TYPES else "json")]
    body = input_path.read_bytes() if input_path else sys.stdin.buffer.read()
    model = load_model(model_uri, trust=trust, strict_env=strict_env)
    answer = Scorer(model, max_waiting=1).score_now(kind, body)
    if output_path is None:
        click.echo(answer.decode())
    else:
        _replace(output_path, answer + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Write the file whole or not at all."""
    scratch = path.with_name(f".{path.name}.partial")
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
