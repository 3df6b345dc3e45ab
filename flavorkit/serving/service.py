"""A model that is served: what the endpoints of an application share."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from flavorkit.errors import DeadlineExceededError
from flavorkit.pyfunc import PyFuncModel
from flavorkit.serving.engine import Engine
from flavorkit.serving.metrics import Metrics, board
from flavorkit.serving.settings import Settings
from flavorkit.serving.watch import Watch
from flavorkit.serving.work import Work
from flavorkit.version import __version__
from flavorkit.web.board import Board

logger = logging.getLogger("flavorkit.serving")

_T = TypeVar("_T")

WARM_UP_SECONDS = 60.0
"""How long the first prediction may take."""


@dataclass(frozen=True)
class Shared:
    """What the workers of one server share; made anew for a server of one process."""

    numbers: Board = field(default_factory=lambda: board(1))
    """What all workers count, and in the last row the process that watches them."""
    watch: Watch = field(default_factory=Watch)
    """What the worker says of itself to the process that watches it."""
    worker: int = 0
    """Which of the workers this is."""
    on_overrun: Callable[[], None] = lambda: None
    """Called when a call of the model has taken far too long, after those who wait were told."""


class Service:
    """One model at work in one process.

    Made on the event loop that it works on.

    Args:
        name: the name it is served under.
        model: the loaded model.
        settings: the limits.
        shared: what it shares with other workers.
    """

    def __init__(self, name: str, model: PyFuncModel, settings: Settings, shared: Shared) -> None:
        self.name, self.model, self.settings, self.shared = name, model, settings, shared
        self.metrics = Metrics(shared.numbers.row(shared.worker))
        self.engine = Engine(model, settings, self.metrics, shared.watch, shared.on_overrun)
        self.codec = ThreadPoolExecutor(1, thread_name_prefix="flavorkit-codec")
        self.decoding = 0
        self.is_warm = False
        self.is_draining = False
        self.model_header = _header_of(name, model)
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def new_request_id(self) -> str:
        """An id that no other request has."""
        return f"{self._prefix}-{next(self._numbers):x}"

    @property
    def unready_because(self) -> str | None:
        """Why no request should be sent here, or None."""
        if self.is_draining:
            return "the server is stopping"
        if not self.is_warm:
            return "the model is not warmed up"
        if self.shared.watch.is_failing:
            return "workers fail again and again"
        if self.engine.is_stuck:
            return "the model does not answer"
        if self.engine.is_full:
            return "too many requests wait"
        return None

    @property
    def info(self) -> dict[str, str]:
        """What the metrics say of the model."""
        return {
            "name": self.name,
            "version": self.model.metadata.model_uuid or "",
            "digest": self.model.digest,
            "flavor": self.model.flavor.name,
            "flavorkit": __version__,
        }

    async def in_background(self, read: Callable[[], _T], limit: float) -> _T:
        """What ``read`` makes of a large body, on a thread that does one after the other.

        Raises:
            DeadlineExceededError: it took longer than ``limit`` seconds.
        """
        self.decoding += 1
        try:
            async with asyncio.timeout(limit):
                return await asyncio.get_running_loop().run_in_executor(self.codec, read)
        except TimeoutError:
            raise DeadlineExceededError(limit) from None
        finally:
            self.decoding -= 1

    async def warm_up(self) -> None:
        """Predict on the model's input example, so that no client waits for what is done once.

        A model that fails on its own example is served all the same: it may have been saved with
        one that is only for show. The log has the reason.
        """
        try:
            payload = self.model.serving_example
            if payload is not None:
                example = self.model.quick_decoder(payload)
                await self.engine.predict(Work(*example, limit=WARM_UP_SECONDS))
        except Exception as exc:  # noqa: BLE001 - a user's model may raise anything
            logger.warning("the model cannot predict on its own input example: %s", exc)
        self.is_warm = True
        self.metrics.ready.set(1)

    def drain(self) -> None:
        """Say that no new requests should be sent here; those that come are answered."""
        self.is_draining = True
        self.metrics.ready.set(0)

    def close(self) -> None:
        """End the threads."""
        self.metrics.ready.set(0)
        self.engine.close()
        self.codec.shutdown(wait=False, cancel_futures=True)


def _header_of(name: str, model: PyFuncModel) -> bytes:
    version = model.metadata.model_uuid or ""
    return f"{quote(name)}; version={quote(version)}; digest={model.digest}".encode()
