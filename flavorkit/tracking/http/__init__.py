"""A store behind a server: ours, or one of MLflow's."""

from __future__ import annotations

from flavorkit.tracking.http.store import HttpStore


def open_store(uri: str, artifact_root: str | None = None) -> HttpStore:
    """The store behind the server at ``uri``; nothing is sent yet.

    Args:
        uri: where the server is: ``http(s)://host:port``, perhaps with a path before the API's.
        artifact_root: not used: a server decides for itself.

    Raises:
        InvalidArgumentError: it is no URL of a server.
    """
    from flavorkit.tracking.http.connection import Connection
    from flavorkit.tracking.http.credentials import Credentials

    return HttpStore(Connection(uri, Credentials.from_environment(uri)))
