"""The models that all servers serve, saved for each of them, and the rows they are sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS = (1, 100, 1000)


@dataclass(frozen=True)
class Bench:
    """One model and rows for it."""

    name: str
    make: Callable[[], tuple[Any, pd.DataFrame]]
    flavor: str

    def data(self) -> tuple[Any, pd.DataFrame]:
        """The fitted model, and a thousand rows."""
        native, frame = self.make()
        repeats = -(-max(ROWS) // len(frame))
        rows = pd.concat([frame] * repeats, ignore_index=True)[: max(ROWS)]
        return native, rows


def _iris() -> tuple[Any, pd.DataFrame]:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=500).fit(X, y), X


def _pipeline() -> tuple[Any, pd.DataFrame]:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    random = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": random.integers(18, 80, 400).astype(float),
            "income": random.normal(50_000, 9_000, 400).round(2),
            "city": random.choice(["Berlin", "Paris", "Rome"], 400),
            "plan": random.choice(["free", "pro"], 400),
        }
    )
    y = (X["income"] + 300 * X["age"] > 62_000).astype(int)
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(), ["city", "plan"])
    )
    forest = RandomForestClassifier(n_estimators=50, random_state=0)
    return make_pipeline(columns, forest).fit(X, y), X


def _trees() -> tuple[Any, pd.DataFrame]:
    import xgboost

    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(500, 20)), columns=[f"x{n}" for n in range(20)])
    y = (X.sum(axis=1) > 0).astype(int)
    return xgboost.XGBClassifier(n_estimators=500, max_depth=4, n_jobs=1).fit(X, y), X


def _net() -> tuple[Any, pd.DataFrame]:
    import torch

    torch.manual_seed(0)
    layers = torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3)
    random = np.random.default_rng(0)
    rows = random.normal(size=(500, 20)).astype("float32")
    return torch.nn.Sequential(*layers), pd.DataFrame(rows, columns=[f"x{n}" for n in range(20)])


MODELS = (
    Bench("iris", _iris, "sklearn"),
    Bench("pipeline", _pipeline, "sklearn"),
    Bench("trees", _trees, "xgboost"),
    Bench("net", _net, "pytorch"),
)


def save(bench: Bench, folder: Path) -> None:
    """Write what every server needs: an MLflow folder, the framework's own file, the payloads."""
    import flavorkit

    native, rows = bench.data()
    folder.mkdir(parents=True)
    example = rows[:2].to_numpy() if bench.flavor == "pytorch" else rows[:2]
    flavorkit.save_model(native, folder / "model", flavor=bench.flavor, input_example=example)
    if bench.flavor == "xgboost":
        native.save_model(folder / "model.json")
    elif bench.flavor == "pytorch":
        import torch

        torch.jit.save(torch.jit.script(native), folder / "model.pt")
    else:
        import joblib

        joblib.dump(native, folder / "model.joblib")
    for count in ROWS:
        for protocol, encode in PAYLOADS.items():
            body = json.dumps(encode(rows[:count], bench)).encode()
            (folder / f"{protocol}-{count}.json").write_bytes(body)


def _invocations(rows: pd.DataFrame, bench: Bench) -> Any:
    if bench.flavor == "pytorch":
        return {"inputs": rows.to_numpy().tolist()}
    return {"dataframe_split": {"columns": list(rows), "data": rows.to_numpy().tolist()}}


def _inference(rows: pd.DataFrame, bench: Bench) -> Any:
    """The Open Inference Protocol: a tensor, or for columns of several types one for each."""
    if bench.name != "pipeline":
        kind = "FP32" if bench.flavor == "pytorch" else "FP64"
        data = rows.to_numpy().ravel().tolist()
        tensor = {"name": "x", "shape": list(rows.shape), "datatype": kind, "data": data}
        return {"inputs": [tensor]}
    tensors = [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": "FP64" if rows[name].dtype.kind == "f" else "BYTES",
            "data": rows[name].tolist(),
        }
        for name in rows
    ]
    return {"inputs": tensors, "parameters": {"content_type": "pd"}}


def _records(rows: pd.DataFrame, bench: Bench) -> Any:
    return {"columns": list(rows), "rows": rows.to_numpy().tolist()}


PAYLOADS = {"invocations": _invocations, "inference": _inference, "rows": _records}
"""What each protocol calls the same rows."""
