"""``meta.yaml``: what an entity is, in every folder of one.

Keys that are not known here are kept, so that what MLflow, or a newer version, wrote survives.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flavorkit import strict_yaml
from flavorkit.errors import DescriptorError, NotFoundError
from flavorkit.tracking.files.folders import UNFINISHED, Folder
from flavorkit.tracking.files.layout import META

_log = logging.getLogger(__name__)
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.05
_MAX_REMEMBERED = 4096


def read(folder: Folder) -> dict[str, Any] | None:
    """What the file says; None if there is none.

    Raises:
        NotFoundError: the file is broken.
    """
    for _ in range(_ATTEMPTS):
        raw = folder.read(META, limit=strict_yaml.MAX_BYTES + 1)
        if raw is None:
            return None
        if raw:
            try:
                return dict(_remembered(raw) if len(raw) <= _MAX_REMEMBERED else _parsed(raw))
            except DescriptorError as exc:
                raise NotFoundError(f"{folder.path}/{META} cannot be read: {exc.problem}") from exc
        # MLflow empties the file before it writes it.
        time.sleep(_PAUSE_SECONDS)
    raise NotFoundError(f"{folder.path}/{META} is empty")


def read_or_skip(folder: Folder) -> dict[str, Any] | None:
    """The same for one folder of many: a broken one is left out, with a warning."""
    try:
        return read(folder)
    except NotFoundError as exc:
        _log.warning("left out: %s", exc)
        return None


def write(folder: Folder, content: Mapping[str, Any], *, durable: bool = True) -> None:
    """Replace the file; with the lock of the folder only.

    Args:
        folder: that it is in.
        content: of the file.
        durable: wait until it would survive a loss of power.
    """
    folder.replace([META], strict_yaml.dumps(dict(content)).encode(), durable=durable)


def update(folder: Folder, before: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Write what was there with some changes, and return it."""
    content = {**before, **changes}
    write(folder, content)
    return content


def write_new(scratch: Folder, parent: Folder, name: str, content: Mapping[str, Any]) -> None:
    """Make a folder with the file in it, in one step; one that is there stays as it is.

    Args:
        scratch: a folder whose lock is held.
        parent: where the new one appears.
        name: of the new one.
        content: of its file.
    """
    if parent.has(name):
        return
    with scratch.make(UNFINISHED) as folder:
        write(folder, content)
    scratch.move(UNFINISHED, parent, name)


def text(content: Mapping[str, Any], key: str) -> str | None:
    """A value as text; None if there is none."""
    value = content.get(key)
    return None if value is None else str(value)


def integer(content: Mapping[str, Any], key: str) -> int | None:
    """A value as an integer; None if there is none, or it is no number."""
    value = content.get(key)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _parsed(raw: bytes) -> Mapping[str, Any]:
    content = strict_yaml.loads(raw, path=META)
    if not isinstance(content, dict):
        raise DescriptorError(META, "", "not a mapping")
    return content


# The key is all there was in the file, so that an entry can never be out of date.
_remembered = lru_cache(maxsize=4096)(_parsed)
