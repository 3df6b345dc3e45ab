"""Many clients at once: requests of several kinds for one model, and what each must be answered."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from flavorkit.serving import answers
from flavorkit.signature.example import convert_input_example_to_serving_input
from flavorkit.testing.cases import Model, assert_same, count_of, rows_of
from flavorkit.testing.served import Server

CLIENTS = 64
REQUESTS_PER_CLIENT = 3

# Sums of so many terms may be rounded in another order when other rows are in the batch.
_ROUNDINGS = 64


@dataclass(frozen=True)
class Ask:
    """One request, and its answer: what is predicted, or none if it is to be refused."""

    body: bytes
    expected: Any
    rtol: float = 0.0


def requests_for(model: Model, loaded: Any, refused: Sequence[Any]) -> list[Ask]:
    """Requests of all sizes, with parameters and without, and some that are refused.

    Args:
        model: the model.
        loaded: the same, loaded, which is asked for each answer alone.
        refused: data that does not fit the model's signature.
    """
    asks = [Ask(b"{", None)]
    asks += [Ask(_body(data), None) for data in refused]
    for rows in _slices(model):
        predictions = loaded.predict(rows)
        expected = json.loads(answers.encode(predictions))["predictions"]
        rtol = max(model.rtol, _ROUNDINGS * _epsilon(predictions))
        asks.append(Ask(_body(rows), expected, rtol))
        if model.params:
            asks.append(Ask(_body((rows, dict(model.params))), expected, rtol))
    return asks


def assert_all_are_answered(server: Server, asks: Sequence[Ask]) -> None:
    """Have many clients at once send requests in an order of their own, and check each answer."""

    def client(number: int) -> None:
        chosen = random.Random(number).choices(asks, k=REQUESTS_PER_CLIENT)  # noqa: S311
        for ask in (asks[number % len(asks)], *chosen):
            answer = server.invoke(ask.body)
            if ask.expected is None:
                assert answer.status == 400, answer.body
                continue
            assert answer.status == 200, answer.body
            _assert_same_json(answer.json()["predictions"], ask.expected, ask.rtol)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(client, range(CLIENTS)):
            pass


def _slices(model: Model) -> Iterator[Any]:
    count = count_of(model.data)
    if not model.is_row_for_row:
        yield model.data
        return
    for start in range(count):
        yield rows_of(model.data, start, start + 1)
        yield rows_of(model.data, start, count)


def _body(given: Any) -> bytes:
    return str(convert_input_example_to_serving_input(given)).encode()


def _epsilon(predictions: Any) -> float:
    """The rounding of the widest error that any of the floats in ``predictions`` has."""
    if isinstance(predictions, dict):
        return max(map(_epsilon, predictions.values()), default=0.0)
    dtypes = getattr(predictions, "dtypes", getattr(predictions, "dtype", np.dtype(float)))
    kinds = list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]
    floats = [kind for kind in kinds if isinstance(kind, np.dtype) and kind.kind == "f"]
    return float(max((np.finfo(kind).eps for kind in floats), default=np.finfo(float).eps))


def _assert_same_json(found: Any, expected: Any, rtol: float) -> None:
    """Equal in every name and text and whole number, and nearly so in other numbers."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            _assert_same_json(found[name], expected[name], rtol)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _assert_same_json(one, other, rtol)
    elif isinstance(expected, float):
        assert_same(found, expected, rtol)
    else:
        assert found == expected
