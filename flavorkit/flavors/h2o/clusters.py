"""The H2O cluster that models are loaded into: the caller's, or one of our own."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from flavorkit.errors import InvalidInputError, MissingDependencyError
from flavorkit.flavors import java_keeper
from flavorkit.flavors.java import INSTALL, need_java, scratch

_LOOPBACK = "127.0.0.1"
_USER = "flavorkit"
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
_MEMORY = re.compile(r"[1-9]\d*[kKmMgG]")
# What the JVM of a machine under heavy load has needed is less than a tenth of it.
_LONGEST_START_S = 300
_lock = Lock()


@dataclass
class _Own:
    """The cluster that this process has started."""

    connection: Any
    folder: Path
    keeper: subprocess.Popen[bytes]
    process: int

    def has_ended(self) -> bool:
        """Whether it is no longer there; a fork cannot know, and takes it to be."""
        return self.process == os.getpid() and self.keeper.poll() is not None

    def stop(self) -> None:
        """End it, unless it is that of a process which this one is a fork of."""
        if self.process != os.getpid():
            return
        self.connection.close()
        if self.keeper.stdin is not None:
            self.keeper.stdin.close()
        self.keeper.wait()


_started: list[_Own] = []


def cluster(*, nthreads: int | None = None, max_mem_size: str | None = None) -> Any:
    """The connection that ``h2o`` has, or else one to a local cluster of this process's own.

    The local one is started when it is first needed and ends with the process, however that ends.
    It listens on loopback only, to those who know its secret.

    Args:
        nthreads: how many threads it computes with; by default as many as there are processors.
        max_mem_size: the memory for its data, such as "2G"; by default a quarter of the machine's.
            Neither changes a cluster that is running.

    Raises:
        MissingDependencyError: there is no Java, or none that can start it.
        InvalidInputError: an argument is not of its kind.
    """
    import h2o

    with _lock:
        current = h2o.connection()
        has_ended = any(own.has_ended() for own in _started if own.connection is current)
        if current is not None and current.connected and not has_ended:
            return current
        own = _start(_options(nthreads, max_mem_size))
        _started.append(own)
        atexit.register(own.stop)
        return own.connection


def temporary(connection: Any) -> Path:
    """A path for a file of this call; what is left there goes with the cluster or the process.

    Args:
        connection: to the cluster that the file is for.
    """
    folders = [own.folder for own in _started if own.connection is connection]
    folder = folders[0] if folders and folders[0].is_dir() else scratch("h2o")
    return folder / uuid.uuid4().hex


def first_line(error: Exception) -> str:
    """What H2O says, without the trace of its own calls."""
    answer = error.args[0] if error.args else ""
    said = getattr(answer, "msg", None) or str(error)
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("Error: ")]
    return (named or lines or [type(error).__name__])[0].removeprefix("Error: ")[:1000]


def _options(nthreads: Any, max_mem_size: Any) -> tuple[list[str], list[str]]:
    """The arguments for Java and those for H2O."""
    if nthreads is not None and (type(nthreads) is not int or nthreads < 1):
        raise InvalidInputError(f"nthreads is a number from 1 on, got {nthreads!r}")
    if max_mem_size is not None and not _MEMORY.fullmatch(str(max_mem_size)):
        raise InvalidInputError(f'max_mem_size is a size such as "2G", got {max_mem_size!r}')
    return (
        [f"-Xmx{max_mem_size}"] if max_mem_size else [],
        ["-nthreads", str(nthreads)] if nthreads else [],
    )


def _start(options: tuple[list[str], list[str]]) -> _Own:
    import h2o

    java = need_java("the h2o flavor")
    folder = Path(tempfile.mkdtemp(prefix="flavorkit-h2o-"))
    password = secrets.token_hex(32)
    (folder / "login").write_text(f"{_USER}: {password}\n", "ascii")
    (folder / "nodes").touch()
    address, log = folder / "address", folder / "log"
    command = [
        java,
        *options[0],
        f"-Djava.io.tmpdir={folder}",
        "-Djava.awt.headless=true",
        "-Duser.timezone=UTC",
        "-Dfile.encoding=UTF-8",
        "-Dsys.ai.h2o.telemetry.disabled=true",
        *("-jar", str(Path(h2o.__file__).parent / "backend" / "bin" / "h2o.jar")),
        *("-ip", _LOOPBACK, "-web_ip", _LOOPBACK),
        # Nobody else finds it, and it looks for nobody.
        *("-name", secrets.token_hex(16), "-flatfile", str(folder / "nodes")),
        *("-hash_login", "-login_conf", str(folder / "login")),
        *("-disable_flow", "-flow_dir", str(folder), "-ice_root", str(folder)),
        *("-log_dir", str(folder), "-log_level", "FATAL", "-notify_local", str(address)),
        # There is one node, which then opens no port for others.
        *("-disable_net", "-allow_unsupported_java"),
        *options[1],
    ]
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", java_keeper.__file__, str(folder), *command],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # an interrupt is for Python
        )
    try:
        with log.open("rb") as said:
            url = f"http://{_wait_for(address, keeper, said)}"
        connection = _connect(url, (_USER, password))
    except BaseException:
        keeper.communicate()
        raise
    h2o.no_progress()
    return _Own(connection, folder, keeper, os.getpid())


def _wait_for(address: Path, keeper: subprocess.Popen[bytes], log: Any) -> str:
    """Where H2O listens, as soon as it says so."""
    give_up = time.monotonic() + _LONGEST_START_S
    while time.monotonic() < give_up and keeper.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            found = _ADDRESS.match(address.read_text("ascii"))
            if found:
                return found[0]
        time.sleep(0.02)
    said = log.read().decode("utf-8", "replace").strip() or "it says nothing"
    raise MissingDependencyError(
        "the h2o flavor", f"a Java that can start H2O ({said[-500:]})", install=INSTALL
    )


def _connect(url: str, auth: tuple[str, str]) -> Any:
    import h2o

    # It says when its own release is old, and warns of proxies, which it does not use for loopback.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return h2o.connect(url=url, auth=auth, verbose=False, strict_version_check=False)
