"""`sklearn.save_model` with a signature and inferred requirements, in a warm process."""

from __future__ import annotations

import itertools
import logging
import tempfile
import warnings
from pathlib import Path

import model
from harness import Figure, show, side_by_side


def figures() -> list[Figure]:
    warnings.simplefilter("ignore")
    import mlflow.models
    import mlflow.sklearn
    import skops.io

    import flavorkit.sklearn

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    assert skops.io
    estimator, X = model.classifier()
    y = estimator.predict(X)
    signature = mlflow.models.infer_signature(X, y)
    number = itertools.count()
    with tempfile.TemporaryDirectory() as scratch:

        def ours() -> None:
            flavorkit.sklearn.save_model(
                estimator,
                Path(scratch, str(next(number))),
                signature=flavorkit.infer_signature(X, y),
            )

        def theirs() -> None:
            path = Path(scratch, str(next(number)))
            mlflow.sklearn.save_model(estimator, str(path), signature=signature)

        ours()  # what a first save imports
        seconds = side_by_side({"ours": ours, "theirs": theirs}, {"ours": 21, "theirs": 3})
    return [
        Figure("`sklearn.save_model`", seconds["ours"] * 1000, "ms", 40, seconds["theirs"] * 1000)
    ]


if __name__ == "__main__":
    show(figures())
