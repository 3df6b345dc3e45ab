"""What ``flavorkit bench`` measures: a server that runs, or one for a model; and what it sends."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from flavorkit.cli.progress import waiting

TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_AND_PORT = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\]):\d+(/\S*)?")
_WORKERS = re.compile(r", (\d+) workers?\) on ")


@dataclass(frozen=True)
class Payload:
    """The body of each request."""

    name: str
    body: bytes
    content_type: str

    @classmethod
    def of_file(cls, path: Path) -> Payload:
        """What the file holds, of the type its name says."""
        content_type = TYPES.get(path.suffix.lower())
        if content_type is None:
            raise click.BadParameter(
                f"{path} must end in {', '.join(TYPES)}", param_hint="--payload"
            )
        return cls(path.name, path.read_bytes(), content_type)

    @classmethod
    def of_model(cls, uri: str) -> Payload:
        """The model's input example."""
        from flavorkit import uris
        from flavorkit.descriptor import ModelDescriptor, inside

        folder = uris.fetch(uri)
        info = ModelDescriptor.read(folder).saved_input_example_info or {}
        name = info.get("serving_input_path")
        if not name:
            raise click.UsageError("the model was saved without an input example; give --payload")
        body = inside(folder, str(name)).read_bytes()
        return cls("the model's input example", body, TYPES[".json"])

    def rows(self) -> int | None:
        """How many rows it has; None if that cannot be told without knowing the model."""
        with contextlib.suppress(ValueError, RecursionError, csv.Error):
            if self.content_type == TYPES[".csv"]:
                lines = csv.reader(io.StringIO(self.body.decode(), newline=""))
                return max(sum(1 for line in lines if line) - 1, 0)
            if self.content_type == TYPES[".json"]:
                return _rows_of(json.loads(self.body))
        return None


def _rows_of(value: Any) -> int | None:
    if not isinstance(value, dict):
        return None
    table = value.get("dataframe_split", value)
    rows = table.get("data") if isinstance(table, dict) else None
    for form in ("dataframe_records", "instances", "inputs"):
        rows = value.get(form, rows)
    return len(rows) if isinstance(rows, list) else None


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    workers: int | None = None
    """None where nobody has told."""


def is_url(target: str) -> bool:
    """Whether a running server is meant, and no model.

    Raises:
        click.UsageError: a server is meant, and not called by a URL.
    """
    if not _URL.match(target) and _HOST_AND_PORT.fullmatch(target) and not Path(target).exists():
        raise click.UsageError(f"{target} is not a model; for the server there, http://{target}")
    return bool(re.match("https?://", target, re.IGNORECASE))


@contextlib.contextmanager
def served(uri: str, workers: int | None, trust: Any) -> Iterator[Server]:
    """A server of the model ``uri``, for as long as the context lasts."""
    policies = [] if trust is None else [trust] if isinstance(trust, str) else trust
    command = [sys.executable, "-m", "flavorkit", "serve", "-m", uri, "-p", "0", "--drain", "0"]
    command += [] if workers is None else ["-w", str(workers)]
    for policy in policies:
        command += ["--trust", policy]
    # In a group of its own Ctrl-C does not reach it: it has to answer until the figures are taken.
    with (
        _signals_unwind(),
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, process_group=0) as process,
    ):
        assert process.stderr is not None
        try:
            with waiting(f"starting a server for {uri}"):
                server = _announced(process.stderr)
            # What it logs while it is measured must not fill the pipe, on which it would wait.
            drain = threading.Thread(target=process.stderr.read)
            drain.start()
            yield server
        finally:
            process.terminate()
        drain.join()


def _announced(log: IO[str]) -> Server:
    said = []
    for line in log:
        said.append(line)
        if line.startswith("serving "):
            workers = _WORKERS.search(line)
            return Server(line.rsplit(" ", 1)[1].strip(), int(workers[1]) if workers else None)
    raise click.ClickException("".join(said).removeprefix("Error: ").strip())


@contextlib.contextmanager
def _signals_unwind() -> Iterator[None]:
    """Let what ends this process end what it has started too, which is in another group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    changed = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
