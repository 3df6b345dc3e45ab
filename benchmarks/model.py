"""The model that is measured: small, so that what is around it shows."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

FLAVORKIT, MLFLOW = "flavorkit", "mlflow"


@functools.cache
def classifier():
    """A logistic regression on four columns, and the frame it was trained on."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=1000).fit(X, y), X


@functools.cache
def folder() -> Path:
    """The model, saved by flavorkit; MLflow serves the same folder."""
    import flavorkit

    model, X = classifier()
    path = Path(tempfile.mkdtemp(prefix="flavorkit-benchmark-"), "iris")
    flavorkit.save_model(model, path, input_example=X[:1])
    return path


def one_row() -> bytes:
    """A request with one row."""
    return (folder() / "serving_input_example.json").read_bytes()
