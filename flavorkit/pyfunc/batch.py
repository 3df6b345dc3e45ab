"""Predictions on more rows than fit into memory: chunks of rows in, chunks of predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from flavorkit.errors import FlavorkitError, InvalidInputError, PredictionError
from flavorkit.pyfunc.model import PyFuncModel
from flavorkit.signature import ModelSignature, TensorSpec
from flavorkit.signature.containers import columns_of, frame_of, kind_of, repeated
from flavorkit.tables.chunks import Chunk, Limits
from flavorkit.tables.readers import renumbered

_MESSAGE_LENGTH = 2000
_PREDICTION = "prediction"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Scored:
    """A chunk, and what the model says of its rows."""

    chunk: Chunk
    predictions: Any
    """As the model gave them; an empty list where there are no rows."""

    def table(self, signature: ModelSignature | None, *, keep_inputs: bool) -> pd.DataFrame:
        """The predictions as columns, after those of the file if they are to be kept.

        Raises:
            PredictionError: they are not one for each row, or two columns have the same name.
            InvalidInputError: a column of the file has the name of another, or of a column of
                predictions.
        """
        if self.chunk.rows:
            frame = table_of(self.predictions, self.chunk.rows)
        else:
            frame = _table_without_rows(signature)
        return beside(self.chunk.all_columns(), frame) if keep_inputs else frame


def beside(inputs: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The columns of ``inputs``, then those of ``predictions``.

    Raises:
        InvalidInputError: both have a column of the same name, or ``inputs`` has two.
    """
    if again := repeated(inputs.columns):
        raise InvalidInputError(
            f"the data has more than one column named {', '.join(map(repr, again))}; rename them,"
            " or do without --keep-inputs"
        )
    twice = set(map(str, inputs.columns)) & set(predictions.columns)
    if twice:
        raise InvalidInputError(
            f"the data has the columns {sorted(twice)} already; rename them, or do without"
            " --keep-inputs"
        )
    inputs = inputs.set_axis([str(name) for name in inputs.columns], axis=1)
    both: pd.DataFrame = pd.concat([inputs.reset_index(drop=True), predictions], axis=1)
    return both


def limits_for(model: PyFuncModel, rows_per_chunk: int | None) -> Limits:
    """Where chunks end so that their predictions are those of the whole file.

    A model of which nobody knows that each prediction depends on its own row alone gets all rows at
    once, unless the caller says how many.
    """
    if rows_per_chunk is None and not model.is_row_wise:
        return Limits.none()
    return Limits.of(rows_per_chunk)


def predict_chunks(model: PyFuncModel, chunks: Iterable[Chunk]) -> Iterator[Scored]:
    """The predictions of each chunk, made as they are asked for.

    Raises:
        InvalidInputError: data does not fit the model's signature; the message names the row in the
            file where that is known, and else the rows of the chunk.
        PredictionError: the model failed; the message names the rows of the chunk.
    """
    for chunk in chunks:
        if isinstance(chunk.data, list) and not chunk.rows:
            yield Scored(chunk, [])  # no records, no columns
            continue
        data, params = _enforced(model, chunk)
        if not chunk.rows:
            yield Scored(chunk, [])
            continue
        yield Scored(chunk, guarded(partial(model.predict_enforced, data, params), chunk))


def guarded(call: Callable[[], Result], chunk: Chunk | None = None) -> Result:
    """What ``call`` returns; an error out of the model becomes one that names the chunk's rows.

    Raises:
        InvalidInputError: the flavor has found the data unfit.
        PredictionError: ``call`` raised another error than flavorkit's own, which is the cause.
    """
    rows = (chunk.first_row, chunk.last_row) if chunk else None
    try:
        return call()
    except InvalidInputError as exc:
        raise renumbered(exc, chunk.first_row) if chunk else exc from None
    except FlavorkitError:
        raise
    except Exception as exc:
        raise PredictionError(_problem(exc), rows) from exc


def _problem(error: Exception) -> str:
    text = " ".join(str(error)[:_MESSAGE_LENGTH].split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _enforced(model: PyFuncModel, chunk: Chunk) -> tuple[Any, dict[str, Any]]:
    try:
        if isinstance(chunk.data, list):
            return model.decoder({"dataframe_records": chunk.data})
        return model.enforce(chunk.data)
    except InvalidInputError as exc:
        if not any(" row " in problem for problem in exc.problems) and chunk.rows > 1:
            exc = _first_at_fault(model, chunk) or exc
            if not any(" row " in problem for problem in exc.problems) and chunk.first_row:
                raise InvalidInputError(
                    [f"rows {chunk.first_row} to {chunk.last_row}: {exc}"]
                ) from None
        raise renumbered(exc, chunk.first_row) from None


def _first_at_fault(model: PyFuncModel, chunk: Chunk) -> InvalidInputError | None:
    """What is wrong with the first row that does not fit; None if it is not one row's fault."""

    def refusal(start: int, end: int) -> InvalidInputError | None:
        try:
            if isinstance(chunk.data, list):
                model.decoder({"dataframe_records": chunk.data[start:end]})
            else:
                model.enforce(chunk.data.iloc[start:end])
        except InvalidInputError as exc:
            return exc
        return None

    if isinstance(chunk.data, pd.DataFrame) and refusal(0, 0):
        return None
    fits, fails = 0, chunk.rows
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if refusal(0, middle):
            fails = middle
        else:
            fits = middle
    found = refusal(fits, fails)
    if found is None:
        return None
    return InvalidInputError([f"{problem}, in row {fits}" for problem in found.problems])


def table_of(predictions: Any, rows: int) -> pd.DataFrame:
    """Predictions on ``rows`` rows as columns.

    One value for each row is the column ``prediction``; of an array of two dimensions each column
    has its number in its name; a frame is as it is.

    Raises:
        PredictionError: they are not one for each row, or two columns have the same name.
    """
    columns = _columns(predictions)
    lengths = {len(values) for values in columns.values()}
    if lengths - {rows}:
        raise PredictionError(
            f"it gave {' and '.join(map(str, sorted(lengths)))} predictions for {rows} rows, which"
            " no table has a place for; write --output-type json"
        )
    return pd.DataFrame(columns, copy=False).reset_index(drop=True)


def _columns(predictions: Any) -> dict[str, Any]:
    match kind_of(predictions):
        case "array":
            return _of_array(_PREDICTION, predictions)
        case "sparse":
            return _of_array(_PREDICTION, predictions.toarray())
        case "series":
            return {_PREDICTION: predictions.array}
        case "frame" | "polars" | "arrow":
            if type(predictions).__name__ == "Series":
                return {_PREDICTION: next(iter(columns_of(predictions).values()))}
            try:
                frame = frame_of(predictions)
            except ValueError as exc:
                raise PredictionError(f"{exc}; give each a name of its own") from None
            return _distinct(
                (str(name), frame.iloc[:, place].array) for place, name in enumerate(frame.columns)
            )
        case "dict":
            return _distinct(
                column
                for name, values in predictions.items()
                for column in _of_array(str(name), np.asarray(values)).items()
            )
        case "list":
            if predictions and all(isinstance(row, Mapping) for row in predictions):
                return _columns(pd.DataFrame(list(predictions)))
            if any(isinstance(row, np.ndarray) and row.ndim > 1 for row in predictions):
                raise PredictionError("it gave a list of tables, which no table has a place for")
            return {_PREDICTION: pd.Series(list(predictions)).array}
    raise PredictionError(f"it gave a {type(predictions).__name__}, which no table has a place for")


def _distinct(columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(columns)
    if twice := repeated(name for name, _ in listed):
        raise PredictionError(
            f"it gave more than one column named {', '.join(map(repr, twice))}; give each a name of"
            " its own"
        )
    return dict(listed)


def _of_array(name: str, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    if array.ndim == 0:
        raise PredictionError(
            f"it gave one value for all rows as {name!r}, which no table has a place for; write"
            " --output-type json"
        )
    if array.ndim == 2:
        return {f"{name}_{place}": array[:, place] for place in range(array.shape[1])}
    return {name: array if array.ndim == 1 else pd.Series(list(array)).array}


def _table_without_rows(signature: ModelSignature | None) -> pd.DataFrame:
    """The columns that predictions would have, as far as the signature says."""
    outputs = signature.outputs if signature else None
    if outputs is None or len(outputs) == 0:
        return pd.DataFrame({_PREDICTION: pd.Series([], dtype="float64")})
    columns: dict[str, Any] = {}
    for spec in outputs:
        name = _PREDICTION if spec.name is None else str(spec.name)
        if isinstance(spec, TensorSpec):
            shape = [max(length, 0) for length in spec.shape]
            columns |= _of_array(name, np.empty([0, *shape[1:]], dtype=spec.type))
        else:
            dtype = getattr(spec.type, "dtype", np.dtype(object))
            columns[name] = np.empty(0, dtype=dtype)
    return pd.DataFrame(columns)
