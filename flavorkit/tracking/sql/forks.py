"""What keeps a process from being forked while one of its threads is within SQLite.

SQLite has locks of its own for a process. One that another thread holds when the process is forked
is never released in the new one, which waits for it forever when it comes to use SQLite.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_logger = logging.getLogger(__name__)
_MOST_SECONDS = 5.0
"""How long a fork waits at most: a thread may itself wait for another process's transaction."""


class Gate:
    """Threads pass it into their transactions; it is closed while the process is forked."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: Counter[int] = Counter()
        self._closed_by: int | None = None

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be within a transaction, or within several."""
        thread = threading.get_ident()
        with self._changed:
            while self._closed_by not in {None, thread} and thread not in self._inside:
                self._changed.wait()
            self._inside[thread] += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[thread] -= 1
                if not self._inside[thread]:
                    del self._inside[thread]
                    self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in, and wait until all but this thread have come out."""
        thread, until = threading.get_ident(), time.monotonic() + _MOST_SECONDS
        with self._changed:
            is_mine = self._changed.wait_for(lambda: self._closed_by is None, _MOST_SECONDS)
            if is_mine:
                self._closed_by = thread
            left = until - time.monotonic()
            if not self._changed.wait_for(lambda: self._inside.keys() <= {thread}, left):
                _logger.warning("forked while a thread uses SQLite; the new process may hang")

    def open(self) -> None:
        """Let threads in again."""
        with self._changed:
            if self._closed_by == threading.get_ident():
                self._closed_by = None
                self._changed.notify_all()
