"""What to predict on, out of a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flavorkit.deployments.calls import is_request
from flavorkit.errors import RequestError


def read(path: Path) -> Any:
    """The frame, or the request to ``/invocations``, that a file holds.

    Args:
        path: of CSV, if it ends so; else of JSON, a request or, as MLflow's command takes it, a
            list of records or an object of columns.

    Raises:
        RequestError: it is neither.
    """
    import pandas as pd

    if path.suffix.lower() == ".csv":
        try:
            return pd.read_csv(path)
        except ValueError as exc:
            raise RequestError(f"{path} is not CSV: {exc}") from None
    from flavorkit.tables import strict_json

    body = path.read_bytes()
    try:
        content = strict_json.parse(body)
        if is_request(content):
            return content
        return pd.read_json(io.BytesIO(body))
    except RequestError as exc:
        raise RequestError(exc.message.replace("the body", str(path), 1)) from None
    except ValueError as exc:
        raise RequestError(f"{path} holds no table: {exc}") from None
