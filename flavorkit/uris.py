"""Where a model comes from: the scheme of its URI names the function that fetches it.

The functions are looked up when a URI needs them, so this module imports none of them, and whatever
stands above it can add schemes. Third parties do so under an entry-point group.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flavorkit.errors import NotFoundError

ENTRY_POINT_GROUP = "flavorkit.uris"

# scheme -> "module:function"; the function is a Fetch.
BUILTIN: dict[str, str] = {
    "": "flavorkit.uris:fetch_path",
    "file": "flavorkit.uris:fetch_file_uri",
    **dict.fromkeys(
        ("runs", "models", "mlflow-artifacts", "s3", "gs", "abfs", "abfss", "sftp"),
        "flavorkit.tracking.uris:fetch",
    ),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


Fetch = Callable[[str, Path | None], Path]
"""Brings the folder that a URI names onto this machine, to a path if one is given."""


def fetch(uri: str | Path, dst: str | Path | None = None) -> Path:
    """The folder of the model that ``uri`` names, on this machine.

    Args:
        uri: a path, a ``file:`` URI, or a URI of another known scheme.
        dst: where to put what has to be fetched; a place of the scheme's own choice when None.

    Raises:
        NotFoundError: there is nothing there, or nobody knows the scheme.
    """
    match = _SCHEME.match(str(uri))
    scheme = match[1].lower() if match else ""
    fetcher = _fetcher_of(scheme, str(uri))
    return fetcher(str(uri), None if dst is None else Path(dst))


def fetch_path(uri: str, dst: Path | None) -> Path:
    """A folder that is on this machine already."""
    path = Path(uri)
    if not path.is_dir():
        raise NotFoundError(f"there is no model folder at {uri}")
    return path


def fetch_file_uri(uri: str, dst: Path | None) -> Path:
    """A folder on this machine, named by a ``file:`` URI."""
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"}:
        raise NotFoundError(f"{uri} names the machine {parts.netloc!r}; write file:///path")
    return fetch_path(unquote(parts.path), dst)


def _fetcher_of(scheme: str, uri: str) -> Fetch:
    target = BUILTIN.get(scheme)
    if target is None:
        added = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
        target = added.get(scheme)
        if target is None:
            known = ", ".join(f"{name}:" for name in sorted({*filter(None, BUILTIN), *added}))
            raise NotFoundError(
                f"{uri}: models are fetched from a path or a URI that starts with {known},"
                f" not {scheme}:"
            )
    module, _, function = target.partition(":")
    fetcher: Fetch = getattr(import_module(module), function)
    return fetcher
