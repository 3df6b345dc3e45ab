"""The thread that a model runs on: one job after another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

Job = Callable[[], bytes]


class ModelThread:
    """Runs jobs in the order they come, one at a time.

    Unlike an executor's, this thread ends with the process whatever it is doing, so that a model
    that hangs does not keep a server from stopping; and a job that is cancelled before it has begun
    is let go of at once, with the request that it holds.
    """

    def __init__(self) -> None:
        self._jobs: deque[tuple[Future[bytes], Job]] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._running = 0
        self._thread: threading.Thread | None = None

    @property
    def unfinished(self) -> int:
        """How many jobs run or wait, those whose answer nobody waits for any more among them."""
        return len(self._jobs) + self._running

    def submit(self, job: Job) -> Future[bytes]:
        """Have ``job`` run when those before it are done."""
        future: Future[bytes] = Future()
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="flavorkit-model", daemon=True
                )
                self._thread.start()
            self._jobs.append((future, job))
            self._changed.notify()
        future.add_done_callback(self._forget)
        return future

    def close(self) -> None:
        """Let the thread end after the job it is at; what has not begun is dropped."""
        with self._changed:
            self._is_closed = True
            dropped = list(self._jobs)
            self._jobs.clear()
            self._changed.notify()
        for future, _ in dropped:
            future.cancel()

    def _forget(self, future: Future[bytes]) -> None:
        if future.cancelled():
            with self._changed:
                self._jobs = deque(entry for entry in self._jobs if entry[0] is not future)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._is_closed)
                if self._is_closed:
                    return
                future, job = self._jobs.popleft()
                self._running = 1
            if future.set_running_or_notify_cancel():
                answer, error = _outcome(job)
                self._running = 0  # before anybody hears of it, and asks whether the thread is free
                if error is None:
                    future.set_result(answer)
                else:
                    future.set_exception(error)
            self._running = 0
            del future, job  # a request is not kept until the next one comes


def _outcome(job: Job) -> tuple[bytes, BaseException | None]:
    try:
        return job(), None
    except BaseException as exc:  # noqa: BLE001 - whoever waits for the job gets it
        return b"", exc
