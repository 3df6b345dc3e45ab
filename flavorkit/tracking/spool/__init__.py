"""Logging without waiting: values go to a file first, and from there to the store."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
from concurrent.futures import Future

from flavorkit.errors import FlavorkitError
from flavorkit.tracking import defaults, environ
from flavorkit.tracking.spool.file import folder_of, left_over
from flavorkit.tracking.spool.operations import RunOperations
from flavorkit.tracking.spool.records import Record
from flavorkit.tracking.spool.sender import Sender, deliver, groups
from flavorkit.tracking.store import RunStore

__all__ = [
    "Record",
    "RunOperations",
    "deliver_left_over",
    "enable_async_logging",
    "flush",
    "is_default",
    "log",
]

_logger = logging.getLogger(__name__)
_lock = threading.Lock()
_senders: dict[str, Sender] = {}
_looked_after: dict[str, float] = {}
_TRY_AGAIN_SECONDS = 60.0
_is_default: bool | None = None


def enable_async_logging(enable: bool = True) -> None:
    """Have values logged without waiting where a call does not say ``synchronous=``."""
    global _is_default  # noqa: PLW0603 - a setting of the process, as in MLflow
    _is_default = enable


def is_default() -> bool:
    """Whether values are logged without waiting where a call does not say."""
    return environ.flag("ENABLE_ASYNC_LOGGING", False) if _is_default is None else _is_default


def log(tracking_uri: str, record: Record) -> RunOperations:
    """Log values without waiting for the store.

    When this returns the operating system has them: they are sent even if this process is killed,
    then by the next one that uses the store.

    Raises:
        OSError: they cannot be written to the disk.
        StoreUnavailableError: far too many wait already, and the store does not answer.
    """
    with _lock:
        sender = _senders.get(tracking_uri)
        if sender is None:
            defaults.store(tracking_uri)  # whoever logs is told if there can be none
            sender = Sender(folder_of(tracking_uri), lambda: defaults.store(tracking_uri))
            _senders[tracking_uri] = sender
    return sender.log(record)


def flush(tracking_uri: str | None = None) -> None:
    """Return when the stores, or that at ``tracking_uri``, have what was logged without waiting.

    Raises:
        StoreUnavailableError: a store does not answer; what waits is kept.
    """
    if not _senders:
        return
    with _lock:
        senders = [
            sender
            for uri, sender in _senders.items()
            if tracking_uri is None or uri == tracking_uri
        ]
    for sender in senders:
        sender.flush()


def deliver_left_over(tracking_uri: str, store: RunStore) -> None:
    """Send what killed processes have left behind for a store; once in a process.

    A value that the store has already is kept once. What cannot be sent is kept, and tried again
    when the store is used after a minute.
    """
    if time.monotonic() < _looked_after.get(tracking_uri, 0.0):
        return
    with _lock:
        if time.monotonic() < _looked_after.get(tracking_uri, 0.0):
            return
        _looked_after[tracking_uri] = math.inf
        try:
            for records in left_over(folder_of(tracking_uri)):
                for group in groups((record, Future[None]()) for record in records):
                    deliver(store, group)
        except FlavorkitError as exc:
            _looked_after[tracking_uri] = time.monotonic() + _TRY_AGAIN_SECONDS
            _logger.warning("what a process has left to be logged still waits: %s", exc)


@atexit.register
def _close() -> None:
    for sender in _senders.values():
        sender.close()
    _senders.clear()


def _forget() -> None:
    """Leave to the parent, in a process just forked, what is the parent's."""
    global _lock  # noqa: PLW0603 - another thread may have held it when the process was forked
    _lock = threading.Lock()
    for sender in _senders.values():
        sender.abandon()
    _senders.clear()


os.register_at_fork(after_in_child=_forget)
