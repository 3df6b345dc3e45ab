"""What is known of the deployments that are processes: a file of JSON for each, in one folder.

The folder and what is in it are the user's alone: who writes there decides which processes get a
signal.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flavorkit import atomic
from flavorkit.deployments import settings
from flavorkit.deployments.processes import Process
from flavorkit.deployments.served import COMMON, Instance
from flavorkit.docker.names import dns_label
from flavorkit.errors import DeploymentError, FlavorkitError, InvalidArgumentError
from flavorkit.tracking import environ

SETTINGS = {**settings.SERVE, **COMMON}
"""The settings of a deployment that is a process."""
_SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class Served(Instance):
    """An instance that is a process."""

    pid: int
    started: str
    log: str

    @property
    def process(self) -> Process:
        """The process."""
        return Process(self.pid, self.started)

    def facts(self) -> dict[str, Any]:
        """Its process, and where it says what it does."""
        return {"pid": self.pid, "log": self.log}


def folder() -> Path:
    """Where deployments are remembered; made when it is missing.

    Raises:
        InvalidArgumentError: others may write there, or read.
    """
    named = environ.text("DEPLOYMENTS_DIR")
    if named:
        place = Path(named).absolute()
    else:
        from platformdirs import user_state_path

        place = user_state_path("flavorkit") / "deployments"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = place.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise InvalidArgumentError(
            f"{place} is open to others than you, and what is there decides which processes are"
            f" stopped; make it yours alone: chmod 700 {place}, or name another folder by"
            " FLAVORKIT_DEPLOYMENTS_DIR"
        )
    return place


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """While it lasts, no other process of this user changes what goes by ``name``."""
    path = folder() / f".{name}.lock"
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Who had it before us may have removed it, and a third has made another since.
            if not _stands_at(descriptor, path):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)


def _stands_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def new_log(name: str) -> Path:
    """The path of a log that does not exist yet."""
    return folder() / f"{name}.{secrets.token_hex(4)}.log"


def names() -> list[str]:
    """The names of all deployments, in order."""
    found = (path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}"))
    return sorted(name for name in found if not name.startswith("."))


def read(name: str) -> list[Served]:
    """The instances of a deployment, the oldest first; none if there is no such deployment.

    Raises:
        DeploymentError: its file is not what this module writes.
    """
    path = folder() / f"{name}{_SUFFIX}"
    try:
        content = json.loads(path.read_bytes())
        return [_served(one, name) for one in content["instances"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, RecursionError, FlavorkitError) as exc:
        raise DeploymentError(f"{path} is not what flavorkit has written: {exc!r}") from None


def write(name: str, instances: Sequence[Served]) -> None:
    """Remember the instances of a deployment; without any, forget it."""
    path = folder() / f"{name}{_SUFFIX}"
    if not instances:
        path.unlink(missing_ok=True)
        return
    content = {"name": name, "instances": [asdict(one) for one in instances]}
    with atomic.publish_file(path) as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(json.dumps(content, indent=1).encode())


def _served(content: Any, name: str) -> Served:
    """An instance out of its JSON.

    Raises:
        TypeError, ValueError, InvalidArgumentError: it is none.
    """
    served = Served(**content)
    if served.name != dns_label(name):
        raise ValueError(f"it is of {served.name!r}")
    if type(served.pid) is not int or served.pid <= 1 or not isinstance(served.started, str):
        raise ValueError(f"{served.pid!r} is no process")
    if Path(served.log).parent != folder():
        raise ValueError(f"{served.log!r} is not beside it")
    return replace(served, config=settings.read(dict(served.config), SETTINGS))
