"""Predicting with a Keras model, from any container and with any number of rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.flavors.base import Predictor
from flavorkit.flavors.methods import parameters_of, whole_number
from flavorkit.flavors.named_inputs import Arrays, Input, count_of, features, feed, standard

# How much data goes into one batch, and within which limits that makes how many rows: enough to
# keep the processor busy, and no more than what Keras would take of large rows.
_BATCH_BYTES = 256 * 1024
_BATCH_ROWS = (32, 4096)


def predictor(model: Any) -> Predictor:
    """The answers of ``model``: one array, or a dict of arrays if it has several outputs.

    ``predict`` of Keras starts an input pipeline each time, which takes a hundred times as long as
    a small batch itself; so batches go to ``predict_on_batch``, unless there are parameters that
    only ``predict`` knows, or the model's class has a ``predict`` of its own.
    """
    inputs = _inputs(model)
    known = parameters_of(model.predict)
    is_own = not type(model).predict.__module__.startswith("keras.")
    quiet = {"verbose": 0} if "verbose" in known else {}
    call, whole = _safe(model.predict_on_batch, model.predict)

    def predict(data: Any, params: Mapping[str, Any]) -> Any:
        given = {key: params[key] for key in params if key in known}
        arrays = _arrays(data, inputs)
        rows = count_of(arrays)
        if given.get("batch_size") is None:
            size = _batch_rows(arrays, rows)
        else:
            size = whole_number("batch_size", given["batch_size"], 1)
        if is_own or set(given) - {"batch_size"}:
            answer = whole(_arranged(arrays, model), **{**quiet, **given})
        elif rows <= size:
            answer = call(_arranged(arrays, model))
        else:
            parts = [
                call(_arranged(_part(arrays, start, start + size), model))
                for start in range(0, rows, size)
            ]
            answer = _joined(parts)
        answer = _named(answer, model)
        return _as_frame(answer, data) if isinstance(data, pd.DataFrame) else answer

    return predict


def is_model(native: Any) -> bool:
    """Whether it is a Keras model, and not a SavedModel."""
    return hasattr(native, "predict_on_batch")


def _inputs(model: Any) -> tuple[Input, ...]:
    """What the model says it takes; nothing, if its class is the user's own."""
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, dict) and all(hasattr(one, "shape") for one in structure.values()):
        named = structure
    else:
        named = {one.name: one for one in getattr(model, "inputs", None) or ()}
    return tuple(
        Input(name, tuple(one.shape), _dtype(str(one.dtype))) for name, one in named.items()
    )


def _dtype(name: str) -> np.dtype[Any] | None:
    if name == "string":
        return np.dtype(object)
    try:
        return np.dtype(name)
    except TypeError:
        return None


def _arrays(data: Any, inputs: Sequence[Input]) -> Any:
    """An array, or a dict of them, with the rows first."""
    if inputs:
        return feed(data, inputs)
    if isinstance(data, Mapping):
        return {name: np.asarray(values) for name, values in data.items()}
    return features(data) if isinstance(data, pd.DataFrame) else np.asarray(data)


def _arranged(arrays: Arrays | Any, model: Any) -> Any:
    """The arrays in the structure that the model was made with, so that it need not guess."""
    if not getattr(model, "inputs", None):
        return arrays
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, dict):
        return arrays
    values = list(arrays.values())
    if isinstance(structure, list | tuple):
        flat = all(hasattr(one, "shape") for one in structure)
        return type(structure)(values) if flat else arrays
    return values[0] if len(values) == 1 else arrays


def _batch_rows(arrays: Any, rows: int) -> int:
    listed = arrays.values() if isinstance(arrays, Mapping) else (arrays,)
    row: int = max(1, sum(array.nbytes for array in listed) // max(rows, 1))
    low, high = _BATCH_ROWS
    return min(max(_BATCH_BYTES // row, low), high)


def _part(arrays: Any, start: int, end: int) -> Any:
    if isinstance(arrays, Mapping):
        return {name: array[start:end] for name, array in arrays.items()}
    return arrays[start:end]


def _joined(parts: Sequence[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Mapping):
        return {name: _joined([part[name] for part in parts]) for name in first}
    if isinstance(first, list | tuple):
        return [_joined(each) for each in zip(*parts, strict=True)]
    return np.concatenate(parts)


def _named(answer: Any, model: Any) -> Any:
    if isinstance(answer, Mapping):
        return {str(name): _named(one, None) for name, one in answer.items()}
    if not isinstance(answer, list | tuple):
        return standard(answer)
    names = list(getattr(model, "output_names", None) or ())
    if len(set(names)) != len(answer):
        names = [f"output_{position}" for position in range(len(answer))]
    return {name: _named(one, None) for name, one in zip(names, answer, strict=True)}


def _as_frame(answer: Any, data: pd.DataFrame) -> Any:
    """As MLflow answers a frame: with a frame, where the answer is a table."""
    if isinstance(answer, np.ndarray) and answer.ndim <= 2:
        return pd.DataFrame(answer, index=data.index)
    return answer


def _safe(*calls: Callable[..., Any]) -> list[Callable[..., Any]]:
    """``calls`` for several threads: JAX's trainer keeps what it computes with on the model."""
    import keras

    if keras.backend.backend() in {"tensorflow", "torch"}:
        return list(calls)
    lock = threading.Lock()

    def one_at_a_time(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        with lock:
            return call(*args, **options)

    return [partial(one_at_a_time, call) for call in calls]
