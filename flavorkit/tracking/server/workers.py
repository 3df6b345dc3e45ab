"""Several processes that serve one address, and the one that watches them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable

logger = logging.getLogger("flavorkit.tracking")

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_SHORT_LIFE = 5.0
"""A worker that ends sooner is started again only after a pause."""


class Workers:
    """Keeps processes running until SIGTERM or SIGINT comes.

    They are forked before anything here has threads, and end when this process is no more.

    Args:
        count: how many.
        run: what each does: called with its number, and with a file descriptor that reads as ended
            when this process is no more. It returns when SIGTERM has come and its work is done.
        grace_seconds: how long it may take for that.
        on_stop: called before they are told to stop, such as to close what nobody will answer.
    """

    def __init__(
        self,
        count: int,
        run: Callable[[int, int], None],
        grace_seconds: float,
        on_stop: Callable[[], None],
    ) -> None:
        self._run, self._grace, self._on_stop = run, grace_seconds, on_stop
        self._seats = dict.fromkeys(range(count), 0.0)
        self._running: dict[int, int] = {}
        self._lifeline, self._lifeline_end = os.pipe()

    def watch(self) -> None:
        """Start them, start again those that end, and stop them all when told to."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while self._start_missing() == signal.SIGCHLD:
                self._reap()
            self._stop()
        finally:
            for pid in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            os.close(self._lifeline)
            os.close(self._lifeline_end)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start_missing(self) -> int:
        """Start what does not run; the next signal that comes."""
        for seat, born in self._seats.items():
            if seat in self._running.values():
                continue
            if born and time.monotonic() - born < _SHORT_LIFE:
                time.sleep(1)  # signals wait
            self._start(seat)
        return signal.sigwait(_SIGNALS)

    def _start(self, seat: int) -> None:
        self._seats[seat] = time.monotonic()
        pid = os.fork()
        if pid:
            self._running[pid] = seat
            return
        code = 1
        try:
            os.close(self._lifeline_end)
            # A terminal sends SIGINT to all; this one ends when the watching process says so.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._run(seat, self._lifeline)
            code = 0
        except BaseException:
            logger.exception("worker %d failed", seat)
        finally:
            logging.shutdown()
            os._exit(code)

    def _reap(self) -> None:
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                seat = self._running.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                logger.error("worker %d ended with status %d; another is started", seat, code)

    def _stop(self) -> None:
        self._on_stop()
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)
        latest = time.monotonic() + self._grace + 2
        while self._running and time.monotonic() < latest:
            for pid in list(self._running):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    del self._running[pid]
            time.sleep(0.02)
