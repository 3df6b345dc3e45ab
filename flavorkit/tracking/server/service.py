"""What the endpoints share."""

from __future__ import annotations

from flavorkit.tracking.server.blocking import Blocking
from flavorkit.tracking.server.metrics import Metrics
from flavorkit.tracking.server.places import Places
from flavorkit.tracking.server.settings import Settings
from flavorkit.tracking.store import Store


class Service:
    """A store and places of artifacts at work.

    Args:
        settings: the limits.
        store: of runs and models.
        places: of artifacts.
        metrics: what is counted.
    """

    def __init__(self, settings: Settings, store: Store, places: Places, metrics: Metrics) -> None:
        self.settings, self.store, self.places, self.metrics = settings, store, places, metrics
        self.calls = Blocking("store", settings.max_calls, settings.max_waiting)
        self.transfers = Blocking("artifacts", settings.max_transfers, settings.max_waiting)

    def close(self) -> None:
        """Let go of everything."""
        self.calls.close()
        self.transfers.close()
        self.store.close()
