"""One tensor: its shape and dtype against a spec."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.signature.columns import check_integers
from flavorkit.signature.doubles import doubles
from flavorkit.signature.schema import TensorSpec


def convert(array: Any, spec: TensorSpec) -> Any:
    """``array`` in the dtype of ``spec``, if its shape fits and no value changes by it.

    Args:
        array: an array or a sparse matrix; anything else is made an array first.
        spec: the shape and dtype to have.

    Raises:
        ValueError: the shape is another, or a value would change.
    """
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        array = from_values(array, spec)
    if _is_ragged(array, spec):
        return array
    _check_shape(array.shape, spec)
    if isinstance(array, np.ndarray):
        return _cast(array, spec.type)
    return array if array.dtype == spec.type else _cast_sparse(array, spec.type)


def from_values(values: Any, spec: TensorSpec) -> NDArray[Any]:
    """An array of the dtype of ``spec`` out of nested lists of plain values.

    For floats, numbers are rounded to the precision of the dtype, as decimal numbers are; for
    integers nothing is.

    Raises:
        ValueError: the lists are ragged, or a value is of another type.
    """
    dtype = spec.type
    if dtype.kind == "O":
        return np.array(values, dtype=object)
    if dtype.kind == "f":
        quickly = _numbers(values, dtype)
        if quickly is not None:
            return quickly
    leaves = _leaf_types(values)
    if dtype.kind in "biufc" and bool in leaves and (dtype.kind != "b" or leaves != {bool}):
        raise ValueError(f"expected {dtype}, got true or false among the values")
    if dtype.kind in "SU" and type(None) in leaves:
        raise ValueError(f"expected {_name(dtype)}, got null among the values")
    try:
        if dtype.kind in "iub" and leaves not in ({int}, {bool}):
            numbers = np.array(values, dtype=np.float64)
            check_integers(_leaves(values), numbers.ravel())
            return _cast(numbers, dtype)
        if dtype.kind == "S":
            return np.char.encode(np.array(values, dtype=str), "utf-8")
        with np.errstate(over="raise"):
            array: NDArray[Any] = np.array(values, dtype=dtype)
    except (ValueError, TypeError, OverflowError, FloatingPointError) as exc:
        raise ValueError(f"expected {dtype}: {exc}") from None
    return array


def from_column(column: pd.Series[Any], spec: TensorSpec) -> NDArray[Any]:
    """A tensor out of a frame's column, whose cells are scalars, lists or arrays of one row each.

    Raises:
        ValueError: the cells do not make up the shape of ``spec``.
    """
    fixed = spec.shape[1:]
    if spec.shape[0] != -1 or -1 in fixed:
        raise ValueError(f"a column cannot become a tensor of shape {spec.shape}")
    cells = column.tolist()
    if not cells or not isinstance(cells[0], list | np.ndarray):
        array = column.to_numpy()
        return array.reshape(len(cells), *fixed) if fixed in {(), (1,)} else array
    try:
        rows = [
            np.asarray(cell) if isinstance(cell, np.ndarray) else from_values(cell, spec)
            for cell in cells
        ]
        return np.stack(rows).reshape(len(cells), *fixed)
    except ValueError as exc:
        raise ValueError(f"its cells do not make up the shape {spec.shape}: {exc}") from None


def from_cells(cells: list[Any], spec: TensorSpec) -> NDArray[Any]:
    """A tensor out of JSON cells, each of which is one row: a scalar, or a list of any shape.

    Raises:
        ValueError: the cells do not make up the shape of ``spec``, or a value is of another type.
    """
    array = from_values(cells, spec)
    fixed = spec.shape[1:]
    if -1 in fixed or array.size != len(cells) * int(np.prod(fixed)):
        return array  # whose shape will be compared with the spec's
    return array.reshape(len(cells), *fixed)


def _numbers(values: Any, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Regular lists of nothing but numbers as an array; None where it takes a closer look."""
    level: tuple[Any, ...] = (values,)
    shape: tuple[int, ...] = ()
    while level and isinstance(level[0], list | tuple):
        if not set(map(type, level)) <= {list, tuple} or len(set(map(len, level))) != 1:
            return None
        shape = (*shape, len(level[0]))
        level = tuple(chain.from_iterable(level))
    numbers = doubles(level)
    if numbers is None:
        return None
    try:
        with np.errstate(over="raise"):
            return numbers.astype(dtype, copy=False).reshape(shape)
    except FloatingPointError as exc:
        raise ValueError(f"expected {dtype}: {exc}") from None


def _is_ragged(array: Any, spec: TensorSpec) -> bool:
    if spec.type.kind == "O" and spec.shape == (-1,):
        return True
    return array.dtype == object and len(array.shape) == 1 and -1 in spec.shape[1:]


def _check_shape(shape: tuple[int, ...], spec: TensorSpec) -> None:
    if len(shape) != len(spec.shape) or any(
        expected not in {-1, actual} for expected, actual in zip(spec.shape, shape, strict=True)
    ):
        raise ValueError(f"expected the shape {spec.shape}, got {tuple(shape)}")


def _cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if array.dtype == dtype or (dtype.kind in "SU" and array.dtype.kind == dtype.kind):
        return array
    if not _is_castable(array, dtype):
        raise ValueError(f"expected {dtype}, got {array.dtype}")
    with np.errstate(all="ignore"):
        converted = array.astype(dtype)
        real = converted.real if dtype.kind == "c" and array.dtype.kind != "c" else converted
        back = real.astype(array.dtype)
    if dtype.kind in "iu" and array.dtype.kind in "iu" and array.size:
        # The bits of -1 and of the largest unsigned number are the same, and survive both ways.
        limits, low, high = np.iinfo(dtype), int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            worst = low if low < limits.min else high
            raise ValueError(f"expected {dtype}, {worst} is out of its range")
    if dtype.kind not in "SUO":
        same = (back == array) | ((back != back) & (array != array))  # noqa: PLR0124 - NaN
        if not same.all():
            first = np.flatnonzero(~same)[0]
            may_round = dtype.kind == array.dtype.kind == "f" and np.isfinite(converted.flat[first])
            hint = f"; round with .astype('{dtype}') if that is meant" if may_round else ""
            raise ValueError(
                f"expected {dtype}, which cannot hold {array.flat[first]} exactly{hint}"
            )
    return converted


def _is_castable(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "O":
        return True
    if array.dtype.kind == "O":
        if dtype.kind == "U":
            return all(isinstance(value, str) for value in array.flat)
        return dtype.kind == "S" and all(isinstance(value, bytes) for value in array.flat)
    numbers = "iufc"
    return (
        (array.dtype.kind in numbers and dtype.kind in numbers)
        or (array.dtype.kind == "M" and dtype.kind == "M")
        or (array.dtype.kind in numbers and dtype.kind == "b")
    )


def _name(dtype: np.dtype[Any]) -> str:
    return {"U": "text", "S": "bytes"}.get(dtype.kind, str(dtype))


def _cast_sparse(matrix: Any, dtype: np.dtype[Any]) -> Any:
    _cast(matrix.data, dtype)
    return matrix.astype(dtype)


def _leaves(values: Any) -> list[Any]:
    """The scalars inside nested lists, in order."""
    level: list[Any] = values if isinstance(values, list) else [values]
    while any(isinstance(value, list | tuple) for value in level):
        level = list(chain.from_iterable(v if isinstance(v, list | tuple) else (v,) for v in level))
    return level


def _leaf_types(values: Any) -> set[type]:
    """The types of the scalars inside nested lists."""
    level: Any = values if isinstance(values, list | tuple) else [values]
    types = set(map(type, level))
    while types & {list, tuple}:
        level = list(chain.from_iterable(v if isinstance(v, list | tuple) else (v,) for v in level))
        types = set(map(type, level))
    return types
