"""One model at work: rows in, predictions out, as many requests in a call as may share one.

Nothing here knows of HTTP or of JSON. Requests wait in one bounded queue. The model is never called
twice at once: on the event loop while its calls are far below a millisecond, which is what handing
work to a thread and back costs; on a thread of its own otherwise, so that the loop stays free.
What has come in while a call ran, or in the same turn of the event loop, shares the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from flavorkit.descriptor import PYFUNC
from flavorkit.errors import (
    DeadlineExceededError,
    FlavorkitError,
    InvalidInputError,
    NotReadyError,
    OverloadedError,
)
from flavorkit.flavors.registry import BUILTIN
from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving import batches
from flavorkit.serving.metrics import Metrics
from flavorkit.serving.model_thread import ModelThread
from flavorkit.serving.pace import Pace
from flavorkit.serving.settings import Settings
from flavorkit.serving.watch import Watch
from flavorkit.serving.work import Work

_MESSAGE_LENGTH = 2000
_SWEEP_SECONDS = 0.05
_MANY_ROWS = 512
"""What so many rows take is hardly the call itself, which is all that company would save."""
_DROPPED = object()


class Engine:
    """Predicts with one model for many requests.

    Used on one event loop.

    Args:
        model: the loaded model.
        settings: the limits.
        metrics: counts what is done.
        watch: is told how long each call may take, for who ends those that take longer.
        on_overrun: called when a call has gone on for ``overrun_seconds`` after its requests' time
            was up, when those that wait behind it have been told.
    """

    def __init__(
        self,
        model: PyFuncModel,
        settings: Settings,
        metrics: Metrics | None = None,
        watch: Watch | None = None,
        on_overrun: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        # What a user's own code raises, or how long it takes, says nothing about the request.
        self.is_builtin = model.flavor.name in BUILTIN.keys() - {PYFUNC}
        self.shares_calls = model.is_row_wise and settings.batch_rows > 1
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._watch = watch or Watch()
        self._on_overrun = on_overrun
        self._waiting: deque[Work] = deque()
        self._running: list[Work] = []
        self._is_called = False
        self._turn: asyncio.Handle | None = None
        self._sweep: asyncio.Handle | None = None
        self._thread = ModelThread()
        self._pace = Pace()

    @property
    def is_full(self) -> bool:
        """Whether one more request would be refused."""
        return len(self._waiting) >= self._settings.max_waiting

    @property
    def is_stuck(self) -> bool:
        """Whether a call of the model goes on though the time of its requests is up."""
        return 0 < self._watch.busy_until < time.monotonic()

    async def predict(self, work: Work) -> Any:
        """The predictions for the rows of ``work``.

        Raises:
            OverloadedError: too many requests wait already.
            DeadlineExceededError: the time is up.
            InvalidInputError: the model cannot predict on these rows.
        """
        if self.is_full:
            raise OverloadedError
        self._waiting.append(work)
        self._metrics.queue_depth.set(len(self._waiting))
        if not self._is_called and self._turn is None:
            if self._is_better_alone(work):
                self._begin()
            else:
                self._take_turn(self._settings.batch_wait_seconds)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep_out)
        return await work.answer

    def close(self) -> None:
        """Let the thread end; what has not begun is dropped."""
        for handle in (self._turn, self._sweep):
            if handle is not None:
                handle.cancel()
        for work in self._waiting:
            if not work.answer.done():
                work.answer.set_exception(NotReadyError("the server is stopping"))
        self._waiting.clear()
        self._thread.close()

    def _is_better_alone(self, work: Work) -> bool:
        """Whether many rows are best predicted on at once, while the processor's cache has them."""
        rows = work.rows or 1
        wait = self._settings.batch_wait_seconds if self.shares_calls else 0.0
        return rows >= _MANY_ROWS and not wait and self._may_call_here(rows)

    def _may_call_here(self, rows: int) -> bool:
        """Whether a call with so many rows may be made on the event loop."""
        return self.is_builtin and self._pace.expects_quick(rows)

    def _take_turn(self, wait_seconds: float = 0.0) -> None:
        """Begin the next call after the requests that are in this turn of the event loop."""
        loop = asyncio.get_running_loop()
        if wait_seconds and self.shares_calls:
            self._turn = loop.call_later(wait_seconds, self._begin)
        else:
            self._turn = loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._turn = None
        batch = self._gather()
        if not batch:
            return
        rows = sum(work.rows or 1 for work in batch)
        self._running = batch
        self._metrics.queue_depth.set(len(self._waiting))
        # A client that waits for less is told so, which is no reason to give up the others.
        latest = time.monotonic() + self._settings.timeout_seconds
        self._watch.begin(max(latest, *(work.deadline for work in batch)))
        if self._may_call_here(rows):
            self._finish(batch, rows, *_timed(self._call, batch))
            return
        self._is_called = True
        loop = asyncio.get_running_loop()

        def job() -> None:
            try:
                answered = _timed(self._call, batch)
            except BaseException as exc:  # noqa: BLE001 - whoever waits must be told
                answered = [exc] * len(batch), 0.0
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._finish, batch, rows, *answered)

        self._thread.submit(job)

    def _gather(self) -> list[Work]:
        """The first request that is still wanted, and those after it that may share its call."""
        batch: list[Work] = []
        rows = 0
        now = time.monotonic()
        while self._waiting:
            work = self._waiting[0]
            if work.is_wanted and work.deadline > now:
                if batch and not self._fits(batch[0], work, rows):
                    break
                batch.append(work)
                rows += work.rows or 1
            elif work.is_wanted:
                work.answer.set_exception(DeadlineExceededError(work.limit))
            else:
                work.answer.cancel()
            self._waiting.popleft()
        return batch

    def _fits(self, first: Work, work: Work, rows: int) -> bool:
        return (
            first.key is not None
            and work.key == first.key
            and rows + (work.rows or 1) <= self._settings.batch_rows
        )

    def _call(self, batch: list[Work]) -> list[Any]:
        """What the model makes of each: predictions, or an error."""
        if len(batch) > 1:
            together = self._call_together(batch)
            if together is not None:
                return together
        return [
            self._call_one(work.data, work.params) if work.is_wanted else _DROPPED for work in batch
        ]

    def _call_together(self, batch: list[Work]) -> list[Any] | None:
        """None if it fails, or does not give a prediction for each row: whose fault is unknown."""
        try:
            joined = batches.join([work.data for work in batch])
            predictions = self._call_one(joined, batch[0].params)
            if isinstance(predictions, BaseException):
                return None
            return batches.split(predictions, [work.rows or 0 for work in batch])
        except Exception:  # noqa: BLE001 - predictions may be of any type
            return None

    def _call_one(self, data: Any, params: Any) -> Any:
        try:
            return self.model.predict_enforced(data, params)
        except FlavorkitError as exc:
            return exc
        except (ValueError, TypeError, KeyError) as exc:
            if not self.is_builtin:  # then nobody knows whose fault it is
                return exc
            text = str(exc)[:_MESSAGE_LENGTH]
            error = InvalidInputError(f"the model cannot predict on this data: {text}")
            error.__cause__ = exc
            return error
        except BaseException as exc:  # noqa: BLE001 - whoever waits for the answer gets it
            return exc

    def _finish(self, batch: list[Work], rows: int, outcomes: list[Any], seconds: float) -> None:
        self._watch.end()
        self._is_called = False
        self._running = []
        self._pace.saw(rows, seconds)
        self._metrics.batch_rows.observe(rows)
        self._metrics.batch_requests.observe(len(batch))
        for work, outcome in zip(batch, outcomes, strict=True):
            work.predict_seconds = seconds
            if work.answer.done():
                continue
            if outcome is _DROPPED:
                work.answer.cancel()
            elif isinstance(outcome, BaseException):
                work.answer.set_exception(_raisable(outcome))
            else:
                work.answer.set_result(outcome)
        if self._waiting and self._turn is None:
            self._take_turn()

    def _sweep_out(self) -> None:
        """Tell those whose time is up, at work or not."""
        self._sweep = None
        now = time.monotonic()
        for work in (*self._running, *self._waiting):
            if work.deadline <= now and not work.answer.done():
                work.answer.set_exception(DeadlineExceededError(work.limit))
        for work in self._waiting:
            if not work.is_wanted:
                work.answer.cancel()
        # What nobody wants any more makes room at once, and lets go of the rows it holds.
        self._waiting = deque(work for work in self._waiting if not work.answer.done())
        self._metrics.queue_depth.set(len(self._waiting))
        if self.is_stuck and now > self._watch.busy_until + self._settings.overrun_seconds:
            for work in self._waiting:
                if not work.answer.done():
                    work.answer.set_exception(NotReadyError("the model does not answer"))
            self._on_overrun()
        if self._waiting or self._running:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(_SWEEP_SECONDS, self._sweep_out)


def _raisable(error: BaseException) -> BaseException:
    """``error``, or one in its place where a future takes none of its kind."""
    if not isinstance(error, StopIteration):
        return error
    raised = RuntimeError(f"the model raised {type(error).__name__}")
    raised.__cause__ = error
    return raised


def _timed(call: Any, batch: list[Work]) -> tuple[list[Any], float]:
    begun = time.perf_counter()
    outcomes = call(batch)
    return outcomes, time.perf_counter() - begun
