"""Bring data into the form a schema describes, or say everything that is wrong with it.

A schema is compiled once for each model; calling the result is what happens at each prediction.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.signature import columns as scalar_columns
from flavorkit.signature import containers, tensors
from flavorkit.signature.columns import Values, object_array, values_of
from flavorkit.signature.nested import convert_cell
from flavorkit.signature.schema import ColSpec, Schema, TensorSpec
from flavorkit.signature.types import AnyType, Array, DataType, Object

_SHOWN_NAMES = 20


def enforce(data: Any, schema: Schema) -> Any:
    """Return ``data`` as ``schema`` describes it, converting only what loses nothing.

    Args:
        data: a pandas or polars frame, an Arrow table, an array, a sparse matrix, a dict of arrays,
            a list, or one value.
        schema: columns or tensors.

    Returns:
        A pandas frame for columns; for tensors an array, a sparse matrix, or a dict of arrays.

    Raises:
        InvalidInputError: an input is missing or of the wrong type, or a value would change. The
            message lists every input at fault, not the first.
    """
    return compile_schema(schema)(data)


def compile_schema(schema: Schema) -> Callable[[Any], Any]:
    """:func:`enforce` for one schema, with all that depends on the schema alone worked out."""
    return TensorEnforcer(schema) if schema.is_tensor_spec() else ColumnEnforcer(schema)


class ColumnEnforcer:
    """Enforces a schema of columns; the result is always a pandas frame."""

    def __init__(self, schema: Schema) -> None:
        self.specs: tuple[ColSpec, ...] = schema.inputs
        self.names = schema.input_names()
        self.is_named = schema.has_input_names()
        self.dict_is_one_row = any(isinstance(spec.type, Array | Object) for spec in self.specs)
        self.is_one_list = not self.is_named and not isinstance(self.specs[0].type, DataType)
        self._known = set(self.names)
        self._settled = [_settled_dtypes(spec) for spec in self.specs]

    def __call__(self, data: Any) -> pd.DataFrame:
        """Return ``data`` as a frame of the schema's columns, in the schema's order."""
        if isinstance(data, pd.DataFrame):
            if not self.is_one_list or data.columns.equals(pd.RangeIndex(1)):
                return self._frame(data)
            data = containers.records_of(data)
        try:
            if self.is_one_list and isinstance(data, list):
                columns: containers.Columns = {0: object_array(list(map(_plain, data)))}
            else:
                columns = containers.columns_of(data, one_row=self.dict_is_one_row)
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from None
        index = data.index if isinstance(data, pd.Series) else None
        frame = self.build(columns, _convert_column)
        return frame if index is None else frame.set_axis(index)

    def build(
        self,
        columns: Mapping[Hashable, Any],
        convert: Callable[[Any, ColSpec], Values],
        *,
        warn: bool = True,
    ) -> pd.DataFrame:
        """A frame of the schema's columns, each made by ``convert`` from what ``columns`` has."""
        converted = self._convert(columns, convert, warn=warn)
        try:
            containers.check_lengths(converted)
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from None
        return containers.to_frame(converted)

    def _frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        labels = frame.columns.tolist()
        if labels == self.names and all(
            dtype in settled
            for dtype, settled in zip(frame.dtypes.tolist(), self._settled, strict=True)
        ):
            return frame
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        if twice:
            raise InvalidInputError(f"the frame has more than one column named {_listed(twice)}")
        columns = _FrameColumns(frame, labels)
        converted = self._convert(columns, _convert_column, warn=True)
        return pd.DataFrame(converted, index=frame.index, copy=False)

    def _convert(
        self,
        columns: Mapping[Hashable, Any],
        convert: Callable[[Any, ColSpec], Values],
        *,
        warn: bool,
    ) -> dict[Hashable, Values]:
        found, problems = self._find(list(columns), warn=warn)
        converted: dict[Hashable, Values] = {}
        for label, spec in found:
            try:
                converted[label if spec.name is None else spec.name] = convert(columns[label], spec)
            except ValueError as exc:
                problems.append(f"column {label if spec.name is None else spec.name!r}: {exc}")
        if problems:
            raise InvalidInputError(problems)
        return converted

    def _find(
        self, labels: list[Hashable], *, warn: bool
    ) -> tuple[Sequence[tuple[Hashable, ColSpec]], list[str]]:
        """Which of ``labels`` is which column of the schema, and what is missing."""
        if not self.is_named:
            if len(labels) < len(self.specs):
                return [], [f"expected {len(self.specs)} columns, got {len(labels)}"]
            return list(zip(labels, self.specs, strict=False)), []
        present = set(labels)
        if labels == list(range(len(self.specs))) and not present & self._known:
            return list(zip(labels, self.specs, strict=True)), []  # values without names
        found = [(n, s) for n, s in zip(self.names, self.specs, strict=True) if n in present]
        missing = [
            name
            for name, spec in zip(self.names, self.specs, strict=True)
            if spec.required and name not in present
        ]
        extra = [label for label in labels if label not in self._known]
        if missing:
            return found, self._missing_problems(missing, labels)
        if extra and not found:
            return [], [f"none of the model's columns {_listed(self.names)} is in the data"]
        if extra and warn:
            warnings.warn(
                f"the columns {_listed(extra)} are not in the model's signature and were ignored",
                stacklevel=7,
            )
        return found, []

    def _missing_problems(
        self, missing: Sequence[Hashable], labels: Sequence[Hashable]
    ) -> list[str]:
        takes = f"the model takes the columns {_listed(self.names)}"
        if labels == list(range(len(labels))):
            if not labels:
                return [f"the data is nothing, no rows; {takes}"]
            return [
                f"the data is values without names, {len(labels)} in each row;"
                f" {row_wanted(self.names)}"
            ]
        extra = [str(label) for label in labels if label not in self._known][:_SHOWN_NAMES]
        problems = []
        for name in missing:
            close = difflib.get_close_matches(str(name), extra, n=1)
            hint = f" (there is {close[0]!r}, which the model does not know)" if close else ""
            problems.append(f"column {name!r} is missing{hint}")
        unknown = f" and does not know {_listed(extra)}" if extra else ""
        return [*problems, f"{takes}{unknown}"]


class TensorEnforcer:
    """Enforces a schema of tensors: one array, or a dict of named ones."""

    def __init__(self, schema: Schema) -> None:
        self.specs: tuple[TensorSpec, ...] = schema.inputs
        self.is_named = schema.has_input_names()

    def __call__(self, data: Any) -> Any:
        """Return ``data`` in the shapes and dtypes of the schema."""
        try:
            if not self.is_named:
                return tensors.convert(_single(data, self.specs[0]), self.specs[0])
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from None
        return self.build(_named(data, self.specs), tensors.convert)

    def build(
        self, arrays: Mapping[Any, Any], convert: Callable[[Any, TensorSpec], Any]
    ) -> dict[str, Any]:
        """The named tensors, each made by ``convert`` from what ``arrays`` has."""
        converted, problems = {}, []
        for spec in self.specs:
            name = str(spec.name)
            if name not in arrays:
                names = _listed([one.name for one in self.specs])
                problems.append(f"tensor {name!r} is missing (the model takes {names})")
                continue
            try:
                converted[name] = convert(arrays[name], spec)
            except ValueError as exc:
                problems.append(f"tensor {name!r}: {exc}")
        if problems:
            raise InvalidInputError(problems)
        return converted


class _FrameColumns(Mapping[Hashable, Values]):
    """The columns of a frame as arrays, taken out one at a time."""

    def __init__(self, frame: pd.DataFrame, labels: Sequence[Hashable]) -> None:
        self._frame, self._labels = frame, labels

    def __getitem__(self, label: Hashable) -> Values:
        return values_of(self._frame[label])

    def __iter__(self) -> Any:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)


def _convert_column(values: Values, spec: ColSpec) -> Values:
    kind = spec.type
    if isinstance(kind, DataType):
        return scalar_columns.convert(values, kind, nullable=not spec.required)
    if isinstance(kind, AnyType):
        return values
    cells = []
    for row, cell in enumerate(values):
        try:
            cells.append(convert_cell(cell, kind, required=spec.required))
        except ValueError as exc:
            raise ValueError(f"row {row}: {exc}") from None
    return object_array(cells)


def _settled_dtypes(spec: ColSpec) -> tuple[Any, ...]:
    """The dtypes with which a column of a frame is taken as it is."""
    match spec.type:
        case DataType.string | DataType.binary:
            return (np.dtype(object), pd.StringDtype(na_value=np.nan), pd.StringDtype())
        case DataType():
            return (spec.type.dtype,)
    return ()


def _plain(item: Any) -> Any:
    """Models of pydantic as the objects that they stand for."""
    return item.model_dump() if hasattr(item, "model_dump") else item


def _single(data: Any, spec: TensorSpec) -> Any:
    match containers.kind_of(data):
        case "array" | "sparse":
            return data
        case "list" | "scalar":
            return tensors.from_values(data, spec)
        case "dict" if len(data) == 1:
            return np.asarray(next(iter(data.values())))
    try:
        frame = containers.frame_of(data)
    except ValueError as exc:
        raise InvalidInputError(str(exc)) from None
    if len(frame.columns) == 1:
        return tensors.from_column(frame.iloc[:, 0], spec)
    return frame.to_numpy()


def _named(data: Any, specs: tuple[TensorSpec, ...]) -> Mapping[Any, Any]:
    if isinstance(data, Mapping):
        return data
    kind = containers.kind_of(data)
    if kind == "array" and len(specs) == 1:
        return {specs[0].name: data}
    if kind == "array" or (kind == "list" and not all(isinstance(row, Mapping) for row in data)):
        names = _listed([spec.name for spec in specs])
        raise InvalidInputError(f"the data has no names; the model takes a dict of arrays: {names}")
    try:
        frame = containers.frame_of(data)
        return {
            spec.name: tensors.from_column(frame[spec.name], spec)
            for spec in specs
            if spec.name in frame.columns
        }
    except ValueError as exc:
        raise InvalidInputError(f"expected a dict of arrays: {exc}") from None


def row_wanted(names: Sequence[Any]) -> str:
    """What a row of values without names should be, for whoever sent another one."""
    values, columns = ("value", "column") if len(names) == 1 else ("values", "columns")
    return f"a row should have {len(names)} {values}, for the {columns} {_listed(names)}"


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN_NAMES])
    rest = len(names) - _SHOWN_NAMES
    return shown if rest <= 0 else f"{shown} and {rest} more"
