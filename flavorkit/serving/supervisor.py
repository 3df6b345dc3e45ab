"""The process that watches the workers: starts them, starts them again, ends those that hang.

It imports nothing heavy and runs nothing of the model, so whatever a model does to its worker, this
process goes on. Workers are forked from it before it has any threads, and share its listening
socket, so that a connection is accepted by whichever is free.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flavorkit.errors import FlavorkitError
from flavorkit.serving import metrics, watch
from flavorkit.serving.placeholder import Placeholder
from flavorkit.serving.restarts import Restarts
from flavorkit.serving.settings import Settings
from flavorkit.web.board import Board
from flavorkit.web.listening import BACKLOG

logger = logging.getLogger("flavorkit.serving")

TICK_SECONDS = 0.1
OVERRUN = 70
"""The status a worker ends with that has found its model to hang."""
KILL_AFTER = 0.5
"""How long a worker has to end by itself after it was found to hang."""
GO = b"\n"
"""What a worker reads from its lifeline when nobody but workers accepts connections any more."""


class WorkerError(FlavorkitError):
    """The first worker did not become ready."""


@dataclass(frozen=True)
class Seat:
    """What a worker is given by the process that watches it."""

    number: int
    numbers: Board
    watch: watch.Watch
    lifeline: int
    """A file descriptor with the word to begin; it reads as ended when the watching process is no
    more."""
    news: int
    """A file descriptor to tell it, in a line of JSON, that the worker is ready or why not."""


@dataclass
class _Worker:
    pid: int
    seat: Seat
    lifeline: int
    news: int
    received: bytes = b""
    ready_since: float = 0.0
    is_killed: bool = False


class Supervisor:
    """Keeps ``workers`` processes running that serve one model.

    Args:
        listener: the bound socket.
        workers: how many.
        run_worker: what a worker does; called in the new process, which ends when it returns.
        settings: the limits of the server.
        on_ready: called with what the first worker that is ready says of itself.
    """

    def __init__(
        self,
        listener: socket.socket,
        workers: int,
        run_worker: Callable[[Seat], int],
        settings: Settings,
        on_ready: Callable[[str], None],
    ) -> None:
        self._listener, self._run_worker = listener, run_worker
        self._settings, self._on_ready = settings, on_ready
        self._numbers = metrics.board(workers)
        self._watches = Board(workers, watch.WIDTH)
        own = self._numbers.row(workers)
        self._starts = metrics.Tally(own, "flavorkit_worker_starts")
        self._kills = metrics.Tally(own, "flavorkit_worker_kills")
        self._selector = selectors.DefaultSelector()
        self._placeholder = Placeholder(
            listener, self._selector, lambda: metrics.exposition(self._numbers, {})
        )
        self._restarts = Restarts()
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = dict.fromkeys(range(workers), 0.0)
        self._replaced: set[int] = set()
        self._was_ready = False
        self._stops = 0

    def run(self) -> None:
        """Run until SIGTERM or SIGINT has come and all workers have finished what they began.

        Raises:
            WorkerError: the first worker could not start.
        """
        with self._signals():
            self._listener.listen(BACKLOG)
            self._placeholder.open()
            try:
                while not self._stops:
                    self._start_due()
                    self._step()
                    self._end_those_that_hang()
                    self._reap()
                self._drain()
            finally:
                self._kill_all()

    def _start_due(self) -> None:
        now = time.monotonic()
        for number, due in list(self._due.items()):
            # The first one alone finds out whether the model can be loaded at all.
            if due <= now and (number == 0 or self._was_ready):
                del self._due[number]
                self._start(number)

    def _start(self, number: int) -> None:
        lifeline, lifeline_end = os.pipe()
        news, news_end = os.pipe()
        state = watch.Watch(self._watches.row(number))
        state.end()
        seat = Seat(number, self._numbers, state, lifeline, news_end)
        pid = os.fork()
        if pid == 0:
            os.close(lifeline_end)
            os.close(news)
            self._become(seat)
        os.close(lifeline)
        os.close(news_end)
        os.set_blocking(news, False)
        worker = self._workers[pid] = _Worker(pid, seat, lifeline_end, news)
        self._selector.register(news, selectors.EVENT_READ, lambda: self._hear(worker))
        self._starts.add()

    def _become(self, seat: Seat) -> None:
        """What the forked process does, and nothing after it."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # A terminal sends it to all processes; this one ends when the watching process says so.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for key in list(self._selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket) and key.fileobj is not self._listener:
                    key.fileobj.close()
            self._selector.close()
            for other in self._workers.values():
                os.close(other.lifeline)
                os.close(other.news)
            code = self._run_worker(seat)
        finally:
            os._exit(code)

    def _step(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            key.data()
        self._placeholder.sweep()

    def _hear(self, worker: _Worker) -> None:
        try:
            chunk = os.read(worker.news, 65536)
        except BlockingIOError:  # it has ended, and a process that it has started holds the pipe
            return
        worker.received += chunk
        *lines, worker.received = worker.received.split(b"\n")
        if not chunk:
            self._selector.unregister(worker.news)
        for line in lines:
            news = json.loads(line)
            if "error" in news:
                if not self._was_ready:
                    raise WorkerError(news["error"])
                logger.error("worker %d cannot start: %s", worker.seat.number, news["error"])
                continue
            worker.ready_since = time.monotonic()
            self._placeholder.close()
            with contextlib.suppress(BrokenPipeError):  # it has ended since
                os.write(worker.lifeline, GO)
            if worker.seat.number in self._replaced:
                logger.info("worker %d is ready again", worker.seat.number)
            if not self._was_ready:
                self._was_ready = True
                self._on_ready(news["ready"])

    def _end_those_that_hang(self) -> None:
        now = time.monotonic()
        is_failing = self._restarts.is_failing(now)
        for worker in self._workers.values():
            worker.seat.watch.is_failing = is_failing
            busy_until = worker.seat.watch.busy_until
            allowed = self._settings.overrun_seconds + KILL_AFTER
            if busy_until and now > busy_until + allowed and not worker.is_killed:
                logger.error(
                    "worker %d: a call of the model overran its time; the worker is replaced",
                    worker.seat.number,
                )
                self._kills.add()
                worker.is_killed = True
                os.kill(worker.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._bury(worker, os.waitstatus_to_exitcode(status))

    def _bury(self, worker: _Worker, code: int) -> None:
        now = time.monotonic()
        with contextlib.suppress(KeyError):
            self._hear(worker)  # what it said last
        self._forget(worker)
        if not self._was_ready:
            raise WorkerError(f"the worker {_ended(code)} while it loaded the model")
        if code == OVERRUN:
            self._kills.add()
        number = worker.seat.number
        metrics.Metrics(self._numbers.row(number))  # its gauges fall to 0
        ready_for = now - worker.ready_since if worker.ready_since else 0.0
        self._due[number] = self._restarts.ended(now, ready_for)
        later = self._due[number] - now
        when = f"in {later:.2g} s" if later else "at once"
        logger.error("worker %d %s; another is started %s", number, self._how(code), when)
        self._replaced.add(number)
        if not any(one.ready_since for one in self._workers.values()):
            self._placeholder.open()

    def _how(self, code: int) -> str:
        if code == OVERRUN:
            allowed = self._settings.timeout_seconds + self._settings.overrun_seconds
            return (
                f"has a call of the model that went on for more than {allowed:g} s (--timeout and"
                " --overrun), and was ended"
            )
        return _ended(code)

    def _forget(self, worker: _Worker) -> None:
        del self._workers[worker.pid]
        with contextlib.suppress(KeyError):
            self._selector.unregister(worker.news)
        os.close(worker.news)
        os.close(worker.lifeline)

    def _drain(self) -> None:
        """Have the workers finish; a second signal, or the end of their grace, ends them."""
        logger.info("stopping when what has begun is answered; a second signal stops at once")
        self._placeholder.close()
        self._listener.close()
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGTERM)
        settings = self._settings
        latest = time.monotonic() + settings.drain_seconds + settings.grace_seconds + 2
        while self._workers and self._stops < 2 and time.monotonic() < latest:
            self._step()
            for worker in list(self._workers.values()):
                pid, _ = os.waitpid(worker.pid, os.WNOHANG)
                if pid:
                    self._forget(worker)
        logger.info("stopped%s", ", and gave up what was left" if self._workers else "")

    def _kill_all(self) -> None:
        for worker in list(self._workers.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
            self._forget(worker)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Count requests to stop, and wake up for them."""
        woken, wake = socket.socketpair()
        woken.setblocking(False)
        wake.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: woken.recv(64))

        def stop(number: int, frame: object) -> None:
            self._stops += 1
            for worker in range(self._watches.rows) if number == signal.SIGINT else ():
                watch.Watch(self._watches.row(worker)).is_hurried = True

        before_fd = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
        before = {
            number: signal.signal(number, stop if number != signal.SIGCHLD else lambda *_: None)
            for number in numbers
        }
        try:
            yield
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            woken.close()
            wake.close()


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
