"""Tables as text and as files: CSV and Parquet into the frame that a schema describes."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from flavorkit.errors import InvalidInputError, MissingDependencyError, RequestError
from flavorkit.signature import wire
from flavorkit.signature.schema import Schema
from flavorkit.signature.types import DataType

# Nullable where numpy's own type would guess or fail at the first missing value; whether one may be
# missing is for the schema to say.
_CSV_DTYPES: dict[DataType, Any] = {
    DataType.boolean: "boolean",
    DataType.integer: "Int32",
    DataType.long: "Int64",
    DataType.float: "float64",
    DataType.double: "float64",
    DataType.string: str,
    DataType.binary: str,
    DataType.datetime: str,
}
MAX_CELLS = 10_000_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""What a Parquet file in a request may unpack to, in values and in bytes."""
_BATCH_ROWS = 4096

_TEXT = {DataType.string, DataType.binary, DataType.datetime}
MISSING_IN_CSV = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What pandas reads as a missing value."""


def read_csv(body: bytes, schema: Schema | None, *, verbatim: Collection[str] = ()) -> pd.DataFrame:
    """A frame out of CSV text with a line of column names, with the dtypes of ``schema``.

    Whether all its columns are there and hold what they should is for enforcing the schema to say.

    Args:
        body: the text, in UTF-8.
        schema: what the model takes; None or tensors leave the types to the values.
        verbatim: columns beside those of ``schema`` that stay the text that they are.

    Raises:
        RequestError: it is not UTF-8 or not CSV.
        InvalidInputError: text that stands for bytes or a float does not; the column is named.
    """
    if schema is None or schema.is_tensor_spec():
        return _parse_csv(body, None)
    kinds = scalar_kinds(schema)
    texts: dict[Any, Any] = dict.fromkeys(verbatim, str)
    exact = {name: _CSV_DTYPES[kind] for name, kind in kinds.items()}
    # A pandas that is told which columns have missing values at all leaves the others alone.
    missing = dict.fromkeys(kinds, MISSING_IN_CSV) if verbatim else None
    try:
        frame = _parse_csv(body, texts | exact, missing)
    except RequestError:
        # Some value is not of its column's type. Read as what they look like, the values get to the
        # comparison with the schema, which names the column.
        text_kinds = {name: str for name, kind in kinds.items() if kind in _TEXT}
        frame = _parse_csv(body, texts | text_kinds, missing)
    return with_dates(_as_in_json(frame, kinds), schema)


def scalar_kinds(schema: Schema) -> dict[Any, DataType]:
    """The type of each column that holds scalars, by its name."""
    return {
        name: spec.type
        for name, spec in zip(schema.input_names(), schema, strict=True)
        if isinstance(spec.type, DataType)
    }


def read_parquet(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """A frame out of a Parquet file.

    Raises:
        RequestError: it is not Parquet, or unpacks to more than a request may hold.
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MissingDependencyError("reading Parquet", "pyarrow", extra="arrow") from None
    try:
        frame = _frame_of_parquet(pq.ParquetFile(io.BytesIO(body)))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as exc:
        raise RequestError(f"the body is not Parquet: {exc}") from None
    return frame if schema is None or schema.is_tensor_spec() else with_dates(frame, schema)


def _as_in_json(frame: pd.DataFrame, kinds: dict[Any, DataType]) -> pd.DataFrame:
    """What text stands for in CSV as in JSON: bytes for base64, decimal numbers for floats."""
    changed: dict[Any, Any] = {}
    for name, kind in kinds.items():
        if name not in frame:
            continue
        try:
            if kind is DataType.binary:
                cells = [None if pd.isna(cell) else cell for cell in frame[name]]
                changed[name] = pd.Series(wire.convert(cells, kind), dtype=object)
            elif kind is DataType.float and frame[name].dtype.kind == "f":
                changed[name] = wire.narrowed(frame[name].to_numpy())
        except ValueError as exc:
            raise InvalidInputError(f"column {name!r}: {exc}") from None
    return frame.assign(**changed) if changed else frame


def _frame_of_parquet(file: Any) -> pd.DataFrame:
    """The frame, unless a small file has been made to unpack to a huge one."""
    import pyarrow as pa

    cells = file.metadata.num_rows * file.metadata.num_columns
    if cells > MAX_CELLS:
        raise RequestError(f"the table has {cells} cells, more than {MAX_CELLS}; send fewer rows")
    batches, size = [], 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        size += batch.nbytes
        if size > MAX_UNPACKED_BYTES:
            raise RequestError(f"the table unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        batches.append(batch)
    frame: pd.DataFrame = pa.Table.from_batches(batches, file.schema_arrow).to_pandas()
    return frame


def _parse_csv(
    body: bytes, dtypes: dict[Any, Any] | None, missing: dict[Any, Any] | None = None
) -> pd.DataFrame:
    try:
        _check_header(body)
        return pd.read_csv(
            io.BytesIO(body),
            dtype=dtypes,
            na_values=missing,
            keep_default_na=missing is None,
            encoding="utf-8",
            index_col=False,
        )
    except UnicodeDecodeError as exc:
        raise RequestError(f"the body is not UTF-8: {exc}") from None
    except (ValueError, TypeError, OverflowError) as exc:
        raise RequestError(f"the body is not CSV with a line of column names: {exc}") from None


def _check_header(body: bytes) -> None:
    """Refuse what pandas makes the best of: a name twice, and a row that is wider than the names.

    A later row that is wider than the first is an error in pandas too.
    """
    lines = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    try:
        names, first = _next_row(lines), _next_row(lines)
    except csv.Error as exc:
        raise ValueError(exc) from None
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"the name {twice[0]!r} stands twice in its first line")
    if len(first) > len(names):
        raise ValueError(f"row 0 has {len(first)} values for {len(names)} names")


def _next_row(lines: Iterator[str]) -> list[str]:
    """The cells of the next row; lines of spaces are none to pandas. Empty where no row is left."""
    begun = next((line for line in lines if line.strip(" \t\r\n")), "")
    return next(csv.reader(itertools.chain([begun], lines)), [])


def with_dates(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Dates that came as text, as dates; text that is no date stays, for the schema to refuse."""
    dated: dict[Any, Any] = {}
    for name, spec in zip(schema.input_names(), schema, strict=True):
        if spec.type is DataType.datetime and name in frame and frame[name].dtype.kind == "O":
            try:
                dated[name] = pd.to_datetime(frame[name])
            except (ValueError, TypeError, OverflowError):
                continue
    return frame.assign(**dated) if dated else frame
