"""What `PyFuncModel.predict` costs above the model's own call, for one row."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import model
from harness import Figure, show

ROUNDS, CALLS = 15, 200


def figures() -> list[Figure]:
    warnings.simplefilter("ignore")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    import mlflow.pyfunc
    from sklearn.linear_model import LogisticRegression

    import flavorkit

    estimator, X = model.classifier()
    on_arrays = LogisticRegression(max_iter=1000).fit(X.to_numpy(), estimator.predict(X))
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for kind, native, row, budget in (
            ("an array", on_arrays, X[:1].to_numpy(), 50),
            ("a frame", estimator, X[:1], 150),
        ):
            folder = Path(scratch, kind.replace(" ", "-"))
            flavorkit.save_model(native, folder, input_example=row)
            ours, theirs = flavorkit.load_model(folder), mlflow.pyfunc.load_model(str(folder))
            above = _above_native(native.predict, [ours.predict, theirs.predict], row)
            what = f"`predict` on one row, {kind}, above the model's own"
            found.append(Figure(what, above[0] * 1e6, "µs", budget, above[1] * 1e6))
    return found


def _above_native(
    native: Callable[..., object], others: list[Callable[..., object]], row: object
) -> list[float]:
    """Seconds per call above ``native``: the median of rounds in which they take turns."""
    calls = [native, *others]
    rounds: list[list[float]] = []
    for _ in range(ROUNDS):
        seconds = []
        for call in calls:
            begun = time.perf_counter()
            for _ in range(CALLS):
                call(row)
            seconds.append((time.perf_counter() - begun) / CALLS)
        rounds.append([value - seconds[0] for value in seconds[1:]])
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


if __name__ == "__main__":
    show(figures())
