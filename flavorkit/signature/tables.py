"""Tables as text and as files: CSV and Parquet into the frame that a schema describes."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from flavorkit.errors import MissingDependencyError, RequestError
from flavorkit.signature.schema import Schema
from flavorkit.signature.types import DataType

# Nullable where numpy's own type would guess or fail at the first missing value; whether one may be
# missing is for the schema to say.
_CSV_DTYPES: dict[DataType, Any] = {
    DataType.boolean: "boolean",
    DataType.integer: "Int32",
    DataType.long: "Int64",
    DataType.float: "float32",
    DataType.double: "float64",
    DataType.string: str,
    DataType.binary: str,
    DataType.datetime: str,
}
_TEXT = {DataType.string, DataType.binary, DataType.datetime}


def read_csv(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """A frame out of CSV text with a line of column names, with the dtypes of ``schema``.

    Whether all its columns are there and hold what they should is for enforcing the schema to say.

    Raises:
        RequestError: it is not UTF-8 or not CSV.
    """
    if schema is None or schema.is_tensor_spec():
        return _parse_csv(body, None)
    kinds = {
        name: spec.type
        for name, spec in zip(schema.input_names(), schema, strict=True)
        if isinstance(spec.type, DataType)
    }
    try:
        frame = _parse_csv(body, {name: _CSV_DTYPES[kind] for name, kind in kinds.items()})
    except RequestError:
        # Some value is not of its column's type. Read as what they look like, the values get to the
        # comparison with the schema, which names the column.
        frame = _parse_csv(body, {name: str for name, kind in kinds.items() if kind in _TEXT})
    return _with_dates(frame, schema)


def read_parquet(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """A frame out of a Parquet file.

    Raises:
        RequestError: it is not Parquet.
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MissingDependencyError("reading Parquet", "pyarrow", extra="arrow") from None
    try:
        frame: pd.DataFrame = pq.read_table(io.BytesIO(body)).to_pandas()
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as exc:
        raise RequestError(f"the body is not Parquet: {exc}") from None
    return frame if schema is None or schema.is_tensor_spec() else _with_dates(frame, schema)


def _parse_csv(body: bytes, dtypes: dict[Any, Any] | None) -> pd.DataFrame:
    try:
        return pd.read_csv(io.BytesIO(body), dtype=dtypes, encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise RequestError(f"the body is not UTF-8: {exc}") from None
    except (ValueError, TypeError, OverflowError) as exc:
        raise RequestError(f"the body is not CSV with a line of column names: {exc}") from None


def _with_dates(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Dates that came as text, as dates; text that is no date stays, for the schema to refuse."""
    dated: dict[Any, Any] = {}
    for name, spec in zip(schema.input_names(), schema, strict=True):
        if spec.type is DataType.datetime and name in frame and frame[name].dtype.kind == "O":
            try:
                dated[name] = pd.to_datetime(frame[name])
            except (ValueError, TypeError, OverflowError):
                continue
    return frame.assign(**dated) if dated else frame
