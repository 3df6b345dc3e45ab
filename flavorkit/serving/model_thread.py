"""The thread that a model runs on: one job after another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]


class ModelThread:
    """Runs jobs in the order they come, one at a time; a job must not raise.

    Unlike an executor's, this thread ends with the process whatever it is doing, so that a model
    that hangs does not keep a server from stopping.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Have ``job`` run when those before it are done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="flavorkit-model", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def close(self) -> None:
        """Let the thread end after the jobs it has."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # a request is not kept until the next one comes
