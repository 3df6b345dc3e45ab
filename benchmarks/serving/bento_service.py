"""A model served by BentoML."""

import os
from pathlib import Path

import bentoml
from loading import predictor


@bentoml.service(workers=1, traffic={"timeout": 60})
class Model:
    """Columns and rows in, predictions out."""

    def __init__(self) -> None:
        self.predict_rows = predictor(Path(os.environ["BENCH_FOLDER"]))

    @bentoml.api
    def predict(self, columns: list[str], rows: list) -> list:
        """Predict."""
        return self.predict_rows(columns, rows)
