"""Files of rows, read in chunks that fit into memory: CSV, JSON lines, Parquet, Arrow."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import pandas as pd

from flavorkit.errors import InvalidInputError, MissingDependencyError, RequestError
from flavorkit.signature import tables
from flavorkit.signature.schema import Schema
from flavorkit.signature.types import DataType
from flavorkit.tables import csv_text, strict_json
from flavorkit.tables.chunks import Chunk, Kind, Limits, Source

_ARROW_FILE = b"ARROW1"
_BATCH_ROWS = 8192


def open_table(
    stream: BinaryIO, kind: Kind, schema: Schema | None, limits: Limits, *, keep_all: bool = False
) -> Source:
    """The rows of ``stream``, in chunks.

    Args:
        stream: an open file or a pipe. What a format cannot read from a pipe is copied to the disk
            first.
        kind: what it is; not "json", which has no rows before all of it is read.
        schema: what the model takes: the types of columns whose format does not say them.
        limits: where a chunk ends.
        keep_all: whether :attr:`Chunk.all_columns` will be asked for, so that nothing is skipped.

    Raises:
        InvalidInputError: from the chunks too: it is not what ``kind`` says, or a value is not what
            ``schema`` says; the message names the row.
        MissingDependencyError: reading it takes a package that is not installed.
    """
    match kind:
        case "csv":
            return Source(_csv(stream, schema, limits), _size_of(stream), "bytes")
        case "jsonl":
            return Source(_json_lines(stream, limits), _size_of(stream), "bytes")
        case "parquet":
            return _parquet(stream, schema, limits, keep_all=keep_all)
        case "arrow":
            return _arrow(stream, schema, limits)
    raise ValueError(f"{kind} is not read in chunks")


def _size_of(stream: BinaryIO) -> int | None:
    return os.fstat(stream.fileno()).st_size or None if _is_seekable(stream) else None


def _is_seekable(stream: BinaryIO) -> bool:
    try:
        return stream.seekable() and stream.fileno() >= 0
    except OSError:
        return False


def _seekable(stream: BinaryIO, begun: bytes = b"") -> BinaryIO:
    if not begun and _is_seekable(stream):
        return stream
    copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - open as long as it is read
    copy.write(begun)
    shutil.copyfileobj(stream, copy, 1024 * 1024)
    copy.seek(0)
    return copy


@contextlib.contextmanager
def _closed_on_error(source: BinaryIO, stream: BinaryIO) -> Iterator[None]:
    """Close the copy ``source`` of ``stream``, if it is one, when the block fails."""
    try:
        yield
    except BaseException:
        if source is not stream:
            source.close()
        raise


def _closing(chunks: Iterator[Chunk], source: BinaryIO, stream: BinaryIO) -> Iterator[Chunk]:
    """``chunks``, and at their end the copy ``source`` of ``stream`` closed, if it is one."""
    try:
        yield from chunks
    finally:
        if source is not stream:
            source.close()


def _csv(stream: BinaryIO, schema: Schema | None, limits: Limits) -> Iterator[Chunk]:
    has_columns = schema is not None and not schema.is_tensor_spec()
    kinds = tables.scalar_kinds(schema) if schema is not None and has_columns else {}
    head, known = b"", None
    verbatim: tuple[str, ...] = ()
    first_row = done = 0
    for piece, line in csv_text.pieces(stream, limits):
        done += len(piece)
        if not head:
            head = piece if piece.endswith(b"\n") else piece + b"\n"
            with _in_file(0, line):
                empty = tables.read_csv(head, None)
            if has_columns:
                verbatim = tuple(name for name in empty.columns if name not in kinds)
            continue
        with _in_file(first_row, line - csv_text.lines_in(head)):
            frame = tables.read_csv(head + piece, schema, verbatim=verbatim)
            _check_texts(frame, kinds)
        if not has_columns:
            known = _checked_guesses(frame, known, first_row)
        if len(frame):
            yield _frame_chunk(frame, schema, first_row, done)
        first_row += len(frame)
    if first_row == 0:
        with _in_file(0, 0):
            frame = tables.read_csv(head, schema, verbatim=verbatim)
        yield _frame_chunk(frame, schema, 0, done)


def _frame_chunk(frame: pd.DataFrame, schema: Schema | None, first_row: int, done: int) -> Chunk:
    wanted = _columns_of(list(frame.columns), schema)
    data = frame if wanted is None else frame[wanted]
    return Chunk(first_row, len(frame), data, lambda: frame, done)


_ROW = re.compile(r"\brow (\d+)\b")
_LINE = re.compile(r"\bin line (\d+)\b")


@contextlib.contextmanager
def _in_file(first_row: int, first_line: int) -> Iterator[None]:
    """Tell errors about rows and lines of a piece as those of the file."""
    try:
        yield
    except InvalidInputError as exc:
        raise renumbered(exc, first_row) from None
    except RequestError as exc:
        text = re.sub(r"^the (body|table)", "the file", exc.message)
        text = _LINE.sub(lambda m: f"in line {int(m[1]) + first_line}", text, count=1)
        text = _ROW.sub(lambda m: f"row {int(m[1]) + first_row}", text, count=1)
        raise InvalidInputError(text) from None


def renumbered(error: InvalidInputError, first_row: int) -> InvalidInputError:
    """The error with the rows that it names counted from the start of the file.

    In what describes a problem, the row stands before any value of the data; and before the row
    stands only the name of a column, in quotes.
    """
    if not first_row:
        return error
    changed = []
    for problem in error.problems:
        name = re.match(r"(column|tensor) ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+): ", problem)
        start = name.end() if name else 0
        rest = _ROW.sub(lambda m: f"row {int(m[1]) + first_row}", problem[start:], count=1)
        changed.append(problem[:start] + rest)
    return InvalidInputError(changed)


_NUMBERS = {DataType.integer, DataType.long, DataType.float, DataType.double}


def _check_texts(frame: pd.DataFrame, kinds: dict[Any, DataType]) -> None:
    """Name the first text that stands where a number or a date does; CSV has no other types."""
    problems = []
    for name, kind in kinds.items():
        if name not in frame or frame[name].dtype.kind not in "OSU":
            continue
        if kind in _NUMBERS:
            read = pd.to_numeric(frame[name], errors="coerce")
        elif kind is DataType.datetime:
            read = pd.to_datetime(frame[name], errors="coerce", format="ISO8601")
        else:
            continue
        misfits = (read.isna() & frame[name].notna()).to_numpy()
        if misfits.any():
            row = int(misfits.argmax())
            article = "an" if kind is DataType.integer else "a"
            held = repr(frame[name].iloc[row])[:60]
            problems.append(
                f"column {name!r}: expected {article} {kind.name}, row {row} holds {held}"
            )
    if problems:
        raise InvalidInputError(problems)


def _checked_guesses(
    frame: pd.DataFrame, known: dict[Any, str] | None, first_row: int
) -> dict[Any, str]:
    """What each column holds; without a schema that is a guess, which a later chunk may refute."""
    known = dict(known or {})
    for name in frame.columns:
        kind = frame[name].dtype.kind
        if frame[name].isna().all():
            continue
        held = "numbers" if kind in "iuf" else "true and false" if kind == "b" else "text"
        before = known.setdefault(name, held)
        if before != held:
            raise InvalidInputError(
                f"column {name!r} holds {before} above row {first_row} and {held} from there on;"
                " a model with a signature would say which it should be"
            )
    return known


def _json_lines(stream: BinaryIO, limits: Limits) -> Iterator[Chunk]:
    rows: list[dict[str, Any]] = []
    first_row = done = size = 0
    for number, line in enumerate(stream, 1):
        if not line.strip():
            done += len(line)
            continue
        rows.append(_record(line, number, first_row + len(rows)))
        size += len(line)
        if len(rows) >= limits.rows or size >= limits.size_bytes:
            done += size
            yield _records_chunk(rows, first_row, done)
            first_row += len(rows)
            rows, size = [], 0
    if rows or not first_row:
        yield _records_chunk(rows, first_row, done + size)


def _record(line: bytes, number: int, row: int) -> dict[str, Any]:
    try:
        value = strict_json.parse(line)
    except RequestError as exc:
        problem = exc.message.replace("the body", "it", 1)
        raise InvalidInputError(f"row {row} (line {number}) cannot be read: {problem}") from None
    if not isinstance(value, dict):
        raise InvalidInputError(
            f"row {row} (line {number}) is not an object of names and values; a request such as"
            ' {"dataframe_split": ...} has the type json'
        )
    return value


def _records_chunk(rows: list[dict[str, Any]], first_row: int, done: int) -> Chunk:
    def all_columns() -> pd.DataFrame:
        names = dict.fromkeys(name for row in rows for name in row)
        return pd.DataFrame(
            {
                name: pd.Series([row.get(name) for row in rows], dtype=object, name=name)
                for name in names
            }
        )

    return Chunk(first_row, len(rows), rows, all_columns, done)


def import_pyarrow(what: str) -> Any:
    """The package pyarrow.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import pyarrow.ipc
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingDependencyError(what, "pyarrow", extra="arrow") from None
    return pyarrow


def _parquet(stream: BinaryIO, schema: Schema | None, limits: Limits, *, keep_all: bool) -> Source:
    pa = import_pyarrow("reading Parquet")

    def read() -> Any:
        file = pa.parquet.ParquetFile(source, pre_buffer=False, buffer_size=1024 * 1024)
        names = file.schema_arrow.names
        wanted = None if keep_all else _columns_of(names, schema)
        batches = file.iter_batches(batch_size=min(_BATCH_ROWS, limits.rows), columns=wanted)
        return file, batches

    source = _seekable(stream)
    with _closed_on_error(source, stream):
        file, batches = _reading("Parquet", pa, read)
    tables_of_file = _grouped("Parquet", pa, batches, limits, file.schema_arrow)
    chunks = _arrow_chunks(tables_of_file, schema)
    return Source(_closing(chunks, source, stream), file.metadata.num_rows, "rows")


def _columns_of(names: list[Any], schema: Schema | None) -> list[Any] | None:
    """Which of the file's columns the model takes; None for all of them."""
    if schema is None or not schema.has_input_names() or len(set(names)) < len(names):
        return None
    if not set(schema.required_input_names()) <= set(names):
        return None  # the error will say which others there are
    return [name for name in names if name in set(schema.input_names())]


def _arrow(stream: BinaryIO, schema: Schema | None, limits: Limits) -> Source:
    pa = import_pyarrow("reading Arrow")
    begun = stream.read(len(_ARROW_FILE))
    is_file = begun == _ARROW_FILE
    if _is_seekable(stream):
        stream.seek(0)
        begun = b""

    def read() -> Any:
        if is_file:
            file = pa.ipc.open_file(source)
            batches = (file.get_batch(number) for number in range(file.num_record_batches))
            return file.schema, batches
        reader = pa.ipc.open_stream(source)
        return reader.schema, iter(reader)

    source = _seekable(stream, begun)
    with _closed_on_error(source, stream):
        form, batches = _reading("Arrow", pa, read)
    tables_of_file = _grouped("Arrow", pa, batches, limits, form)
    chunks = _arrow_chunks(tables_of_file, schema)
    return Source(_closing(chunks, source, stream), None, "rows")


def _reading(what: str, pa: Any, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except StopIteration:
        return None
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as exc:
        raise InvalidInputError(f"the file is not {what}: {exc}") from None


def _grouped(
    what: str, pa: Any, batches: Iterator[Any], limits: Limits, form: Any
) -> Iterator[Any]:
    """Tables as large as ``limits`` allow; one without rows if there are none."""
    is_empty = True
    gathered, rows, size = [], 0, 0
    while (batch := _reading(what, pa, lambda: next(batches))) is not None:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, min(limits.rows - rows, batch.num_rows))
            gathered.append(part)
            rows, size, start = rows + len(part), size + part.nbytes, start + len(part)
            if rows >= limits.rows or size >= limits.size_bytes:
                yield pa.Table.from_batches(gathered)
                gathered, rows, size, is_empty = [], 0, 0, False
    if gathered or is_empty:
        yield pa.Table.from_batches(gathered) if gathered else form.empty_table()


def _arrow_chunks(tables_of_file: Iterator[Any], schema: Schema | None) -> Iterator[Chunk]:
    first_row = 0
    for table in tables_of_file:
        yield _arrow_chunk(table, schema, first_row)
        first_row += len(table)


_NULLABLE = {
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64)},
}


def _nullable_integer(arrow_type: Any) -> Any:
    name = _NULLABLE.get(str(arrow_type))
    return None if name is None else pd.api.types.pandas_dtype(name)


def _arrow_chunk(table: Any, schema: Schema | None, first_row: int) -> Chunk:
    has_columns = schema is not None and not schema.is_tensor_spec()
    # Integers among which some are missing are doubles to pandas, which would round them.
    has_holes = any(column.null_count for column in table.columns)
    nullable = _nullable_integer if has_columns and has_holes else None
    frame: pd.DataFrame = table.to_pandas(types_mapper=nullable)
    if schema is not None and has_columns:
        frame = tables.with_dates(frame, schema)

    def all_columns() -> pd.DataFrame:
        exact: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        return exact

    wanted = _columns_of(list(frame.columns), schema)
    data = frame if wanted is None else frame[wanted]
    return Chunk(first_row, len(frame), data, all_columns, first_row + len(frame))
