"""The thread that takes values from the spool to the store."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from flavorkit.errors import (
    AlreadyExistsError,
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking import names
from flavorkit.tracking.spool.file import SpoolFile
from flavorkit.tracking.spool.operations import RunOperations
from flavorkit.tracking.spool.records import Record
from flavorkit.tracking.store import RunStore

_logger = logging.getLogger(__name__)
_PAUSES_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0)
_FLUSH_TRIES = 3
_MAX_WAITING = 200_000
"""How many values may wait in memory."""
_LARGE_FILE = 64 * 1024 * 1024
"""From how many bytes on a file is written anew, without what the store has."""

# What these say of a value will be true tomorrow; a login that has expired, or a proxy that knows
# of no server behind it, says nothing of it.
_REFUSALS = (AlreadyExistsError, InvalidArgumentError, NotFoundError)

Waiting = tuple[Record, "Future[None]"]


class Sender:
    """The values on their way to one store.

    Args:
        folder: where they wait until the store has them.
        store: how the store is reached, asked for in the thread that needs it.
    """

    def __init__(self, folder: Path, store: Callable[[], RunStore]) -> None:
        self._folder = folder
        self._file = SpoolFile(folder)
        self._store = store
        self._waiting: deque[Waiting] = deque()
        self._values = 0
        self._unnoted = 0
        self._changed = threading.Condition()
        self._failures = 0
        self._problem: Exception | None = None
        self._closing = False
        self._thread = threading.Thread(
            target=self._work, name="flavorkit-async-logging", daemon=True
        )
        self._thread.start()

    def log(self, record: Record) -> RunOperations:
        """Keep a record, and send it soon.

        Where far too many wait already, this waits until the store has taken some.

        Raises:
            StoreUnavailableError: far too many wait, and the store does not answer.
            OSError: it cannot be written to the disk.
        """
        future: Future[None] = Future()
        with self._changed:
            while self._values >= _MAX_WAITING:
                if self._problem is not None:
                    raise StoreUnavailableError(
                        f"{self._values} values wait for the store already: {self._problem}"
                    )
                self._changed.wait(0.5)
            self._file.append(record)
            self._waiting.append((record, future))
            self._values += record.size
            self._changed.notify_all()
        return RunOperations([future])

    def flush(self) -> None:
        """Return when the store has all that was logged before.

        Raises:
            StoreUnavailableError: it does not answer; what waits is kept for the next process.
        """
        with self._changed:
            last = self._waiting[-1][1] if self._waiting else None
            tries = self._failures + _FLUSH_TRIES
            while last is not None and not last.done():
                if self._problem is not None and self._failures >= tries:
                    raise StoreUnavailableError(
                        f"what was logged asynchronously waits in {self._file.path}, and is sent"
                        f" when flavorkit is next used with this store: {self._problem}"
                    )
                self._changed.wait(0.5)

    def close(self) -> None:
        """Send what can be sent, and let go of the file."""
        try:
            self.flush()
        except StoreUnavailableError as exc:
            _logger.warning("%s", exc)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(5)
        if not self._thread.is_alive():
            self._file.remove()

    def abandon(self) -> None:
        """Let go of it in a process that was forked from the one it is of."""
        self._file.abandon()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                taken = list(self._waiting)
            self._send_all(taken)

    def _send_all(self, taken: Sequence[Waiting]) -> None:
        for group in groups(taken):
            try:
                deliver(self._store(), group)
            except Exception as exc:  # noqa: BLE001 - without this thread nothing would arrive
                self._pause(exc)
                return
            self._settle(len(group))

    def _settle(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._values -= self._waiting.popleft()[0].size
            self._failures, self._problem = 0, None
            self._unnoted += count
            try:
                self._note_delivered()
            except OSError as exc:  # they would be sent again, and are kept once
                _logger.warning("%s cannot be written: %s", self._file.path, exc)
            self._changed.notify_all()

    def _note_delivered(self) -> None:
        """What is in the store already would be sent again, and undo what was set since."""
        if not self._waiting:
            self._file.clear()
        elif self._file.size < _LARGE_FILE:
            self._file.note_delivered(self._unnoted)
        else:
            fresh = SpoolFile(self._folder)
            for record, _ in self._waiting:
                fresh.append(record)
            self._file.clear()
            self._file.remove()
            self._file = fresh
        self._unnoted = 0

    def _pause(self, problem: Exception) -> None:
        with self._changed:
            if self._problem is None:
                _logger.warning("values that were logged asynchronously wait: %s", problem)
            self._problem = problem
            self._failures += 1
            self._changed.notify_all()
            pause = _PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS)) - 1]
            until = time.monotonic() + pause
            while not self._closing and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


def groups(waiting: Iterable[Waiting]) -> Iterator[list[Waiting]]:
    """Records that go to the store in one batch: neighbours, of one run, as many as fit."""
    group: list[Waiting] = []
    sizes = [0, 0, 0]
    for item in waiting:
        record = item[0]
        added = [len(record.metrics), len(record.params), len(record.tags)]
        together = [have + more for have, more in zip(sizes, added, strict=True)]
        if group and (record.run_id != group[0][0].run_id or not _fits(together)):
            yield group
            group, together = [], added
        group.append(item)
        sizes = together
    if group:
        yield group


def _fits(sizes: Sequence[int]) -> bool:
    limits = (names.MAX_BATCH_METRICS, names.MAX_BATCH_PARAMS, names.MAX_BATCH_TAGS)
    return sum(sizes) <= names.MAX_BATCH and all(
        size <= limit for size, limit in zip(sizes, limits, strict=True)
    )


def deliver(store: RunStore, group: Sequence[Waiting]) -> None:
    """Log records of one run, and tell those who wait for them.

    What the store refuses is refused alone: the others are logged.

    Raises:
        FlavorkitError: the store does not answer, or does not let us in; it may have some of them
            all the same.
    """
    try:
        _log(store, [record for record, _ in group])
    except _REFUSALS as exc:
        if len(group) > 1:
            for item in group:
                deliver(store, [item])
            return
        ((record, future),) = group
        if not future.done():  # refused before, when one after it could not be sent
            _logger.warning("run %s: %s", record.run_id, exc)
            future.set_exception(exc)
        return
    except FlavorkitError:
        raise
    except Exception as exc:
        _logger.exception("run %s: values were not logged", group[0][0].run_id)
        for _, future in group:
            if not future.done():
                future.set_exception(exc)
        return
    for _, future in group:
        if not future.done():
            future.set_result(None)


def _log(store: RunStore, records: Sequence[Record]) -> None:
    store.log_batch(
        records[0].run_id,
        [metric for record in records for metric in record.metrics],
        [param for record in records for param in record.params],
        [tag for record in records for tag in record.tags],
    )
