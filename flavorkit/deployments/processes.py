"""Processes that outlive the one that starts them, and are told from others of the same id.

A process is known by its id and by when it started: ids are used again, and what has ours must not
be taken for what had it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flavorkit.errors import DeploymentError

_POLL_SECONDS = 0.02
_KILL_SECONDS = 10.0
# No process, one whose parent has not asked how it ended, and one that is being removed.
_ENDED = frozenset({"", "Z", "X"})
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """A process of this machine, also when it has long ended."""

    pid: int
    started: str
    """When, in a form that can only be compared."""

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this id now; None if there is none."""
        state, started = _look(pid)
        return None if state in _ENDED else cls(pid, started)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        state, started = _look(self.pid)
        if started != self.started:
            return False
        if state in _ENDED:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)  # if it is a child of this process
            return False
        return True

    def stop(self, patience_seconds: float) -> None:
        """Ask it to end, and end it when it has not after some time."""
        if self.send(signal.SIGTERM) and not self._has_ended(patience_seconds):
            self.send(signal.SIGKILL)
            if not self._has_ended(_KILL_SECONDS):
                raise DeploymentError(f"the process {self.pid} does not end")

    def send(self, number: int) -> bool:
        """Send it a signal, and no other process that has its id; whether it was running."""
        # The descriptor stands for one process. If that is ours, ours gets the signal.
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        except (AttributeError, OSError):  # the system has none
            if self.is_running:
                os.kill(self.pid, number)
                return True
            return False
        try:
            if not self.is_running:
                return False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            return True
        finally:
            os.close(descriptor)

    def _has_ended(self, within_seconds: float) -> bool:
        deadline = time.monotonic() + within_seconds
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def start(command: Sequence[str], environ: Mapping[str, str], log: Path) -> Process:
    """Start a command in a session of its own, which no terminal ends.

    Args:
        command: the program's path and its arguments.
        environ: its environment.
        log: a new file for what it says, for its owner only.

    Raises:
        DeploymentError: it has ended at once.
        OSError: it cannot be started.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
    # Not by subprocess, whose objects have to be kept until the process has ended.
    pid = os.posix_spawn(
        command[0],
        tuple(command),
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM],
    )
    process = Process.of(pid)
    if process is None:
        raise DeploymentError(f"{command[0]} has ended at once", tail(log))
    return process


def tail(log: Path, size: int = 16 * 1024) -> str:
    """The end of a log; empty where there is none."""
    with contextlib.suppress(OSError), log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - size))
        return stream.read(size).decode("utf-8", "replace")
    return ""


def _look(pid: int) -> tuple[str, str]:
    """The state of the process of this id, and when it started; both empty if there is none."""
    if _BOOT_ID.exists():  # on Linux
        try:
            text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
            boot = _BOOT_ID.read_text("ascii").strip()
        except (FileNotFoundError, ProcessLookupError):
            return "", ""
        # proc_pid_stat(5): the name, in parentheses, may hold anything; the state is the third
        # field, and the time since the machine was started the 22nd.
        state, *fields = text.rpartition(")")[2].split()
        return state, f"{boot}:{fields[18]}"
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return state[:1], started.strip()
