"""The folder that environments are kept in: which there are, who uses them, which may go.

An environment is in use while a process holds its lock, shared; whoever builds or removes it holds
the lock alone. The lock is a file beside it, since it outlives the environment.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from flavorkit.environment.managers import Place
from flavorkit.errors import EnvironmentBuildError

ROOT_VARIABLES = ("FLAVORKIT_ENV_ROOT", "MLFLOW_ENV_ROOT")

_MARKER = "complete.json"
_LOCKS = ".flavorkit-locks"
_TRASH = ".flavorkit-removed-"
# MLflow keeps its environments under the same root when MLFLOW_ENV_ROOT names it.
_NAME = re.compile(r"(uv|virtualenv|conda)-[0-9a-f]{32}")
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Cached:
    """An environment that is kept; ``facts`` is what its builder wrote down."""

    place: Place
    facts: dict[str, Any]
    used_at: float | None
    """When a process last began to use it, in seconds since 1970; None if it is incomplete."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.place.folder.name


def root() -> Path:
    """Where environments are kept, whether or not it is there yet."""
    for variable in ROOT_VARIABLES:
        if os.environ.get(variable):
            return Path(os.environ[variable]).absolute()
    return platformdirs.user_cache_path("flavorkit") / "envs"


def place_of(name: str) -> Place:
    """Where the environment ``name`` is, or will be.

    Raises:
        EnvironmentBuildError: others could put their own there.
    """
    folder = root()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EnvironmentBuildError(
            f"others can write to {folder}, and so into what is run from there",
            advice=f"chmod go-w {folder}, or name another folder in {ROOT_VARIABLES[0]}",
        )
    if status.st_uid not in {0, os.getuid()}:
        raise EnvironmentBuildError(
            f"{folder} belongs to another user",
            advice=f"name a folder of your own in {ROOT_VARIABLES[0]}",
        )
    return Place(folder / name)


def find(place: Place) -> Cached | None:
    """The environment at ``place`` if it is complete, and its interpreter is still there."""
    marker = place.folder / _MARKER
    try:
        facts = json.loads(marker.read_bytes())
        used_at = marker.stat().st_mtime
    except (OSError, ValueError):
        return None
    return Cached(place, facts, used_at) if place.python.exists() else None


def mark_complete(place: Place, facts: dict[str, Any]) -> None:
    """Say that the environment may be used; what it consists of is on the disk by then."""
    os.sync()
    scratch = place.folder / f".{_MARKER}"
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(place.folder / _MARKER)


def touch(place: Place) -> None:
    """Note that it is used now."""
    os.utime(place.folder / _MARKER)


def lock(place: Place, *, alone: bool, waiting: Callable[[], None] | None) -> int:
    """The lock of an environment, as a descriptor: closing it, or ending, gives it back.

    Args:
        place: the environment.
        alone: for building or removing it, rather than for using it.
        waiting: called once if another process has it; not waited for at all when None.

    Raises:
        BlockingIOError: another process has it, and ``waiting`` is None.
    """
    import fcntl

    locks = place.folder.parent / _LOCKS
    locks.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(
        locks / place.folder.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno != errno.EWOULDBLOCK or waiting is None:
                raise
            waiting()
            fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def cached() -> list[Cached]:
    """All that are kept, the last used first; incomplete ones at the end."""
    found = [find(place) or Cached(place, {}, None) for place in _places()]
    return sorted(found, key=lambda one: -(one.used_at or 0))


def prune(unused_days: float | None) -> list[str]:
    """Remove environments that nobody uses at the moment.

    Args:
        unused_days: how long nobody must have begun to use one; all of them when None. Incomplete
            ones that nobody is building go in any case.

    Returns:
        The names of those that were removed.
    """
    removed = []
    for place in _places():
        with _held(place) as held:
            if held and _may_go(find(place), unused_days):
                remove(place)
                removed.append(place.folder.name)
    for trash in _entries(re.compile(re.escape(_TRASH) + ".*")):
        shutil.rmtree(trash, ignore_errors=True)
    return removed


def remove(place: Place) -> None:
    """Remove an environment whose lock the caller holds alone; it is gone in one step."""
    if place.folder.exists():
        trash = place.folder.parent / f"{_TRASH}{secrets.token_hex(6)}"
        place.folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def _may_go(found: Cached | None, unused_days: float | None) -> bool:
    if found is None or found.used_at is None or unused_days is None:
        return True
    return time.time() - found.used_at > unused_days * _DAY_SECONDS


def _places() -> list[Place]:
    return [Place(path) for path in _entries(_NAME)]


def _entries(pattern: re.Pattern[str]) -> list[Path]:
    folder = root()
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))


@contextlib.contextmanager
def _held(place: Place) -> Iterator[bool]:
    """Whether nobody else uses or builds it, for as long as the block lasts."""
    try:
        descriptor = lock(place, alone=True, waiting=None)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
