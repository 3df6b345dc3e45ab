"""The whole of a store behind a server."""

from __future__ import annotations

from collections.abc import Sequence

from flavorkit.errors import UnsupportedByStoreError
from flavorkit.tracking.http.connection import Connection
from flavorkit.tracking.http.logged_models import HttpLoggedModels
from flavorkit.tracking.http.registry import HttpRegistry
from flavorkit.tracking.http.runs import HttpRuns


class HttpStore(HttpRuns, HttpLoggedModels, HttpRegistry):
    """A store behind a server, over MLflow's REST API.

    Args:
        connection: to the server.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def purge(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> None:
        """Not over a network.

        Raises:
            UnsupportedByStoreError: always.
        """
        raise UnsupportedByStoreError(
            "a server's bin is emptied where its database is, not over the network"
        )

    def artifacts_in_bin(
        self,
        *,
        run_ids: Sequence[str] = (),
        experiment_ids: Sequence[str] = (),
        model_ids: Sequence[str] = (),
    ) -> dict[str, str]:
        """Not over a network.

        Raises:
            UnsupportedByStoreError: always.
        """
        raise UnsupportedByStoreError(
            "a server's bin is looked at where its database is, not over the network"
        )

    @property
    def artifact_root(self) -> str:
        """Not over a network.

        Raises:
            UnsupportedByStoreError: always.
        """
        raise UnsupportedByStoreError("a server decides for itself where artifacts are kept")

    def deleted_before(self, cutoff: int) -> tuple[list[str], list[str], list[str]]:
        """Not over a network.

        Raises:
            UnsupportedByStoreError: always.
        """
        raise UnsupportedByStoreError(
            "a server's bin is looked at where its database is, not over the network"
        )

    def close(self) -> None:
        """Let go of connections."""
        self._connection.close()
