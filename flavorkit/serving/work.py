"""One request's rows on their way through the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from flavorkit.serving import batches


def nobody_left() -> bool:
    """What :attr:`Work.is_gone` is where nobody can tell."""
    return False


class Work:
    """Rows to predict on, and the future of the predictions.

    Args:
        data: what the model is called with, as its signature describes it.
        params: inference parameters, as the signature describes them.
        limit: the seconds after which nobody wants the answer, which an error names.
        deadline: when that is, a :func:`time.monotonic`; ``limit`` from now when not given.
        is_gone: whether whoever asked has left.
        may_share: whether its rows may share a call with those of others.
    """

    __slots__ = (
        *("answer", "data", "deadline", "is_gone", "key", "limit"),
        *("params", "predict_seconds", "rows"),
    )

    def __init__(
        self,
        data: Any,
        params: Mapping[str, Any],
        *,
        limit: float,
        deadline: float | None = None,
        is_gone: Callable[[], bool] = nobody_left,
        may_share: bool = False,
    ) -> None:
        self.data, self.params = data, params
        self.limit, self.is_gone = limit, is_gone
        self.deadline = time.monotonic() + limit if deadline is None else deadline
        self.rows = batches.rows_of(data)
        self.key = _key(data, params) if may_share and self.rows is not None else None
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.predict_seconds = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether the answer is still waited for."""
        return not self.answer.done() and not self.is_gone()


def _key(data: Any, params: Mapping[str, Any]) -> Hashable | None:
    kind = batches.kind_of(data)
    if kind is None or not params:
        return kind
    # Values that are equal are not always the same, as 1, 1.0 and True.
    return (kind, repr(sorted(params.items(), key=lambda item: item[0])))
