"""Waiting until a version of a registered model can be used."""

from __future__ import annotations

import time

from flavorkit.errors import FlavorkitError, StoreUnavailableError
from flavorkit.tracking.entities import ModelVersion, ModelVersionStatus
from flavorkit.tracking.store import RegistryStore

_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


def until_registered(
    store: RegistryStore, version: ModelVersion, seconds: int | None
) -> ModelVersion:
    """The version as it is when it can be used, at once in the stores that flavorkit has.

    Args:
        store: that it is in.
        version: as it was when it was made.
        seconds: how long to wait; None or 0 not to wait.

    Raises:
        FlavorkitError: the store says that it never can be.
        StoreUnavailableError: it cannot be used by then.
    """
    deadline = time.monotonic() + (seconds or 0)
    pause = _PAUSE_SECONDS
    while seconds and version.status == ModelVersionStatus.PENDING_REGISTRATION:
        left = deadline - time.monotonic()
        if left <= 0:
            raise StoreUnavailableError(
                f"version {version.version} of {version.name!r} exists, and could not be used after"
                f" {seconds} seconds: look again with get_model_version, or pass a larger"
                " await_creation_for"
            )
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        version = store.get_model_version(version.name, version.version)
    if version.status == ModelVersionStatus.FAILED_REGISTRATION:
        raise FlavorkitError(
            f"version {version.version} of {version.name!r} could not be registered:"
            f" {version.status_message or 'the server gives no reason'}"
        )
    return version
