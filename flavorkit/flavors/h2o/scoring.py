"""Rows of pandas through an H2O model, one row of answers for each."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote

import pandas as pd

from flavorkit.errors import InvalidInputError, PredictionError
from flavorkit.flavors.h2o.clusters import first_line, temporary
from flavorkit.flavors.h2o.columns import Cells, cells_of, quoted
from flavorkit.flavors.h2o.store import remove, stored

_ANSWER = "predict"
_CLASSIFIES = frozenset({"Binomial", "Multinomial", "Ordinal"})
# Columns that a model knows and that say nothing of a row's answer.
_OF_TRAINING = ("response_column", "treatment_column", "weights_column", "fold_column")
_TRUTHS = {"true": True, "false": False}


class Scoring:
    """A model, with what it says of its columns and classes.

    It may be called from many threads at once: each call has keys of its own in the cluster, and
    removes them.
    """

    def __init__(self, connection: Any, model: Any) -> None:
        described = model._model_json  # noqa: SLF001 - h2o's own estimators read it so
        output = described["output"]
        self._connection = connection
        self._model = quote(model.model_id, safe="")
        levels = dict(zip(output["names"], output["domains"], strict=True))
        unused = {_column_named(described, role) for role in _OF_TRAINING}
        response = described["response_column_name"]
        category = output["model_category"]
        if response is None and category in _CLASSIFIES | {"Regression"}:
            response = output["names"][-1]  # a MOJO does not say, but has it there
        unused.add(response)
        # Nor does a MOJO say these.
        types = output["column_types"] or ["Numeric"] * len(output["names"])
        kinds = zip(output["names"], types, strict=True)
        self._kinds = {name: kind for name, kind in kinds if name not in unused}
        self._levels = {
            name: frozenset(known) if known is not None else None for name, known in levels.items()
        }
        self._classes: dict[str, Any] | None = None
        if category in _CLASSIFIES:
            self._classes = _as_pandas_reads(levels[response])
        self._counts = category == "Clustering"

    def __call__(self, data: pd.DataFrame) -> pd.DataFrame:
        """The columns that H2O gives, with the index of ``data``.

        Raises:
            InvalidInputError: a column is missing, or the model does not take its values.
            PredictionError: the cluster fails, or is no longer there.
        """
        from h2o.exceptions import H2OConnectionError, H2OServerError

        given = {str(name): data.iloc[:, place] for place, name in enumerate(data.columns)}
        missing = [name for name in self._kinds if name not in given]
        if missing:
            raise InvalidInputError(
                f"the model takes the columns {missing} too; where they are not known, as NaN"
            )
        columns = {
            name: cells_of(given[name], kind, self._levels[name])
            for name, kind in self._kinds.items()
        }
        try:
            return self._answers(self._score(columns)).set_axis(data.index)
        except H2OConnectionError as exc:
            raise PredictionError(
                f"the H2O cluster that has the model does not answer; load it again: {exc}"
            ) from exc
        except H2OServerError as exc:
            raise PredictionError(f"H2O: {first_line(exc)}") from exc

    def _score(self, columns: dict[str, Cells]) -> str:
        """The answers as H2O writes them, in CSV."""
        from h2o.exceptions import H2OResponseError

        connection, key = self._connection, f"flavorkit_{uuid.uuid4().hex}"
        with _frame(connection, columns, key) as frame, ExitStack() as stack:
            stack.callback(remove, connection, f"{key}_answers")
            try:
                connection.request(
                    f"POST /3/Predictions/models/{self._model}/frames/{frame}",
                    data={"predictions_frame": f"{key}_answers"},
                )
            except H2OResponseError as exc:
                raise InvalidInputError(f"the model does not take it: {first_line(exc)}") from exc
            text: str = connection.request(
                "GET /3/DownloadDataset",
                data={
                    "frame_id": f"{key}_answers",
                    "hex_string": False,
                    "escape_quotes": True,
                },
            )
        return text

    def _answers(self, text: str) -> pd.DataFrame:
        """``text`` as a frame whose types are those of the model, whatever values are in it."""
        found = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
        )
        for name in found.columns:
            if name == _ANSWER and self._classes is not None:
                found[name] = found[name].map(self._classes)
            else:
                found[name] = _numbers(found[name], is_count=self._counts)
        return found


@contextmanager
def _frame(connection: Any, columns: dict[str, Cells], key: str) -> Iterator[str]:
    """The id of a frame in the cluster that holds ``columns`` meanwhile."""
    pairs = [name for name, cells in columns.items() if cells.exponents is not None]
    names = [*pairs, *(name for name in columns if name not in pairs)]
    sent = [columns[name].values for name in names]
    types = [columns[name].h2o_type for name in names]
    sent += [columns[name].exponents for name in pairs]
    types += ["Numeric"] * len(pairs)
    with ExitStack() as stack:
        stack.callback(remove, connection, key)
        _parse(connection, sent, types, key)
        whole = f"(cols {key} [{len(pairs)}:{len(names) - len(pairs)}])"
        if pairs:
            powers = f"(^ 2 (cols {key} [{len(names)}:{len(pairs)}]))"
            doubles = f"(* (cols {key} [0:{len(pairs)}]) {powers})"
            whole = f"(cbind {doubles} {whole})" if len(names) > len(pairs) else doubles
        renamed = f"(colnames= {whole} [0:{len(names)}] {quoted(names)})"
        # Ending the session removes what it holds.
        stack.callback(connection.request, f"DELETE /4/sessions/{key}")
        connection.request(
            "POST /99/Rapids", data={"ast": f"(tmp= {key}_rows {renamed})", "session_id": key}
        )
        yield f"{key}_rows"


def _parse(connection: Any, arrays: Sequence[Any], types: Sequence[str], key: str) -> None:
    """Have the cluster read ``arrays`` as the columns of the frame ``key``."""
    import pyarrow as pa
    from pyarrow import parquet

    names = [f"C{number}" for number in range(len(arrays))]
    path = temporary(connection)
    try:
        table = pa.table(dict(zip(names, arrays, strict=True)))
        parquet.write_table(table, path, compression="none", use_dictionary=False)
        with stored(connection, path) as raw:
            connection.request(
                "POST /3/Parse",
                data={
                    "destination_frame": key,
                    "source_frames": [f'"{raw}"'],
                    "parse_type": "PARQUET",
                    "number_columns": len(names),
                    "column_names": [f'"{name}"' for name in names],
                    "column_types": [f'"{name}"' for name in types],
                    "delete_on_done": False,
                    "blocking": True,
                },
            )
    finally:
        path.unlink(missing_ok=True)


def _column_named(described: Any, role: str) -> str | None:
    """The column that the model was trained with in this role."""
    for parameter in described["parameters"]:
        if parameter["name"] == role and parameter["actual_value"]:
            name: str | None = parameter["actual_value"]["column_name"]
            return name
    return None


def _as_pandas_reads(classes: Sequence[str]) -> dict[str, Any]:
    """The value for each class: numbers or bools if all of them are, as MLflow gives them."""
    if all(name.lower() in _TRUTHS for name in classes):
        return {name: _TRUTHS[name.lower()] for name in classes}
    try:
        return dict(zip(classes, pd.to_numeric(pd.Series(classes)).tolist(), strict=True))
    except ValueError:
        return {name: name for name in classes}


def _numbers(cells: pd.Series[Any], *, is_count: bool) -> pd.Series[Any]:
    """``cells`` as numbers to the last bit, unless they are text."""
    try:
        found = cells.map(float, na_action="ignore").astype("float64")
    except ValueError:
        return cells
    return found.astype("int64") if is_count and found.notna().all() else found
