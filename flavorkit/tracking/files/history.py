"""The history of a registered model: a line for each change of an alias or a stage.

It is in a hidden file in the folder of the model, which MLflow does not look at.
"""

from __future__ import annotations

import json
import logging

from flavorkit.tracking import actor
from flavorkit.tracking.entities import RegistryChange
from flavorkit.tracking.files.folders import Folder
from flavorkit.tracking.files.layout import HISTORY

_log = logging.getLogger(__name__)


def append(
    folder: Folder, kind: str, subject: str, *, at: int, before: str | None, after: str | None
) -> None:
    """Note a change, unless nothing changed; the arguments are those of ``RegistryChange``."""
    change = {
        "at": at,
        "user": actor.current(),
        "kind": kind,
        "subject": subject,
        "before": before,
        "after": after,
    }
    if before != after:
        folder.append([HISTORY], f"{json.dumps(change)}\n".encode())


def read(folder: Folder, name: str) -> list[RegistryChange]:
    """The changes, the oldest first.

    Args:
        folder: of a registered model.
        name: of that model.
    """
    found = []
    for line in (folder.read(HISTORY) or b"").splitlines():
        try:
            found.append(RegistryChange(name=name, **json.loads(line)))
        except (ValueError, TypeError):
            _log.warning("left out a broken line of %s/%s", folder.path, HISTORY)
    return found
