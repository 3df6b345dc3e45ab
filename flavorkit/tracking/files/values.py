"""Values under keys: parameters, tags and aliases, each a file whose content is the value."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import key_path


def read_all(folder: Folder, kind: str) -> dict[str, str]:
    """All of a kind, by key.

    Args:
        folder: of what they belong to.
        kind: the name of the folder they are in.
    """
    found: dict[str, str] = {}
    inner = folder.find(kind)
    if inner is None:
        return found
    with inner:
        for names in inner.files():
            content = inner.read(*names)
            if content is not None:
                found["/".join(names)] = content.decode("utf-8", "replace")
    return found


def read_one(folder: Folder, kind: str, key: str, what: str) -> str | None:
    """The value of a key; None if there is none."""
    content = folder.read(kind, *key_path(key, what))
    return None if content is None else content.decode("utf-8", "replace")


def check(folder: Folder, kind: str, keys: Collection[str]) -> None:
    """See that values can be written under these keys before any is.

    Args:
        folder: of what they belong to.
        kind: the name of the folder they are in.
        keys: of values, or of metrics.

    Raises:
        InvalidArgumentError: one would have to be a file and a folder.
    """
    paths = {tuple(key_path(key, kind.removesuffix("s"))) for key in keys}
    for path in paths:
        if any(path[:length] in paths for length in range(1, len(path))):
            raise InvalidArgumentError(
                f"the {kind} {'/'.join(path)!r} and {path[0]!r} cannot both be there: in a store of"
                " files a/b is the file b in the folder a"
            )
        folder.check(kind, *path)


def write_all(folder: Folder, kind: str, values: Mapping[str, str], what: str) -> None:
    """Write them, in place of what was there; with the lock of the folder only.

    Args:
        folder: of what they belong to.
        kind: the name of the folder they are in.
        values: by key.
        what: what they are, for messages.
    """
    paths = {key: key_path(key, what) for key in values}
    for key, value in values.items():
        folder.replace([kind, *paths[key]], value.encode())


def remove(folder: Folder, kind: str, key: str, what: str) -> bool:
    """Remove one; False if there is none."""
    return folder.remove(kind, *key_path(key, what))
