"""Arrays for the named inputs of a network, out of the containers that callers have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.errors import InvalidInputError

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Input:
    """What a network says of one of its inputs."""

    name: str
    shape: tuple[int | None, ...] | None
    """With the rows first; None where any size will do, or in its place where any rank will."""
    dtype: np.dtype[Any] | None
    """None where it is of a type that numpy does not have, or is not known."""


def feed(data: Any, inputs: Sequence[Input]) -> Arrays:
    """``data`` as one array for each of ``inputs``, in their order, in their shapes and dtypes.

    Args:
        data: a frame, whose columns are the inputs if there are several and else the features of
            the one; an array; or a dict of arrays.
        inputs: at least one.

    Raises:
        InvalidInputError: one is missing or of another shape, or its values are of another kind.
    """
    if isinstance(data, Mapping):
        found = {str(name): np.asarray(values) for name, values in data.items()}
        if len(inputs) == 1 and len(found) == 1:  # a name is not needed to tell it
            found = {inputs[0].name: next(iter(found.values()))}
    elif len(inputs) == 1:
        array = features(data) if isinstance(data, pd.DataFrame) else np.asarray(data)
        found = {inputs[0].name: array}
    elif isinstance(data, pd.DataFrame):
        found = {str(name): _column(data[name]) for name in data.columns}
    else:
        found = {}
    problems, fed = [], {}
    for one in inputs:
        if one.name not in found:
            names = ", ".join(repr(each.name) for each in inputs)
            problems.append(f"the input {one.name!r} is missing (the model takes {names} by name)")
            continue
        try:
            fed[one.name] = _fitted(found[one.name], one)
        except ValueError as exc:
            problems.append(f"the input {one.name!r}: {exc}")
    if problems:
        raise InvalidInputError(problems)
    return fed


def features(frame: pd.DataFrame) -> NDArray[Any]:
    """All of a frame as one array, shape ``(rows, columns)``; one column of lists, those stacked.

    Raises:
        InvalidInputError: the lists differ in length.
    """
    return _column(frame.iloc[:, 0]) if _holds_lists(frame) else frame.to_numpy()


def count_of(arrays: Any) -> int:
    """How many rows there are."""
    first = next(iter(arrays.values())) if isinstance(arrays, Mapping) else arrays
    return len(first)


def standard(array: Any) -> Any:
    """``array`` in a dtype of numpy's own: ``bfloat16`` and its like become ``float32``."""
    array = np.asarray(array)
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _holds_lists(frame: pd.DataFrame) -> bool:
    is_one = frame.shape[1] == 1 and len(frame) > 0
    return is_one and isinstance(frame.iloc[0, 0], list | np.ndarray)


def _column(column: pd.Series[Any]) -> NDArray[Any]:
    cells = column.to_numpy()
    if not len(cells) or not isinstance(cells[0], list | np.ndarray):
        return cells
    try:
        return np.stack([np.asarray(cell) for cell in cells])
    except ValueError:
        raise InvalidInputError(f"the lists in column '{column.name}' differ in length") from None


def _fitted(array: NDArray[Any], one: Input) -> NDArray[Any]:
    if one.shape is not None:
        wanted = one.shape
        # A column of single values, and the values themselves, are the same.
        if array.ndim == len(wanted) - 1 and wanted[-1] == 1:
            array = array[..., None]
        elif array.ndim == len(wanted) + 1 and array.shape[-1] == 1:
            array = array[..., 0]
        sizes = zip(wanted[1:], array.shape[1:], strict=False)
        if array.ndim != len(wanted) or any(size not in {None, got} for size, got in sizes):
            raise ValueError(f"expected the shape {(None, *wanted[1:])}, got {array.shape}")
    return array if one.dtype is None else _cast(array, one.dtype)


def _cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values in ``dtype``: rounded for floats, refused if not whole for integers."""
    if array.dtype == dtype:
        return array
    if dtype.kind in "OSU":
        if array.dtype.kind in "OSU":
            return array
        raise ValueError(f"expected text, got {array.dtype}")
    if array.dtype.kind in "SUmM":
        raise ValueError(f"expected {dtype}, got {array.dtype}")
    try:
        with np.errstate(all="ignore"):
            converted = array.astype(dtype)
    except (ValueError, TypeError) as exc:
        raise ValueError(f"expected {dtype}: {exc}") from None
    if dtype.kind in "iub" and not (converted == array).all():
        raise ValueError(f"expected {dtype}, and some values are none")
    return converted
