"""An R process that stays, and answers one request after the other over a pair of pipes."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import (
    FlavorkitError,
    InvalidInputError,
    MissingDependencyError,
    PredictionError,
    UnreadableModelError,
)
from flavorkit.flavors.crate.values import decode, encode

PROGRAM = "Rscript"

_WORKER = Path(__file__).parent / "r" / "worker.R"
_LENGTH = struct.Struct("<i")
_LONGEST = 2**31 - 1
# How often to look whether R is still there while it says nothing: a program that R has started may
# hold the pipe open after its end.
_LOOK_MS = 250
_CHUNK = 1 << 20
# How long R may take to end when it has closed its pipe.
_CLOSING_S = 10


class RModel:
    """An R function in a process of its own, which is started here and ends with this object.

    One request is worked on at a time. If R crashes, the request fails and the next one is answered
    by a new process.

    Args:
        path: the file of R source that defines ``predict_fn``, or of a function R has saved.
        is_source: which of the two.
        packages: R packages to attach before.

    Raises:
        MissingDependencyError: R, or one of the packages, is not installed.
        UnreadableModelError: the file holds no such function, or R code in it fails.
    """

    def __init__(self, path: Path, *, is_source: bool, packages: list[str]) -> None:
        self._path = path
        kind = "source" if is_source else "crate"
        self._wanted = encode({"kind": kind, "path": str(path.absolute()), "packages": packages})
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.is_row_wise = False
        self.versions: dict[str, Any] = {}
        """``r``, the version of R, and ``packages``, that of each package."""
        with self._lock:
            self._running()

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the function gives for ``data``: a frame, an array, or a list.

        Args:
            data: a frame, or an array, which is a vector, matrix or array in R.
            params: arguments by name; those that the function does not take are left out.

        Raises:
            InvalidInputError: the data or parameters hold what R has no type for.
            PredictionError: the function failed, gave no data, or R ended.
        """
        request = encode({"data": data, "parameters": params or {}})
        if len(request) > _LONGEST:
            raise InvalidInputError("R takes at most 2 GiB at once: send fewer rows at a time")
        with self._lock:
            process = self._running()
            try:
                answer = process.ask(request)
            except BaseException as exc:
                # Whatever came between, the next answer must not be that to this request.
                self._process = None
                self._end()
                if isinstance(exc, _EndedError):
                    raise PredictionError(f"R {exc}; the next request starts it again") from None
                raise
        if answer[:1] != b"o":
            raise _failure(answer) or PredictionError(f"R: {_text_of(answer)}")
        try:
            return decode(answer, 1)
        except ValueError as exc:
            raise PredictionError(f"what R gave cannot be read: {exc}") from exc

    def _running(self) -> _Process:
        """The process, started if there is none in this process of Python; the lock is held."""
        if self._process is not None and self._process.is_of_this_python:
            return self._process
        process = _Process()
        try:
            answer = process.ask(self._wanted)
        except BaseException as exc:
            process.end()
            if isinstance(exc, _EndedError):
                raise UnreadableModelError(self._path, f"R {exc} while it loaded it") from None
            raise
        if answer[:1] != b"o":
            process.end()
            raise _failure(answer) or UnreadableModelError(self._path, f"R: {_text_of(answer)}")
        versions = decode(answer, 1)
        packages = versions["packages"] or {}
        self.versions = {
            "r": versions["r"][0],
            "packages": {name: found[0] for name, found in packages.items()},
        }
        self._process, self._end = process, weakref.finalize(self, process.end)
        return process


class _EndedError(Exception):
    """R is no longer there; the text says how it ended."""


class _Process:
    """Rscript with its pipes and its folder."""

    def __init__(self) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise MissingDependencyError(
                "the crate flavor",
                f"R, whose program {PROGRAM} is not on the PATH",
                install="on Debian and Ubuntu, apt-get install r-base-core; else see"
                " https://cran.r-project.org",
            )
        self._python = os.getpid()
        self._folder = tempfile.mkdtemp(prefix="flavorkit-r-")
        its_input, self._input = os.pipe()
        self._output, its_output = os.pipe()
        try:
            self._process = subprocess.Popen(
                [program, "--vanilla", str(_WORKER), str(its_input), str(its_output)],
                cwd=self._folder,
                # R deletes its own temporary folder only when it ends in peace.
                env={**os.environ, "TMPDIR": self._folder},
                stdin=subprocess.DEVNULL,
                stdout=2,  # what R code prints is for the log
                pass_fds=(its_input, its_output),
                start_new_session=True,  # an interrupt is for Python, an end for all that R started
            )
        except BaseException:
            os.close(self._input)
            os.close(self._output)
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        finally:
            os.close(its_input)
            os.close(its_output)
        self._is_open = True
        for end in (self._input, self._output):
            os.set_blocking(end, False)

    @property
    def is_of_this_python(self) -> bool:
        """Whether it was started here, and not by a process that this one is a fork of."""
        return self._python == os.getpid()

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for the answer.

        Raises:
            _EndedError: R has ended before it had answered.
        """
        self._write(_LENGTH.pack(len(request)))
        self._write(request)
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return self._read(length)

    def end(self) -> None:
        """Kill R and all that it has started, and leave nothing behind."""
        if not self._is_open:
            return
        self._is_open = False
        os.close(self._input)
        os.close(self._output)
        if not self.is_of_this_python:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        for _ in self._ready(self._input, select.POLLOUT):
            try:
                left = left[os.write(self._input, left[:_CHUNK]) :]
            except BrokenPipeError:
                raise _EndedError(self._how()) from None
            if not left:
                return

    def _read(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            for _ in self._ready(self._output, select.POLLIN):
                part = os.read(self._output, min(length - len(content), _CHUNK))
                break
            if not part:
                raise _EndedError(self._how())
            content += part
        return bytes(content)

    def _ready(self, end: int, event: int) -> Iterator[None]:
        """Each time a pipe is ready.

        Raises:
            _EndedError: R has ended, and the pipe will not be.
        """
        poll = select.poll()
        poll.register(end, event)
        while True:
            has_ended = self._process.poll() is not None
            if poll.poll(0 if has_ended else _LOOK_MS):
                yield
            elif has_ended:
                raise _EndedError(self._how())

    def _how(self) -> str:
        try:
            status = self._process.wait(_CLOSING_S)
        except subprocess.TimeoutExpired:
            return "has closed its pipe"
        if status < 0:
            return f"was ended by the signal {signal.Signals(-status).name}"
        return f"ended with the status {status}"


def _text_of(answer: bytes) -> str:
    return str(decode(answer, 1)[0])


def _failure(answer: bytes) -> FlavorkitError | None:
    """The error for a package that R has not found, if that is what the answer says."""
    if answer[:1] != b"p":
        return None
    name = _text_of(answer)
    return MissingDependencyError(
        "the model", f"the R package {name}", install=f"in R, install.packages({name!r})"
    )
