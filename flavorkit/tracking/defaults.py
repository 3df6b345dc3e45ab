"""Where runs and models are kept when nobody says, and the stores that this process has open.

What was set in the process counts first, then ``FLAVORKIT_TRACKING_URI`` (or
``MLFLOW_TRACKING_URI``), then a folder ``mlruns`` with experiments in the current folder, and last
``flavorkit.db`` there. URIs are made absolute when they are set: a program that changes its folder
afterwards goes on where it began. The default is looked for anew each time; an active run has to
remember where it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote

from flavorkit.tracking import environ
from flavorkit.tracking.store import Store
from flavorkit.tracking.stores import DEFAULT_URI, open_store

_TRACKING, _REGISTRY = "TRACKING_URI", "REGISTRY_URI"
_RELATIVE_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)(.+)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class _Defaults:
    """What was set in this process, and what it has opened."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.set: dict[str, str] = {}
        self.inherited: dict[str, str | None] = {}
        self.stores: dict[str, Store] = {}
        self.of_parent: list[Store] = []

    def forked(self) -> None:
        """In a child: connections are not shared, nor closed, since the parent goes on with them.

        Another thread may have held the lock.
        """
        self.lock = threading.RLock()
        self.of_parent += self.stores.values()
        self.stores = {}


_defaults = _Defaults()
os.register_at_fork(after_in_child=_defaults.forked)


def tracking_uri() -> str:
    """Where runs go: an absolute URI or path."""
    return _defaults.set.get(_TRACKING) or absolute(environ.text(_TRACKING)) or _default()


def registry_uri(with_runs_at: str | None = None) -> str:
    """Where registered models are: with the runs, unless somebody says otherwise.

    Args:
        with_runs_at: where the runs are, if not where they go by default.
    """
    said = _defaults.set.get(_REGISTRY) or absolute(environ.text(_REGISTRY))
    return said or absolute(with_runs_at) or tracking_uri()


def set_tracking_uri(uri: str | Path | None) -> None:
    """Keep runs at ``uri`` from now on, in this process and in those that it starts.

    Args:
        uri: what :func:`flavorkit.tracking.stores.open_store` takes; None or an empty one for what
            the environment says.
    """
    _set(_TRACKING, uri)


def set_registry_uri(uri: str | Path | None) -> None:
    """The same of registered models."""
    _set(_REGISTRY, uri)


def is_tracking_uri_set() -> bool:
    """Whether the program or its environment says where runs go."""
    return _TRACKING in _defaults.set or environ.text(_TRACKING) is not None


def store(uri: str | Path | None = None) -> Store:
    """The store at ``uri``, or where runs go; one and the same for all threads of a process.

    Raises:
        InvalidArgumentError: there is no store of that kind.
        StoreUnavailableError: the database does not answer.
    """
    where = absolute(uri) or tracking_uri()
    with _defaults.lock:
        found = _defaults.stores.get(where)
        if found is None:
            found = _defaults.stores[where] = open_store(where)
        return found


def registry_store(uri: str | Path | None = None) -> Store:
    """The store at ``uri``, or where registered models are."""
    return store(uri or registry_uri())


def absolute(uri: str | Path | None) -> str | None:
    """A URI that means the same wherever the program goes; None for none."""
    if isinstance(uri, Path):
        return uri.absolute().as_uri()
    if not uri:
        return None
    if match := _RELATIVE_SQLITE.fullmatch(uri):
        return f"{match[1]}{Path.cwd() / match[2]}"
    if uri.lower().startswith("file:") and not uri[len("file:") :].startswith("/"):
        return (Path.cwd() / unquote(uri[len("file:") :])).as_uri()
    return uri if _SCHEME.match(uri) else str(Path(uri).absolute())


def close_stores() -> None:
    """Let go of every store that this process has open; the next one asked for is opened anew."""
    with _defaults.lock:
        opened, _defaults.stores = _defaults.stores, {}
    for each in opened.values():
        each.close()


def _set(name: str, uri: str | Path | None) -> None:
    variable = f"FLAVORKIT_{name}"
    where = absolute(uri)
    with _defaults.lock:
        before = _defaults.inherited.setdefault(variable, os.environ.get(variable))
        if where is not None:
            _defaults.set[name] = os.environ[variable] = where
            return
        _defaults.set.pop(name, None)
        del _defaults.inherited[variable]
        os.environ.pop(variable, None)
        if before is not None:
            os.environ[variable] = before


def _default() -> str:
    folder = Path("mlruns").absolute()
    if _has_experiments(folder):
        return folder.as_uri()
    return str(absolute(DEFAULT_URI))


def _has_experiments(folder: Path) -> bool:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return any(
            entry.name.isdecimal() and Path(entry.path, "meta.yaml").is_file() for entry in entries
        )
    return False
