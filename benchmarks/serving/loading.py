"""The native model of a folder, as the services of the rivals load it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def predictor(folder: Path) -> Callable[[list[str], list[list[Any]]], list[Any]]:
    """A function of columns and rows that gives predictions as plain values."""
    import numpy as np

    if (folder / "model.pt").exists():
        import torch

        torch.set_num_threads(1)
        net = torch.jit.load(str(folder / "model.pt")).eval()

        def predict_net(columns: list[str], rows: list[list[Any]]) -> list[Any]:
            with torch.inference_mode():
                answer: list[Any] = net(torch.tensor(rows, dtype=torch.float32)).tolist()
            return answer

        return predict_net
    if (folder / "model.json").exists():
        import xgboost

        trees = xgboost.XGBClassifier(n_jobs=1)
        trees.load_model(folder / "model.json")

        def predict_trees(columns: list[str], rows: list[list[Any]]) -> list[Any]:
            answer: list[Any] = trees.predict(np.array(rows)).tolist()
            return answer

        return predict_trees
    import joblib
    import pandas as pd

    estimator = joblib.load(folder / "model.joblib")

    def predict(columns: list[str], rows: list[list[Any]]) -> list[Any]:
        answer: list[Any] = estimator.predict(pd.DataFrame(rows, columns=columns)).tolist()
        return answer

    return predict
