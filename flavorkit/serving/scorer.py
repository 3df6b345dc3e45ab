"""One model at work: requests in, answers out, one at a time."""

from __future__ import annotations

import asyncio
import functools
import time

from flavorkit.descriptor import PYFUNC
from flavorkit.errors import FlavorkitError, InvalidInputError, OverloadedError
from flavorkit.flavors.registry import BUILTIN
from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving import answers, requests
from flavorkit.serving.model_thread import ModelThread

_MESSAGE_LENGTH = 2000


class Scorer:
    """Scores requests with one model, never two at once.

    Decoding, predicting and encoding happen in one go, where that is cheapest: on a thread of the
    model's own, so that the event loop stays free for other connections; or on the event loop,
    while answers take so little time that handing them to a thread is not worth it. A request that
    was given up while it waited is never begun.

    Args:
        model: the loaded model.
        max_waiting: how many requests may be at work or wait at once.
    """

    def __init__(self, model: PyFuncModel, *, max_waiting: int) -> None:
        self.model = model
        self._max_waiting = max_waiting
        self._thread = ModelThread()
        self._pace = _Pace()
        # What a user's own code raises, or how long it takes, says nothing about the request.
        self._is_builtin = model.flavor.name in BUILTIN.keys() - {PYFUNC}

    async def score(self, content_type: str | None, body: bytes) -> bytes:
        """The answer to one request.

        Raises:
            OverloadedError: too many requests wait already.
            FlavorkitError: the request cannot be read or does not fit the model.
        """
        waiting = self._thread.unfinished
        if self._is_builtin and not waiting and self._pace.expects_quick(len(body)):
            return self._score_timed(content_type, body)
        if waiting >= self._max_waiting:
            raise OverloadedError
        job = functools.partial(self._score_timed, content_type, body)
        return await asyncio.wrap_future(self._thread.submit(job))

    def score_now(self, content_type: str | None, body: bytes) -> bytes:
        """The answer to one request, on the calling thread."""
        request = requests.read(self.model, content_type, body)
        try:
            predictions = self.model.predict_enforced(request.data, request.params)
        except FlavorkitError:
            raise
        except (ValueError, TypeError, KeyError) as exc:
            if not self._is_builtin:  # then nobody knows whose fault it is
                raise
            text = str(exc)[:_MESSAGE_LENGTH]
            raise InvalidInputError(f"the model cannot predict on this data: {text}") from exc
        return answers.encode(predictions, is_bare=request.is_bare)

    def close(self) -> None:
        """Let the thread end; what has not begun is dropped."""
        self._thread.close()

    def _score_timed(self, content_type: str | None, body: bytes) -> bytes:
        begun = time.perf_counter()
        answer = self.score_now(content_type, body)
        # Only what was answered says how long an answer takes; a refusal is quick at any size.
        self._pace.saw(len(body), time.perf_counter() - begun)
        return answer


class _Pace:
    """How quick the answers have been lately, as a credit that quick ones add to and slow ones eat.

    A slow answer costs what it took, so that a moment of a busy machine changes little and a slow
    model is back on its thread at once. One that was slow at a size never seen quick says nothing
    about the smaller ones.
    """

    QUICK_SECONDS = 0.001
    """What the event loop may be kept busy with; handing work to a thread costs a fifth of it."""

    ENOUGH, MOST = 32, 64
    """The credit, in quick answers, from which the next is expected to be quick, and its limit."""

    LARGEST_BODY = 64 * 1024
    """What is never decoded on the event loop: larger bodies in bytes."""

    def __init__(self) -> None:
        self._credit = 0.0
        self._largest_quick_body = -1

    def expects_quick(self, body_bytes: int) -> bool:
        """Whether a request of this size will probably be answered quickly."""
        largest = min(self._largest_quick_body, self.LARGEST_BODY)
        return self._credit >= self.ENOUGH and body_bytes <= largest

    def saw(self, body_bytes: int, seconds: float) -> None:
        """Learn from an answer."""
        if seconds <= self.QUICK_SECONDS:
            self._credit = min(self._credit + 1, self.MOST)
            self._largest_quick_body = max(self._largest_quick_body, body_bytes)
        elif body_bytes <= self._largest_quick_body:
            self._credit = max(self._credit - seconds / self.QUICK_SECONDS, 0)
