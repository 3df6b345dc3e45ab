"""What a deployment answers, under the names it has in MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.errors import DeploymentError, InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class PredictionsResponse(dict[str, Any]):
    """The answer of ``/invocations``: a dict whose ``predictions`` are as JSON has them."""

    def get_predictions(
        self, predictions_format: str = "dataframe", dtype: Any = None
    ) -> pd.DataFrame | np.ndarray[Any, Any]:
        """The predictions as a frame, or as an array.

        Args:
            predictions_format: ``"dataframe"`` or ``"ndarray"``.
            dtype: of the array.

        Raises:
            InvalidArgumentError: the format is neither.
            ValueError: the predictions do not have that form.
        """
        predictions = self["predictions"]
        if predictions_format == "ndarray":
            import numpy as np

            return np.array(predictions, dtype)
        if predictions_format != "dataframe":
            raise InvalidArgumentError(
                f"predictions are had as a 'dataframe' or an 'ndarray', not {predictions_format!r}"
            )
        import pandas as pd

        is_one_row = isinstance(predictions, dict) and not any(
            isinstance(value, list) for value in predictions.values()
        )
        if is_one_row or isinstance(predictions, str):
            predictions = [predictions]
        return pd.DataFrame(predictions)

    def to_json(self, path: str | Path | None = None) -> str | None:
        """The answer as JSON; written to ``path``, where one is given, and then None."""
        text = json.dumps(self)
        if path is None:
            return text
        Path(path).write_text(text, "utf-8")
        return None

    @classmethod
    def from_json(cls, json_str: str | bytes) -> PredictionsResponse:
        """The answer that a text means.

        Raises:
            DeploymentError: it is no answer of ``/invocations``.
        """
        try:
            answer = json.loads(json_str)
        except (ValueError, RecursionError) as exc:
            raise DeploymentError(f"the deployment answered what is not JSON: {exc}") from None
        if not isinstance(answer, dict) or "predictions" not in answer:
            raise DeploymentError("the deployment answered without predictions")
        return cls(answer)
