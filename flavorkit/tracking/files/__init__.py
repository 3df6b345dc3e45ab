"""A store in MLflow's folders: ``mlruns/``, read and written so that either reads the other's.

``folders`` is about files and links, ``layout`` about what stands where, ``metadata``, ``values``
and ``metrics`` about what is in a file; the others are the entities.
"""

from __future__ import annotations

from flavorkit.tracking.store import Store


def open_store(uri: str, artifact_root: str | None = None) -> Store:
    """The store in a folder, which is made with its experiment ``Default`` if it is not there.

    Args:
        uri: the folder, as a path or a ``file:`` URI.
        artifact_root: where experiments that name no place keep their artifacts; the folder itself
            if None.

    Raises:
        InvalidArgumentError: the URI is of another machine.
        StoreUnavailableError: the folder cannot be made or read.
    """
    from flavorkit.tracking.files.layout import path_of
    from flavorkit.tracking.files.store import FileStore

    return FileStore(path_of(uri), artifact_root)
