"""What data comes in: frames, tables, arrays, matrices, dicts and lists, and the columns of each.

Containers of optional packages are recognised by the name of their class, so that nothing has to be
imported to find out that something is not one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.errors import InvalidInputError
from flavorkit.signature.columns import Values, is_missing, object_array, values_of

Kind = Literal[
    "frame", "series", "polars", "arrow", "array", "sparse", "dict", "list", "scalar", "unknown"
]
Columns = dict[Hashable, Values]

_ACCEPTED_AS = {
    "frame": "dataframe",
    "array": "array",
    "sparse": "sparse",
    "dict": "dict",
    "list": "list",
}


def kind_of(data: Any) -> Kind:
    """Which container ``data`` is. Subclasses count as what they derive from."""
    if isinstance(data, pd.DataFrame):
        return "frame"
    if isinstance(data, np.ndarray):
        return "array"
    if isinstance(data, pd.Series):
        return "series"
    if isinstance(data, Mapping):
        return "dict"
    if isinstance(data, list | tuple):
        return "list"
    for cls in type(data).__mro__:
        root = cls.__module__.partition(".")[0]
        if root == "polars" and cls.__name__ in {"DataFrame", "Series", "LazyFrame"}:
            return "polars"
        if root == "pyarrow" and cls.__name__ in {"Table", "RecordBatch"}:
            return "arrow"
        if root == "scipy" and cls.__name__ in {"spmatrix", "sparray"}:
            return "sparse"
    return "scalar" if np.isscalar(data) or data is None or _is_moment(data) else "unknown"


def described(data: Any) -> str:
    """The type of what is no container, with the module of a name that others have too."""
    cls = type(data)
    name = cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"
    return f"{name}; its toPandas() makes a frame" if hasattr(data, "toPandas") else name


def without_tensors(data: Any) -> Any:
    """``data`` with PyTorch's tensors, alone or in a dict, as arrays."""
    if isinstance(data, np.ndarray | pd.DataFrame):
        return data
    if isinstance(data, Mapping):
        if not any(map(_is_tensor, data.values())):
            return data
        return {name: without_tensors(value) for name, value in data.items()}
    return data.detach().cpu().numpy() if _is_tensor(data) else data


def columns_of(data: Any, *, one_row: bool = False) -> Columns:
    """The columns of any container that is not a pandas frame, by name or by position.

    Args:
        data: see :func:`kind_of`; rows of a list are dicts, lists or scalars.
        one_row: whether a dict is one row, with lists in its cells, rather than columns.

    Raises:
        ValueError: ``data`` has no columns, or columns of different lengths, or of the same name.
    """
    match kind_of(data):
        case "frame":
            return {label: values_of(data[label]) for label in data.columns}
        case "series":
            return {0 if data.name is None else data.name: values_of(data)}
        case "polars":
            return _polars_columns(data)
        case "arrow":
            return _arrow_columns(data)
        case "array":
            return _array_columns(data)
        case "sparse":
            return _array_columns(data.toarray())
        case "dict":
            return _dict_columns(data, one_row=one_row)
        case "list":
            return _list_columns(data)
        case "scalar":
            return {0: object_array([data])}
    raise ValueError(
        f"expected a frame, a table, an array, a dict or a list, got {described(data)}"
    )


def to_frame(columns: Mapping[Hashable, Values]) -> pd.DataFrame:
    """A pandas frame of ``columns``, which it may share memory with."""
    arrays = list(columns.values())
    first = arrays[0].dtype if arrays else None
    is_numeric = isinstance(first, np.dtype) and first.kind in "biuf"
    if len(arrays) > 1 and is_numeric and all(array.dtype == first for array in arrays):
        # One block is built in a tenth of the time that one block for each column takes.
        matrix = np.stack(cast(Any, arrays)).T
        return pd.DataFrame(matrix, columns=pd.Index(list(columns)), copy=False)
    return pd.DataFrame(dict(columns), copy=False)


def frame_of(data: Any) -> pd.DataFrame:
    """``data`` as a pandas frame; a frame is returned as it is.

    Raises:
        ValueError: ``data`` has no columns, or columns of different lengths, or of the same name.
    """
    if isinstance(data, pd.DataFrame):
        return data
    columns = columns_of(data)
    check_lengths(columns)
    return to_frame(columns)


def records_of(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The rows of a frame as dicts, without the cells that are missing."""
    names = list(frame.columns)
    columns = [frame.iloc[:, position].tolist() for position in range(len(names))]
    return [
        {name: cell for name, cell in zip(names, row, strict=True) if not is_missing(cell)}
        for row in zip(*columns, strict=True)
    ]


def array_of(data: Any) -> NDArray[Any]:
    """``data`` as an array of shape ``(rows, columns)``; an array is returned as it is.

    Raises:
        ValueError: ``data`` is ragged, or not a container.
    """
    match kind_of(data):
        case "array":
            return cast(NDArray[Any], data)
        case "list" | "scalar":
            return np.array(data)
        case "sparse":
            return np.asarray(data.toarray())
    return frame_of(data).to_numpy()


def adapt(data: Any, accepted: Sequence[str]) -> Any:
    """``data`` in one of the ``accepted`` containers: as it is, or converted to the first of them.

    Args:
        data: see :func:`kind_of`.
        accepted: of "dataframe", "array", "sparse", "dict" and "list"; the first is preferred.

    Raises:
        InvalidInputError: it cannot be converted.
    """
    kind = kind_of(data)
    is_table = kind == "list" and bool(data) and isinstance(data[0], Mapping)
    if _ACCEPTED_AS.get(kind) in accepted and not is_table:
        return data
    if _is_tensor(data):
        return adapt(without_tensors(data), accepted)
    try:
        if accepted[0] == "dataframe":
            return frame_of(data)
        if accepted[0] == "array":
            return array_of(data)
    except ValueError as exc:
        raise InvalidInputError(str(exc)) from None
    raise InvalidInputError(f"the model does not take a {type(data).__name__}")


def repeated(names: Iterable[object]) -> list[str]:
    """The names that stand more than once, as text: to JSON and to CSV, 1 and "1" are the same."""
    return [name for name, count in Counter(map(str, names)).items() if count > 1]


def check_lengths(columns: Mapping[Hashable, Values]) -> None:
    """Refuse columns of different lengths.

    Raises:
        ValueError: the message gives the length of each.
    """
    lengths = {label: len(values) for label, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{label!r} has {length}" for label, length in lengths.items())
        raise ValueError(f"the columns differ in length: {listed}")


def _is_tensor(data: Any) -> bool:
    return any(cls.__module__ == "torch" and cls.__name__ == "Tensor" for cls in type(data).__mro__)


def _is_moment(data: Any) -> bool:
    return hasattr(data, "isoformat") or isinstance(data, np.generic)


def _array_columns(array: NDArray[Any]) -> Columns:
    if array.ndim == 0:
        return {0: array.reshape(1)}
    if array.ndim == 1:
        return {0: array}
    if array.ndim == 2:
        return {position: array[:, position] for position in range(array.shape[1])}
    raise ValueError(f"expected an array of two dimensions, got shape {array.shape}")


def _dict_columns(data: Mapping[Hashable, Any], *, one_row: bool) -> Columns:
    if one_row or not any(_is_listlike(value) for value in data.values()):
        return {label: object_array([value]) for label, value in data.items()}
    columns: Columns = {}
    for label, value in data.items():
        if not _is_listlike(value):
            columns[label] = object_array([value])
        elif isinstance(value, np.ndarray) and value.ndim == 1:
            columns[label] = value
        elif isinstance(value, pd.Series):
            columns[label] = values_of(value)
        else:
            columns[label] = object_array(list(value))
    return columns


def _is_listlike(value: Any) -> bool:
    return isinstance(value, list | tuple | pd.Series) or (
        isinstance(value, np.ndarray) and value.ndim > 0
    )


def _list_columns(rows: Sequence[Any]) -> Columns:
    if rows and all(isinstance(row, Mapping) for row in rows):
        labels = dict.fromkeys(label for row in rows for label in row)
        return {label: object_array([row.get(label) for row in rows]) for label in labels}
    if rows and all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        try:
            return {
                position: object_array(values)
                for position, values in enumerate(zip(*rows, strict=True))
            }
        except ValueError:
            raise ValueError("the rows differ in length") from None
    return {0: object_array(rows)}


def _arrow_columns(table: Any) -> Columns:
    if twice := repeated(table.schema.names):
        raise ValueError(f"the table has more than one column named {', '.join(map(repr, twice))}")
    return {
        name: cast(Values, pd.arrays.ArrowExtensionArray(table.column(position)))
        for position, name in enumerate(table.schema.names)
    }


def _polars_columns(data: Any) -> Columns:
    if type(data).__name__ == "LazyFrame":
        data = data.collect()
    series = [data] if type(data).__name__ == "Series" else data.get_columns()
    return {one.name or position: _polars_values(one) for position, one in enumerate(series)}


def _polars_values(series: Any) -> Values:
    dtype = series.dtype
    name = str(dtype.base_type())
    if name == "Datetime":
        if dtype.time_zone is not None:
            return cast(Values, pd.Series(series.to_list()).array)
        return cast(Values, series.to_numpy())
    if name in {"Date", "Float32", "Float64"} or (
        not series.null_count() and (dtype.is_integer() or name == "Boolean")
    ):
        return cast(Values, series.to_numpy())
    if dtype.is_integer():
        return cast(Values, pd.array(series.to_list(), dtype=name))
    if name == "Boolean":
        return cast(Values, pd.array(series.to_list(), dtype="boolean"))
    return object_array(series.to_list())
