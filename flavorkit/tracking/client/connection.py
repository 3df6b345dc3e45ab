"""Which stores a client talks to."""

from __future__ import annotations

from flavorkit.tracking import defaults
from flavorkit.tracking.spool import deliver_left_over
from flavorkit.tracking.store import Store


class Connection:
    """The stores of runs and of registered models that a client was made for.

    Args:
        tracking_uri: where runs are; what :func:`flavorkit.set_tracking_uri` says if None.
        registry_uri: where registered models are; what :func:`flavorkit.set_registry_uri` says if
            None, else where runs are.
    """

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        self._tracking_uri = defaults.absolute(tracking_uri) or defaults.tracking_uri()
        self._registry_uri = defaults.absolute(registry_uri) or defaults.registry_uri(
            self._tracking_uri
        )

    @property
    def tracking_uri(self) -> str:
        """Where runs are."""
        return self._tracking_uri

    @property
    def registry_uri(self) -> str:
        """Where registered models are."""
        return self._registry_uri

    @property
    def _store(self) -> Store:
        store = defaults.store(self._tracking_uri)
        deliver_left_over(self._tracking_uri, store)
        return store

    @property
    def _registry(self) -> Store:
        return defaults.registry_store(self._registry_uri)
