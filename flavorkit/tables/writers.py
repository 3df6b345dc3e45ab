"""Predictions, written chunk by chunk: one JSON document, JSON lines, CSV, Parquet, Arrow."""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from typing import Any, BinaryIO

import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.signature.columns import is_missing
from flavorkit.signature.containers import repeated
from flavorkit.tables import strict_json
from flavorkit.tables.chunks import Kind
from flavorkit.tables.readers import import_pyarrow


class Writer(ABC):
    """Writes one chunk after the other; what it has written is complete when it is closed."""

    @abstractmethod
    def write(self, rows: Any) -> None:
        """Write the next rows.

        Raises:
            InvalidInputError: they do not fit what has been written before, or two of their columns
                have the same name.
        """

    @abstractmethod
    def close(self) -> None:
        """Write what stands at the end. The stream stays open."""


def open_writer(stream: BinaryIO, kind: Kind, *, is_pipe: bool = False) -> Writer:
    """What writes rows of ``kind`` into ``stream``.

    The writer of "json" takes any predictions, the others take frames.

    Args:
        stream: where to.
        kind: what is written.
        is_pipe: whether nobody can read it from its end, where an Arrow file has its index; then it
            is an Arrow stream.

    Raises:
        MissingDependencyError: writing it takes a package that is not installed.
    """
    match kind:
        case "json":
            return _Json(stream)
        case "jsonl":
            return _JsonLines(stream)
        case "csv":
            return _Csv(stream)
        case "parquet":
            return _Parquet(stream)
        case "arrow":
            return _ArrowStream(stream) if is_pipe else _ArrowFile(stream)


class _Json(Writer):
    """``{"predictions": [...]}``, of which no more than a chunk is held."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._held: bytes | None = None
        self._is_begun = False

    def write(self, rows: Any) -> None:
        encoded = strict_json.encode(rows)
        if self._held is None:
            self._held = encoded
            return
        self._write_held()
        self._held = encoded

    def close(self) -> None:
        if self._is_begun:
            self._write_held()
            self._stream.write(b"]}\n")
        else:
            # Predictions of one chunk may have any form, such as an object of several lists.
            self._stream.write(b'{"predictions":' + (self._held or b"[]") + b"}\n")

    def _write_held(self) -> None:
        held = self._held or b"[]"
        if not held.startswith(b"["):
            raise InvalidInputError(
                "the predictions are no list, so those of several chunks have no common JSON form;"
                " write a table, such as --output-type jsonl"
            )
        if len(held) > 2:
            self._stream.write(b"," if self._is_begun else b'{"predictions":[')
            self._stream.write(held[1:-1])
            self._is_begun = True


def _check_names(rows: pd.DataFrame) -> None:
    if twice := repeated(rows.columns):
        raise InvalidInputError(
            f"the rows have more than one column named {', '.join(map(repr, twice))}, of which a"
            " reader would see one; rename them"
        )


class _JsonLines(Writer):
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, rows: pd.DataFrame) -> None:
        _check_names(rows)
        for record in strict_json.records(rows):
            self._stream.write(strict_json.encode(record) + b"\n")

    def close(self) -> None:
        pass


class _Columns(Writer):
    """A table whose columns are those of its first rows."""

    def __init__(self) -> None:
        self._names: list[Any] | None = None

    def write(self, rows: pd.DataFrame) -> None:
        names = rows.columns.tolist()
        if self._names is None:
            _check_names(rows)
            self._names = names
            self.begin(rows)
        elif names != self._names:
            differing = sorted(map(str, set(names) ^ set(self._names)))
            raise InvalidInputError(
                f"some rows have the columns {differing} and others do not, which a table cannot"
                " hold; write --output-type jsonl"
                if differing
                else "the columns of some rows come in another order; write --output-type jsonl"
            )
        self.append(rows)

    @abstractmethod
    def begin(self, rows: pd.DataFrame) -> None:
        """Write what stands above the first rows."""

    @abstractmethod
    def append(self, rows: pd.DataFrame) -> None:
        """Write rows of the columns with which it was begun."""


class _Csv(_Columns):
    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def begin(self, rows: pd.DataFrame) -> None:
        self._write(rows[:0], header=True)

    def append(self, rows: pd.DataFrame) -> None:
        text = pd.DataFrame({name: _as_text(rows[name]) for name in rows}, copy=False)
        self._write(text, header=False)

    def close(self) -> None:
        pass

    def _write(self, rows: pd.DataFrame, *, header: bool) -> None:
        # As one text; pandas would encode each row by itself.
        text = rows.to_csv(index=False, header=header, lineterminator="\n")
        self._stream.write(text.encode())


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """What CSV has no form for, in the forms of JSON; the rest as it is."""
    if isinstance(column.dtype, pd.ArrowDtype):
        import pyarrow.types as kinds

        arrow = column.dtype.pyarrow_dtype
        has_form = (
            kinds.is_integer(arrow)
            or kinds.is_floating(arrow)
            or kinds.is_boolean(arrow)
            or kinds.is_string(arrow)
            or kinds.is_large_string(arrow)
        )
    else:
        has_form = column.dtype.kind in "biuf" or isinstance(column.dtype, pd.StringDtype)
    return column if has_form else column.map(_cell).astype(object)


def _cell(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if not hasattr(value, "__len__") and is_missing(value):
        return None
    text = strict_json.encode(value).decode()
    return json.loads(text) if text.startswith('"') else text


class _Arrow(_Columns):
    """A table of which each column keeps the type that it has in the first rows."""

    what: str

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._pa = import_pyarrow(f"writing {self.what}")
        self._stream = stream
        self._schema: Any = None
        self._out: Any = None

    @abstractmethod
    def open(self, schema: Any) -> Any:
        """What writes tables of this schema."""

    def begin(self, rows: pd.DataFrame) -> None:
        self._schema = self._table(rows, None).schema.remove_metadata()
        self._out = self.open(self._schema)

    def append(self, rows: pd.DataFrame) -> None:
        self._out.write_table(self._table(rows, self._schema))

    def close(self) -> None:
        if self._out is not None:
            self._out.close()

    def _table(self, rows: pd.DataFrame, schema: Any) -> Any:
        try:
            made = self._pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
            return made.replace_schema_metadata()
        except self._pa.ArrowException as exc:
            raise InvalidInputError(
                f"these rows do not fit the types of the first ones: {exc}; write csv or jsonl,"
                " which have no types"
            ) from None


class _Parquet(_Arrow):
    what = "Parquet"

    def open(self, schema: Any) -> Any:
        return self._pa.parquet.ParquetWriter(self._stream, schema)


class _ArrowFile(_Arrow):
    what = "Arrow"

    def open(self, schema: Any) -> Any:
        return self._pa.ipc.new_file(self._stream, schema)


class _ArrowStream(_Arrow):
    what = "Arrow"

    def open(self, schema: Any) -> Any:
        return self._pa.ipc.new_stream(self._stream, schema)
