"""Which store a URI means."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from flavorkit.errors import InvalidArgumentError, MissingDependencyError
from flavorkit.tracking.store import Store

DEFAULT_URI = "sqlite:///flavorkit.db"

# scheme -> "module:function"; the function takes the URI and the root of the artifacts.
_OPENERS = {
    "": "flavorkit.tracking.files:open_store",
    "file": "flavorkit.tracking.files:open_store",
    "http": "flavorkit.tracking.http:open_store",
    "https": "flavorkit.tracking.http:open_store",
    "sqlite": "flavorkit.tracking.sql:open_store",
    "postgresql": "flavorkit.tracking.sql:open_store",
    "postgres": "flavorkit.tracking.sql:open_store",
    "mysql": "flavorkit.tracking.sql:open_store",
    "mariadb": "flavorkit.tracking.sql:open_store",
}


def open_store(uri: str | Path, artifact_root: str | None = None) -> Store:
    """The store that a URI means.

    Args:
        uri: ``sqlite:///file.db``, ``postgresql://...``, ``mysql://...``, ``http(s)://...``, or a
            folder in the layout of MLflow's ``mlruns``, as a path or a ``file:`` URI.
        artifact_root: where experiments that name no place keep their artifacts; a place of the
            store's own choice if None. A server over HTTP decides for itself.

    Raises:
        InvalidArgumentError: nobody knows the scheme.
        MissingDependencyError: the extra ``tracking`` is not installed, and this store needs it.
        StoreUnavailableError: the database does not answer, or is of a newer version.
    """
    scheme = "" if isinstance(uri, Path) else urlsplit(uri).scheme.lower()
    target = _OPENERS.get(scheme.partition("+")[0])
    if target is None:
        known = ", ".join(f"{name}:" for name in sorted(filter(None, _OPENERS)))
        raise InvalidArgumentError(
            f"there is no store of runs at {uri!s}: write a folder, or a URI that starts with"
            f" {known}"
        )
    module, _, function = target.partition(":")
    try:
        opener = getattr(import_module(module), function)
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"a store of runs at {scheme or 'a folder'}:", exc.name or module, extra="tracking"
        ) from exc
    store: Store = opener(str(uri), artifact_root)
    return store
