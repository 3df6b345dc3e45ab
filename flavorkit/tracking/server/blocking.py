"""Calls that block, made on threads: so many at once, so many waiting, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

from flavorkit.errors import OverloadedError

T = TypeVar("T")


class Blocking:
    """Threads for one kind of call.

    Args:
        name: of the threads.
        threads: how many calls run at once.
        max_waiting: how many more may wait.
    """

    def __init__(self, name: str, threads: int, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + max_waiting
        self._begun = self._open = 0
        self._most_open = 2 * threads

    async def run(self, function: Callable[[], T]) -> T:
        """What the function returns, called on a thread.

        Raises:
            OverloadedError: too many wait already.
        """
        if self._begun >= self._most:
            raise OverloadedError
        return await self.go_on(function)

    async def go_on(self, function: Callable[[], T]) -> T:
        """The same for a call of what :meth:`entered` has let in, which is not refused."""
        self._begun += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, function)
        future.add_done_callback(self._done)
        return await future

    @asynccontextmanager
    async def entered(self, opened: Callable[[], AbstractContextManager[T]]) -> AsyncIterator[T]:
        """The context of a manager that is made, and whose two ends block.

        Raises:
            OverloadedError: too many are open already: twice as many as there are threads.
        """
        if self._open >= self._most_open:
            raise OverloadedError
        self._open += 1
        try:
            manager = await self.go_on(opened)
            value = await self.go_on(manager.__enter__)
            try:
                yield value
            except BaseException as error:
                failed = error
                await asyncio.shield(
                    self.go_on(lambda: manager.__exit__(type(failed), failed, failed.__traceback__))
                )
                raise
            await self.go_on(lambda: manager.__exit__(None, None, None))
        finally:
            self._open -= 1

    def close(self) -> None:
        """Wait for what runs."""
        self._pool.shutdown()

    def _done(self, future: object) -> None:
        self._begun -= 1
