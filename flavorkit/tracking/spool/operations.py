"""What a caller who did not wait can wait for later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from flavorkit.errors import FlavorkitError


class RunOperations:
    """Values that were logged with ``synchronous=False`` and are on their way to the store."""

    def __init__(self, operation_futures: Sequence[Future[None]] | None = None) -> None:
        self.futures = tuple(operation_futures or ())

    @classmethod
    def together(cls, several: Iterable[RunOperations]) -> RunOperations:
        """All of them as one."""
        return cls([future for one in several for future in one.futures])

    def wait(self) -> None:
        """Return when the store has them.

        Raises:
            FlavorkitError: the store refused some of them; the message says why.
        """
        problems = []
        for future in self.futures:
            problem = future.exception()
            if problem is not None:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise FlavorkitError(
                f"{len(problems)} values were not logged: {'; '.join(map(str, problems))}"
            )
