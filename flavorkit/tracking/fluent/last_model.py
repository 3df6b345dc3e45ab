"""The model that this thread logged last."""

from __future__ import annotations

import os
import threading

from flavorkit.tracking.client import FlavorkitClient


class _Last(threading.local):
    def __init__(self) -> None:
        self.client: FlavorkitClient | None = None
        self.model_id: str | None = None

    def set(self, client: FlavorkitClient | None, model_id: str | None) -> None:
        """Note that it is this one."""
        self.client, self.model_id = client, model_id


last = _Last()
os.register_at_fork(after_in_child=lambda: last.set(None, None))
