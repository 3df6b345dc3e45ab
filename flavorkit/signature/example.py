"""Input examples: as a JSON file in the model folder, as a ready request, and back as data.

The forms are MLflow's ``input_example.json`` and ``serving_input_example.json``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError
from flavorkit.signature import containers
from flavorkit.signature.columns import is_missing

EXAMPLE = "input_example.json"
SERVING_EXAMPLE = "serving_input_example.json"


@dataclass(frozen=True)
class Example:
    """One example of what a model takes; ``info`` is what the MLmodel file says of it."""

    data: Any
    params: dict[str, Any] | None
    info: dict[str, Any]
    content: Any
    request: dict[str, Any]

    @classmethod
    def of(cls, given: Any) -> Example:
        """The example ``given``: data, or a tuple of data and a dict of parameters.

        Raises:
            InvalidInputError: it is of a kind that JSON cannot hold.
        """
        data, params = given, None
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict):
            data, params = given
        data = containers.without_tensors(data)
        kind, content, request = _jsonable_example(data)
        info = {"artifact_path": EXAMPLE, "serving_input_path": SERVING_EXAMPLE, **kind}
        if params is not None:
            info["params"] = "true"
            plain = _plain(params)
            content, request = {"inputs": content, "params": plain}, {**request, "params": plain}
        return cls(data, params, info, content, request)

    def write(self, folder: Path) -> None:
        """Write both files into ``folder``."""
        (folder / EXAMPLE).write_text(json.dumps(self.content), "utf-8")
        (folder / SERVING_EXAMPLE).write_text(json.dumps(self.request, indent=2), "utf-8")


def convert_input_example_to_serving_input(input_example: Any) -> str | None:
    """The body of a request to ``/invocations`` that carries ``input_example``; None for None.

    Raises:
        InvalidInputError: it is of a kind that JSON cannot hold.
    """
    if input_example is None:
        return None
    return json.dumps(Example.of(input_example).request, indent=2)


def read(folder: Path, info: Mapping[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """The example in ``folder`` as data, and its parameters.

    Frames come back as frames, arrays as arrays, sparse matrices as such, all else as plain values;
    types that JSON does not have are restored by enforcing the signature.

    Raises:
        InvalidInputError: the file is not what ``info`` says.
    """
    path = folder / str(info.get("artifact_path", EXAMPLE))
    try:
        content = json.loads(path.read_text("utf-8"))
        params = None
        if info.get("params"):
            # flavorkit 0.1 wrote "data".
            data = content["inputs"] if "inputs" in content else content["data"]
            content, params = data, content["params"]
        return _restored(content, str(info.get("type"))), params
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise InvalidInputError(f"the input example {path} cannot be read: {exc}") from None


def _jsonable_example(data: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    match containers.kind_of(data):
        case "frame":
            return _frame_example(data)
        case "series" | "polars" | "arrow":
            return _frame_example(containers.frame_of(data))
        case "array":
            content = _plain(data)
            return {"type": "ndarray"}, content, {"inputs": content}
        case "dict" if data and all(isinstance(value, np.ndarray) for value in data.values()):
            content = _plain(data)
            return {"type": "ndarray"}, content, {"inputs": content}
        case "sparse":
            matrix = data if data.format in {"csr", "csc"} else data.tocsr()
            content = {
                key: _plain(getattr(matrix, key)) for key in ("data", "indices", "indptr")
            } | {"shape": list(matrix.shape)}
            kind = {"type": f"sparse_matrix_{matrix.format}"}
            return kind, content, {"inputs": _plain(matrix.toarray())}
        case "dict" | "list" | "scalar":
            content = _plain(data)
            return {"type": "json_object"}, content, {"inputs": content}
    raise InvalidInputError(
        "it cannot be an input example: expected a frame, an array or a list, got"
        f" {containers.described(data)}"
    )


def _frame_example(frame: pd.DataFrame) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    cells = [[_plain(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    content: dict[str, Any] = {"data": cells}
    labels: list[Any] = frame.columns.tolist()
    named = labels != list(range(len(labels)))
    if named:
        content = {"columns": [_plain(label) for label in labels], "data": cells}
    kind = {"type": "dataframe", "pandas_orient": "split" if named else "values"}
    return kind, content, {"dataframe_split": content}


def _plain(value: Any) -> Any:
    """``value`` as JSON can hold it; missing values become null, bytes base64, dates ISO text."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_missing(value):
        return None
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise InvalidInputError(f"a {type(value).__name__} cannot be part of an input example")


def _restored(content: Any, kind: str) -> Any:
    match kind:
        case "dataframe":
            return pd.DataFrame(content["data"], columns=content.get("columns"))
        case "ndarray":
            if isinstance(content, dict):
                return {name: np.array(value) for name, value in content.items()}
            return np.array(content)
        case "sparse_matrix_csr" | "sparse_matrix_csc":
            import scipy.sparse

            layout = getattr(scipy.sparse, f"{kind[-3:]}_matrix")
            parts = (content["data"], content["indices"], content["indptr"])
            return layout(parts, shape=tuple(cast(list[int], content["shape"])))
    return content
