"""``flavorkit predict``."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click

from flavorkit.cli import options

_KINDS = ("json", "csv", "parquet", "arrow", "jsonl")


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
    type=click.Choice(_KINDS),
    default=None,
    help="What the input is; told from the file's name when not given, else json.",
)
@click.option(
    "--output-type",
    type=click.Choice(_KINDS),
    default=None,
    help="What the output is; told from the file's name when not given, else json.",
)
@click.option(
    "--rows-per-chunk",
    type=click.IntRange(min=1),
    default=None,
    help="How many rows the model gets at once: 100,000, or 16 MiB of the file if that is less. A"
    " model that may look at several rows at once gets all of them unless this is given.",
)
@click.option(
    "--keep-inputs", is_flag=True, help="Write the columns of the input before the predictions."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.option(
    "--traceback", "with_traceback", is_flag=True, help="Show where in its code a model failed."
)
@options.trust()
@options.environment()
def predict(
    *,
    model_uri: str,
    input_path: Path | None,
    output_path: Path | None,
    content_type: str | None,
    output_type: str | None,
    rows_per_chunk: int | None,
    keep_inputs: bool,
    quiet: bool,
    with_traceback: bool,
    trust: Any,
    strict_env: bool,
) -> None:
    """Predict with the model MODEL_URI, on a file or on standard input.

    Tables (csv, parquet, arrow, and jsonl with one record in a line) are read, predicted and
    written in chunks, so they may be larger than memory. An input of type json has the form of a
    request to /invocations, an output of type json that of its answer. The output file appears when
    all of it is written, or not at all.
    """
    from flavorkit.errors import PredictionError

    job = _Job(
        model_uri,
        trust,
        _Origin(input_path, is_assumed=content_type is None),
        _kind_of(input_path, content_type),
        _kind_of(output_path, output_type),
        rows_per_chunk,
        keep_inputs=keep_inputs,
        shows_progress=not quiet,
        strict_env=strict_env,
    )
    try:
        with _source(input_path) as source, _target(output_path, job.writes) as target:
            job.run(source, target, is_pipe=output_path is None or output_path.suffix == ".arrows")
    except PredictionError as exc:
        if with_traceback and exc.__cause__ is not None:
            click.echo("".join(traceback.format_exception(exc.__cause__)), err=True, nl=False)
        raise
    except KeyboardInterrupt:
        click.echo("Interrupted; no output was written.", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:
        _forget_standard_output()
        raise SystemExit(1) from None


@dataclass(frozen=True)
class _Origin:
    """Where a request of JSON comes from, for the message that it is none."""

    path: Path | None
    is_assumed: bool
    """Whether nobody has said that it is JSON."""

    def read(self, source: BinaryIO) -> bytes:
        """All of ``source``, which is JSON.

        Raises:
            RequestError: it is not; the message names the file, and why it was read as JSON.
        """
        from flavorkit.errors import RequestError
        from flavorkit.tables import strict_json

        body = source.read()
        try:
            strict_json.parse(body)
        except RequestError as exc:
            problem = exc.message.replace("the body", str(self.path or "standard input"), 1)
            raise RequestError(problem + self._why()) from None
        return body

    def _why(self) -> str:
        if not self.is_assumed or (self.path is not None and self.path.suffix.lower() == ".json"):
            return ""
        because = ""
        if self.path is not None:
            suffix = self.path.suffix
            because = f" because of the suffix {suffix!r}" if suffix else " for want of a suffix"
        others = ", ".join(f"-t {kind}" for kind in _KINDS[1:-1])
        return f"; JSON was assumed{because}, say what else it is with {others} or -t {_KINDS[-1]}"


@dataclass(frozen=True)
class _Job:
    """What is read, with which model, and what is written."""

    model_uri: str
    trust: Any
    origin: _Origin
    reads: Any
    writes: Any
    rows_per_chunk: int | None
    keep_inputs: bool
    shows_progress: bool
    strict_env: bool

    def run(self, source: BinaryIO, target: BinaryIO, *, is_pipe: bool) -> None:
        """Predict on all of ``source``, into ``target``."""
        from flavorkit.pyfunc import load_model
        from flavorkit.tables.writers import open_writer

        # A file that is no JSON is told from its first look, a model may take a minute to load.
        body = self.origin.read(source) if self.reads == "json" else None
        model = load_model(self.model_uri, trust=self.trust, strict_env=self.strict_env)
        writer = open_writer(target, self.writes, is_pipe=is_pipe)
        if body is not None:
            self._request(model, body, target, writer)
        else:
            self._table(model, source, writer)

    def _request(self, model: Any, body: bytes, target: BinaryIO, writer: Any) -> None:
        from flavorkit.pyfunc.batch import beside, guarded, table_of
        from flavorkit.serving import answers
        from flavorkit.serving.requests import read
        from flavorkit.serving.settings import UNLIMITED
        from flavorkit.signature.containers import frame_of
        from flavorkit.web.error_answers import JSON

        request = read(model, JSON, body, UNLIMITED)
        predictions = guarded(lambda: model.predict_enforced(request.data, request.params))
        if self.writes == "json" and not self.keep_inputs:
            target.write(answers.encode(predictions, is_bare=request.is_bare) + b"\n")
            return
        inputs = frame_of(request.data)
        schema = model.input_schema
        if schema and not schema.is_tensor_spec() and hasattr(request.data, "dtype"):
            inputs.columns = schema.input_names()  # which an array has lost
        table = table_of(predictions, len(inputs))
        writer.write(beside(inputs, table) if self.keep_inputs else table)
        writer.close()

    def _table(self, model: Any, source: BinaryIO, writer: Any) -> None:
        from flavorkit.cli.progress import RowProgress
        from flavorkit.pyfunc.batch import limits_for, predict_chunks
        from flavorkit.tables.readers import open_table

        limits = limits_for(model, self.rows_per_chunk)
        table = open_table(
            source, self.reads, model.input_schema, limits, keep_all=self.keep_inputs
        )
        with RowProgress(table.total, is_wanted=self.shows_progress) as progress:
            for scored in predict_chunks(model, table.chunks):
                if self.writes == "json" and not self.keep_inputs:
                    writer.write(scored.predictions)
                else:
                    writer.write(scored.table(model.signature, keep_inputs=self.keep_inputs))
                progress.advance(scored.chunk.done, scored.chunk.last_row + 1)
        writer.close()


def _kind_of(path: Path | None, given: str | None) -> Any:
    from flavorkit.tables.chunks import SUFFIXES

    return given or SUFFIXES.get(path.suffix.lower() if path else "", "json")


@contextlib.contextmanager
def _source(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdin.buffer
        return
    with path.open("rb") as stream:
        yield stream


@contextlib.contextmanager
def _target(path: Path | None, kind: str) -> Iterator[BinaryIO]:
    from flavorkit import atomic

    if path is not None:
        with atomic.publish_file(path) as stream:
            yield stream
        return
    if kind in {"parquet", "arrow"} and sys.stdout.isatty():
        raise click.UsageError(f"{kind} is not for a terminal; name a file with -o")
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _forget_standard_output() -> None:
    """Whoever read it has gone; what is still buffered would fail again when the process ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
