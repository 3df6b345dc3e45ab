"""Files that are written in the background."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_logger = logging.getLogger(__name__)
_WORKERS = 4


class _Background:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: ThreadPoolExecutor | None = None
        self.running: set[Future[None]] = set()


_background = _Background()


def start(work: Callable[[], None]) -> None:
    """Do ``work`` soon; the program does not end before it is done."""
    with _background.lock:
        if _background.workers is None:
            _background.workers = ThreadPoolExecutor(_WORKERS, "flavorkit-artifacts")
        future = _background.workers.submit(work)
        _background.running.add(future)
    future.add_done_callback(_done)


def flush() -> None:
    """Return when all that was started before is done.

    Raises:
        Exception: what the first failure raised.
    """
    with _background.lock:
        running = list(_background.running)
    for future in running:
        future.result()


def _done(future: Future[None]) -> None:
    problem = future.exception()
    if problem is not None:
        _logger.warning("a file was not logged: %s", problem)
    with _background.lock:
        _background.running.discard(future)


def _forget() -> None:
    """In a process just forked: the threads are the parent's."""
    _background.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
