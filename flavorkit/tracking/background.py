"""Files that are written in the background."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

_logger = logging.getLogger(__name__)
_WORKERS = 4
_MOST = 32
"""How much may wait or run at once; whoever starts more waits, since each holds an image."""


class _Background:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: ThreadPoolExecutor | None = None
        self.running: set[Future[None]] = set()
        self.room = threading.BoundedSemaphore(_MOST)
        self.failure: BaseException | None = None


_background = _Background()


def start(work: Callable[[], None]) -> None:
    """Do ``work`` soon; the program does not end before it is done.

    Returns when there is room for it among what is to be done.
    """
    _background.room.acquire()
    with _background.lock:
        if _background.workers is None:
            _background.workers = ThreadPoolExecutor(_WORKERS, "flavorkit-artifacts")
        future = _background.workers.submit(work)
        _background.running.add(future)
    future.add_done_callback(_done)


def flush() -> None:
    """Return when all that was started before is done.

    Raises:
        Exception: what the first failure since the last call raised.
    """
    with _background.lock:
        running = list(_background.running)
    wait(running)
    with _background.lock:
        failure, _background.failure = _background.failure, None
    if failure is not None:
        raise failure


def _done(future: Future[None]) -> None:
    problem = future.exception()
    if problem is not None:
        _logger.warning("a file was not logged: %s", problem)
    with _background.lock:
        _background.running.discard(future)
        _background.failure = _background.failure or problem
    _background.room.release()


def _forget() -> None:
    """In a process just forked: the threads are the parent's."""
    _background.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
