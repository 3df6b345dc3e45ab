"""JSON requests to model inputs, by a decoder compiled from the signature once for each model.

The forms are those of MLflow's scoring server: ``dataframe_split``, ``dataframe_records``,
``instances`` and ``inputs``, with ``params`` beside one of them. Values go into arrays of the
declared type in one step; there is no frame in between whose guesses would have to be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flavorkit.errors import InvalidInputError, RequestError
from flavorkit.signature import params, tensors, wire
from flavorkit.signature.columns import Values, object_array
from flavorkit.signature.doubles import doubles
from flavorkit.signature.enforce import ColumnEnforcer, TensorEnforcer, row_wanted
from flavorkit.signature.model_signature import ModelSignature
from flavorkit.signature.nested import convert_cell
from flavorkit.signature.schema import ColSpec, Schema
from flavorkit.signature.types import AnyType, DataType

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
Columns = Mapping[Hashable, Any]

MAX_HOLES = 1_000_000
"""How many cells a table of records may have beyond those that were sent."""


class Decoder:
    """Turns the parsed JSON of a request into what the model is called with.

    Args:
        signature: the model's; None or one without inputs leaves the types to the values.
        checks_itself: whether the model checks and converts lists of plain values itself.
        as_matrix: whether the model wants columns of numbers of one type as one array.
    """

    def __init__(
        self,
        signature: ModelSignature | None,
        *,
        checks_itself: bool = False,
        as_matrix: bool = False,
    ) -> None:
        inputs = signature.inputs if signature else None
        self._params = signature.params if signature else None
        self._decode = _decode_plain if checks_itself else _for_schema(inputs, as_matrix)

    def __call__(self, payload: Any) -> tuple[Any, dict[str, Any]]:
        """The data, already as the signature describes it, and the parameters.

        Raises:
            RequestError: the request has none or several of the forms, or a malformed one.
            InvalidInputError: the data or a parameter does not fit the signature.
        """
        form, value = _form_of(payload)
        given = payload.get("params")
        if given is not None and not isinstance(given, dict):
            raise RequestError('"params" must be an object of names and values')
        return self._decode(form, value), params.enforce(given, self._params)


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _form_of(payload: Any) -> tuple[str, Any]:
    wanted = f"an object with exactly one of {', '.join(FORMATS)}"
    if not isinstance(payload, dict):
        kind = {list: "a list", str: "a string", type(None): "null"}.get(type(payload), "a value")
        raise RequestError(f"the body must be {wanted}; it is {kind}")
    found = [form for form in FORMATS if form in payload]
    if len(found) != 1:
        what = " and ".join(found) if found else f"the keys {sorted(payload)[:20]}"
        raise RequestError(f"the body must be {wanted}; it has {what}")
    return found[0], payload[found[0]]


def _for_schema(schema: Schema | None, as_matrix: bool) -> Callable[[str, Any], Any]:
    if schema is None:
        return _decode_untyped
    if schema.is_tensor_spec():
        return _TensorDecoder(schema)
    if as_matrix and _is_matrix(schema):
        return _MatrixDecoder(schema)
    return _ColumnDecoder(schema)


_NUMBERS = {DataType.double, DataType.float, DataType.long, DataType.integer}


def _is_matrix(schema: Schema) -> bool:
    """Whether all columns are there in any case, as numbers of one type."""
    kinds = {spec.type for spec in schema}
    return (
        len(kinds) == 1 and next(iter(kinds)) in _NUMBERS and all(spec.required for spec in schema)
    )


class _ColumnDecoder:
    """Decodes into a frame of the columns of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._enforcer = ColumnEnforcer(schema)
        self._names = self._enforcer.names
        self._is_all_double = all(spec.type is DataType.double for spec in schema)
        self._labels = pd.Index(self._names)
        # Of one column that holds lists, a list is one cell.
        self._takes_rows = len(self._names) > 1 or isinstance(schema.inputs[0].type, DataType)

    def __call__(self, form: str, value: Any) -> pd.DataFrame:
        decoded = self.matrix_or_frame(form, value)
        if isinstance(decoded, pd.DataFrame):
            return decoded
        return pd.DataFrame(decoded, columns=self._labels, copy=False)

    def matrix_or_frame(self, form: str, value: Any) -> NDArray[Any] | pd.DataFrame:
        """The values alone, where they are numbers in rows of which nothing has to be looked up."""
        if form == "dataframe_split":
            return self._split(value)
        if self._is_all_double and form != "dataframe_records" and isinstance(value, list):
            matrix = self._matrix(value)
            if matrix is not None:
                return matrix
        columns = _records(value) if form == "dataframe_records" else self._unframed(form, value)
        as_text = form in {"inputs", "instances"}
        return self._enforcer.build(columns, _text_column if as_text else _column, warn=False)

    def _split(self, value: Any) -> NDArray[Any] | pd.DataFrame:
        names, rows, index = _split_parts(value)
        if self._is_all_double and names in (None, self._names) and rows and index is None:
            matrix = self._matrix(rows)
            if matrix is not None:
                return matrix
        columns = _transposed(names, rows)
        frame = self._enforcer.build(columns, _column, warn=False)
        return frame if index is None else _with_index(frame, index)

    def _matrix(self, rows: list[Any]) -> NDArray[Any] | None:
        """Rows of nothing but numbers and null, in one step; None where it takes a closer look."""
        width = len(self._names)
        try:
            if set(map(len, rows)) != {width}:
                return None
        except TypeError:  # a row that is a number, or null
            return None
        cells = tuple(chain.from_iterable(rows))
        matrix = doubles(cells)
        if matrix is None:
            if not set(map(type, cells)) <= {float, int, type(None)}:
                return None
            matrix = np.array(cells, dtype=np.float64)
        return matrix.reshape(len(rows), width)

    def _unframed(self, form: str, value: Any) -> Columns:
        if self._enforcer.is_one_list and isinstance(value, list):
            return {0: value}
        if isinstance(value, dict):
            if self._enforcer.dict_is_one_row:
                return {name: [cell] for name, cell in value.items()}
            return {
                name: cells if isinstance(cells, list) else [cells] for name, cells in value.items()
            }
        if value and _is_list_of(dict, value):
            return _records(value)
        if self._takes_rows and value and _is_list_of(list, value):
            return _transposed(None, value)
        cells = value if isinstance(value, list) else [value]
        if len(self._names) > 1 and self._enforcer.is_named:
            what = "holds values without names" if cells else "is empty"
            raise InvalidInputError(f'"{form}" {what}; {row_wanted(self._names)}')
        return {0: cells}


class _MatrixDecoder:
    """Decodes into the values of the frame that a schema describes, as one array."""

    def __init__(self, schema: Schema) -> None:
        self._columns = _ColumnDecoder(schema)
        (self._dtype,) = {spec.type.dtype for spec in schema if isinstance(spec.type, DataType)}

    def __call__(self, form: str, value: Any) -> NDArray[Any]:
        frame = self._columns.matrix_or_frame(form, value)
        if isinstance(frame, np.ndarray):
            return frame
        return frame.to_numpy(dtype=self._dtype)


class _TensorDecoder:
    """Decodes into the tensors of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._enforcer = TensorEnforcer(schema)
        self._specs = self._enforcer.specs

    def __call__(self, form: str, value: Any) -> Any:
        if form.startswith("dataframe_"):
            columns = _records(value) if form == "dataframe_records" else _split_columns(value)
            return self._from_columns(columns)
        if value and _is_list_of(dict, value):
            value = _records(value)
        if isinstance(value, dict):
            return self._named(value)
        if len(self._specs) > 1:
            names = ", ".join(repr(spec.name) for spec in self._specs)
            raise InvalidInputError(f'"{form}" must name the tensors {names}')
        return self._named({self._specs[0].name: value})

    def _named(self, arrays: Mapping[Any, Any]) -> Any:
        if self._enforcer.is_named:
            return self._enforcer.build(arrays, _tensor)
        if len(arrays) != 1:
            raise InvalidInputError("the model takes one tensor without a name, not several")
        try:
            return _tensor(next(iter(arrays.values())), self._specs[0])
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from None

    def _from_columns(self, columns: Columns) -> Any:
        if self._enforcer.is_named:
            return self._enforcer.build(columns, _tensor_of_column)
        if len(columns) == 1:
            ((_, cells),) = columns.items()
            try:
                return _tensor_of_column(cells, self._specs[0])
            except ValueError as exc:
                raise InvalidInputError(str(exc)) from None
        return self._named({None: list(map(list, zip(*columns.values(), strict=True)))})


def _decode_plain(form: str, value: Any) -> Any:
    if form in {"inputs", "instances"} and isinstance(value, list):
        return value
    return _decode_untyped(form, value)


def _decode_untyped(form: str, value: Any) -> Any:
    """Data for a model without a signature: the types are those that numpy and pandas see."""
    try:
        if form == "dataframe_split":
            names, rows, index = _split_parts(value)
            return pd.DataFrame(_transposed(names, rows), index=index)
        if form == "dataframe_records":
            return _untyped_rows(_rows_of_records(value))
        if isinstance(value, dict):
            return {name: np.array(cells) for name, cells in value.items()}
        if value and _is_list_of(dict, value):
            return _untyped_rows(value)
        return np.array(value)
    except (ValueError, TypeError) as exc:
        raise RequestError(f'"{form}" is not a table: {exc}') from None


def _untyped_rows(rows: list[dict[str, Any]]) -> pd.DataFrame:
    _check_area(rows, len(set(chain.from_iterable(rows))))
    return pd.DataFrame(rows)


def _split_parts(value: Any) -> tuple[list[Any] | None, list[Any], list[Any] | None]:
    if not isinstance(value, dict):
        raise RequestError('"dataframe_split" must be an object with "data" and "columns"')
    unknown = value.keys() - {"columns", "data", "index"}
    if "data" not in value or unknown:
        raise RequestError(
            '"dataframe_split" must have "data", may have "columns" and "index", and nothing else;'
            f" it has {sorted(value)[:20]}"
        )
    names, rows, index = value.get("columns"), value["data"], value.get("index")
    for key, part in (("columns", names), ("data", rows), ("index", index)):
        if part is not None and not isinstance(part, list):
            raise RequestError(f'"{key}" of "dataframe_split" must be a list')
    if not isinstance(rows, list):
        raise RequestError('"data" of "dataframe_split" must be a list of rows')
    if names is not None and not all(isinstance(name, str | int) for name in names):
        raise RequestError('"columns" of "dataframe_split" must be a list of names')
    if names is not None and len(set(map(str, names))) < len(names):
        raise RequestError('"columns" of "dataframe_split" has a name twice')
    if index is not None and len(index) != len(rows):
        raise RequestError(f'"index" has {len(index)} values for {len(rows)} rows')
    return names, rows, index


def _split_columns(value: Any) -> Columns:
    names, rows, _ = _split_parts(value)
    return _transposed(names, rows)


def _transposed(names: list[Any] | None, rows: list[Any]) -> dict[Any, Any]:
    """The columns of rows that are lists of one length; of one column the cells may stand bare."""
    if rows and list not in set(map(type, rows)):
        rows = [[cell] for cell in rows]
    if not all(isinstance(row, list) for row in rows):
        raise RequestError("some rows are lists, others are not")
    widths = set(map(len, rows))
    width = len(names) if names is not None else len(rows[0]) if rows else 0
    if widths - {width}:
        row = next(row for row, cells in enumerate(rows) if len(cells) != width)
        raise RequestError(f"row {row} has {len(rows[row])} values, expected {width}")
    labels = names if names is not None else list(range(width))
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in labels)
    return dict(zip(labels, columns, strict=True))


def _rows_of_records(value: Any) -> list[dict[str, Any]]:
    if not _is_list_of(dict, value):
        raise RequestError('"dataframe_records" must be a list of objects')
    rows: list[dict[str, Any]] = value
    return rows


def _records(value: Any) -> Columns:
    """The columns of rows that are objects; a key that a row lacks is null there."""
    rows = _rows_of_records(value)
    names = dict.fromkeys(chain.from_iterable(rows))
    _check_area(rows, len(names))
    return {name: [row.get(name) for row in rows] for name in names}


def _check_area(rows: list[dict[str, Any]], width: int) -> None:
    """Refuse rows of which each has other keys: the table of all of them is mostly holes."""
    cells = len(rows) * width
    if cells > MAX_HOLES and cells > MAX_HOLES + 10 * sum(map(len, rows)):
        raise RequestError(
            f"{len(rows)} rows of {width} different keys make a table of {cells} cells, most of"
            " them empty; send rows that have the model's columns"
        )


def _with_index(frame: pd.DataFrame, index: list[Any]) -> pd.DataFrame:
    try:
        return frame.set_axis(pd.Index(index))
    except (ValueError, TypeError) as exc:
        raise RequestError(f'"index": {exc}') from None


def _column(cells: list[Any], spec: ColSpec) -> Values:
    kind = spec.type
    if isinstance(kind, DataType):
        return wire.convert(cells, kind, nullable=not spec.required)
    if isinstance(kind, AnyType):
        return object_array(cells)
    converted = []
    for row, cell in enumerate(cells):
        try:
            converted.append(convert_cell(cell, kind, required=spec.required, from_json=True))
        except ValueError as exc:
            raise ValueError(f"row {row}: {exc}") from None
    return object_array(converted)


def _text_column(cells: list[Any], spec: ColSpec) -> Values:
    """As :func:`_column`; numbers become text where text is declared, as numpy makes them."""
    if spec.type is DataType.string:
        cells = [
            cell if cell is None or isinstance(cell, list | dict) else str(cell) for cell in cells
        ]
    return _column(cells, spec)


def _tensor(value: Any, spec: Any) -> Any:
    return tensors.convert(tensors.from_values(value, spec), spec)


def _tensor_of_column(cells: Any, spec: Any) -> Any:
    return tensors.convert(tensors.from_cells(cells, spec), spec)
