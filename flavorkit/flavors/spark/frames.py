"""Rows of pandas through a Spark model, one answer for each, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pandas as pd

from flavorkit.errors import InvalidInputError, PredictionError
from flavorkit.flavors.spark import session as spark_session

# Numbers the rows on their way through the model: stages that join, such as ALS, shuffle them.
_ROW = "__flavorkit_row__"
_ANSWER = "prediction"
# What the last stage calls its answer, if it has another name for it.
_OUTPUTS = ("outputCol", "predictionCol", "topicDistributionCol")


class Transformation:
    """A model, and what has been found out about how it takes its rows."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._takes_vectors = False

    def __call__(self, data: pd.DataFrame) -> list[Any]:
        """The answers, as plain Python values; None for a row that the model leaves out.

        Vectors come as lists, both ways.

        Raises:
            InvalidInputError: the model does not take such columns, or such a value in one.
            PredictionError: it fails, or gives other rows than it was given.
        """
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        if len(data) == 0:
            return []
        try:
            answered = self._transform(_frame(data))
        except PySparkException as exc:
            raise InvalidInputError(f"the model does not take it: {first_line(exc)}") from exc
        column = answer_column(self._model, answered.columns)
        numbered = _ROW in answered.columns
        try:
            rows = answered.select(_quoted(column), *([_ROW] if numbered else [])).collect()
        except Py4JJavaError as exc:
            messages = list(_messages(exc.java_exception))
            # A stage's own function has failed, which happens over a value that it does not know.
            if any("[FAILED_EXECUTE_UDF]" in message for message in messages):
                raise InvalidInputError(f"the model does not take it: {messages[-1]}") from exc
            raise PredictionError(messages[-1]) from exc
        except PySparkException as exc:
            raise PredictionError(first_line(exc)) from exc
        return _in_order(rows, len(data), numbered=numbered)

    def _transform(self, frame: Any) -> Any:
        """What becomes of ``frame``; nothing is computed yet, but Spark has checked the types."""
        from pyspark.errors import AnalysisException, IllegalArgumentException

        arrays = _number_arrays(frame)
        if self._takes_vectors or not arrays:
            return self._model.transform(_as_vectors(frame, arrays))
        try:
            return self._model.transform(frame)
        except (AnalysisException, IllegalArgumentException):
            answered = self._model.transform(_as_vectors(frame, arrays))
            self._takes_vectors = True
            return answered


def answer_column(model: Any, columns: Collection[str]) -> str:
    """The column that holds the answers, of those that ``model`` gives.

    Raises:
        PredictionError: there is none.
    """
    if _ANSWER in columns:
        return _ANSWER
    last = model
    while getattr(last, "stages", None) or hasattr(last, "bestModel"):
        last = last.bestModel if hasattr(last, "bestModel") else last.stages[-1]
    for name in _OUTPUTS:
        if last.hasParam(name) and last.isDefined(name):
            column: str = last.getOrDefault(name)
            if column in columns:
                return column
    raise PredictionError(
        f"it gives the columns {[name for name in columns if name != _ROW]}; let its last stage"
        f" call the answer {_ANSWER!r}"
    )


def first_line(error: Exception) -> str:
    """What Spark says, without the trace of its own calls."""
    from py4j.protocol import Py4JJavaError

    if isinstance(error, Py4JJavaError):
        return list(_messages(error.java_exception))[-1]
    return str(error).strip().partition("\n")[0]


def _messages(cause: Any) -> Iterator[str]:
    """The messages of a Java error and of what caused it, the root of all last."""
    while cause is not None:
        yield cause.getMessage() or cause.toString()
        cause = cause.getCause()


def _frame(data: pd.DataFrame) -> Any:
    """``data`` in Spark, with its rows numbered."""
    import pyarrow as pa
    from pyspark.errors import PySparkException

    columns = {str(name): _plain_cells(data[name]) for name in data.columns}
    try:
        table = pa.table({name: pa.array(column) for name, column in columns.items()})
        table = table.append_column(_ROW, pa.array(range(len(data)), pa.int64()))
        return spark_session.session().createDataFrame(table)
    except (pa.ArrowException, PySparkException) as exc:
        raise InvalidInputError(f"Spark does not take it: {first_line(exc)}") from exc


def _plain_cells(column: pd.Series[Any]) -> pd.Series[Any]:
    """``column`` with Spark's vectors as arrays, and categories as what they stand for."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(column.cat.categories.dtype)
    if column.dtype == object:
        return column.map(lambda cell: cell.toArray() if hasattr(cell, "toArray") else cell)
    return column


def _number_arrays(frame: Any) -> list[str]:
    from pyspark.sql.types import ArrayType, NumericType

    return [
        field.name
        for field in frame.schema.fields
        if isinstance(field.dataType, ArrayType)
        and isinstance(field.dataType.elementType, NumericType)
    ]


def _as_vectors(frame: Any, names: Collection[str]) -> Any:
    from pyspark.ml.functions import array_to_vector

    return frame.withColumns({name: array_to_vector(_quoted(name)) for name in names})


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _in_order(rows: Sequence[Any], count: int, *, numbered: bool) -> list[Any]:
    if not numbered and len(rows) == count:
        return [_plain(value) for (value,) in rows]
    numbers = [row[1] for row in rows] if numbered else []
    if not numbered or len(set(numbers)) < len(numbers):
        raise PredictionError(f"it gives {len(rows)} rows for {count}, and nothing says which")
    answers: list[Any] = [None] * count
    for value, number in rows:
        answers[number] = _plain(value)
    return answers


def _plain(value: Any) -> Any:
    """A cell of Spark as Python has it: lists for vectors, dicts for rows."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "toArray"):
        return value.toArray().tolist()
    if hasattr(value, "asDict"):
        return {name: _plain(item) for name, item in value.asDict().items()}
    return value
