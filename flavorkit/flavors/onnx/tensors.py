"""What goes into an ONNX graph and comes out of it: names, types, and data in their form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.signature import ModelSignature, Schema, TensorSpec, tensors

_DTYPES = {
    "bool": "bool",
    "double": "float64",
    "float": "float32",
    "float16": "float16",
    "string": "str",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True)
class Port:
    """An input or output of a graph."""

    name: str
    spec: TensorSpec | None
    """Its dtype and shape; None for what is no tensor of a known shape."""

    @classmethod
    def of(cls, node: Any) -> Port:
        """The port that onnxruntime's ``NodeArg`` describes."""
        kind = node.type.removeprefix("tensor(").removesuffix(")")
        # A scalar and a tensor of unknown shape look alike.
        if kind not in _DTYPES or not node.shape:
            return cls(node.name, None)
        shape = [size if isinstance(size, int) and size >= 0 else -1 for size in node.shape]
        return cls(node.name, TensorSpec(_DTYPES[kind], shape, node.name))


def ports(session: Any) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and the outputs of an onnxruntime session."""
    given, made = session.get_inputs(), session.get_outputs()
    return tuple(map(Port.of, given)), tuple(map(Port.of, made))


def signature(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> ModelSignature | None:
    """What a graph says that it takes and gives, in a form that frames and JSON fit into.

    Inputs of less precision are declared as float64, which is what frames hold and JSON is read
    into; :func:`feed` rounds. A single input has no name, so that any frame, array or list of its
    width fits. None if an input is no tensor of a known shape.
    """
    taken = [port.spec for port in inputs]
    given = [port.spec for port in outputs]
    if not taken or None in taken:
        return None
    wide = [
        TensorSpec(
            "float64" if spec.type.kind == "f" else spec.type,
            spec.shape,
            spec.name if len(taken) > 1 else None,
        )
        for spec in cast(list[TensorSpec], taken)
    ]
    known = None if None in given else Schema(cast(list[TensorSpec], given))
    return ModelSignature(inputs=Schema(wide), outputs=known)


def feed(data: Any, inputs: tuple[Port, ...]) -> dict[str, Any]:
    """``data`` as the graph's tensors, by their names.

    Args:
        data: a dict of arrays by the names of the inputs; an array, for the only input; or a frame:
            its values for the only input, else a column for each.
        inputs: those of the graph.

    Raises:
        InvalidInputError: an input is missing, or its values do not fit.
    """
    named = _by_name(data, inputs)
    problems, fed = [], {}
    for port in inputs:
        if port.name not in named:
            names = ", ".join(repr(one.name) for one in inputs)
            problems.append(f"input {port.name!r} is missing (the model takes {names})")
            continue
        try:
            fed[port.name] = _fitting(named[port.name], port.spec)
        except (ValueError, TypeError, OverflowError, FloatingPointError) as exc:
            problems.append(f"input {port.name!r}: {exc}")
    if problems:
        raise InvalidInputError(problems)
    return fed


def answer(made: list[Any], outputs: tuple[Port, ...], data: Any) -> Any:
    """What a graph has made of ``data``: a frame for a frame, else a dict, by the outputs' names.

    A cell of the frame is a number, text, or all that an output has for the row, as a list or dict.
    Outputs of different lengths do not make a frame, and come as a dict.
    """
    named = {port.name: one for port, one in zip(outputs, made, strict=True)}
    if not isinstance(data, pd.DataFrame):
        return named
    columns = {name: _cells(one, len(data)) for name, one in named.items()}
    return pd.DataFrame(columns) if len(set(map(len, columns.values()))) == 1 else named


def _by_name(data: Any, inputs: tuple[Port, ...]) -> Mapping[Any, Any]:
    if isinstance(data, Mapping):
        return data
    if isinstance(data, pd.DataFrame):
        if len(inputs) > 1:
            return {
                port.name: _of_column(data[port.name], port.spec)
                for port in inputs
                if port.name in data.columns
            }
        if data.shape[1] == 1:
            return {inputs[0].name: _of_column(data.iloc[:, 0], inputs[0].spec)}
        return {inputs[0].name: data.to_numpy()}
    if len(inputs) > 1:
        names = ", ".join(repr(port.name) for port in inputs)
        raise InvalidInputError(
            f"the model takes several inputs ({names}): pass a dict of arrays, or a frame with a"
            " column for each"
        )
    return {inputs[0].name: data}


def _of_column(column: Any, spec: TensorSpec | None) -> Any:
    cells = column.tolist()
    if cells and isinstance(cells[0], list | np.ndarray):
        return cells
    values = column.to_numpy()
    return values.reshape(-1, 1) if spec is not None and len(spec.shape) == 2 else values


def _fitting(value: Any, spec: TensorSpec | None) -> Any:
    """``value`` in the dtype and shape of ``spec``; floats are rounded, other numbers never."""
    if spec is None:
        return value
    if spec.type.kind == "U":
        return _texts(value)
    if not hasattr(value, "dtype") or value.dtype.kind == "O":
        value = tensors.from_values(np.asarray(value, dtype=object).tolist(), spec)
    if spec.type.kind == "f" and value.dtype.kind in "iuf":
        with np.errstate(over="raise"):
            value = value.astype(spec.type)
    return tensors.convert(value, spec)


def _texts(value: Any) -> Any:
    """An array of Python's own strings: of others onnxruntime makes text as ``str`` does."""
    array = np.asarray(value, dtype=object)
    for cell in array.flat:
        if not isinstance(cell, str):
            raise ValueError(f"expected text, got {str(cell)[:100]!r}, a {type(cell).__name__}")
    return array


def _cells(made: Any, rows: int) -> Any:
    if not isinstance(made, np.ndarray):
        return pd.Series(list(made), dtype=object) if isinstance(made, list) else [made]
    if made.ndim > 1 and len(made) == rows and made.size != rows:
        return pd.Series(made.tolist(), dtype=object)
    return made.reshape(-1)
