"""The flavor of scorecards: one JSON file, which holds no code."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.methods import parameters_of
from flavorkit.flavors.reading import data_file, reading
from flavorkit.trust import Grant

_DATA = "scorecard.json"


class ScorecardFlavor(Flavor):
    """Scorecards, as JSON."""

    name = "scorecard"
    modules = ("scorecard",)
    packages = ("scorecard-flavor",)
    accepts = ("dataframe",)
    # Stock MLflow loads the folder where flavorkit and this distribution are installed.
    loader_module = "flavorkit.mlflow_loader"

    def save(self, model: Any, folder: Path, *, indent: int | None = None) -> Saved:
        """Write ``scorecard.json``.

        Args:
            model: a Scorecard.
            folder: where to.
            indent: how far to indent the JSON, for people who read it.
        """
        from scorecard import Scorecard

        if type(model) is not Scorecard:
            raise UnsavableModelError(
                f"a {type(model).__qualname__} is more than its points; wrap it in a PythonModel"
            )
        if not all(map(math.isfinite, [model.start, *model.points.values()])):
            raise UnsavableModelError("JSON has no NaN and no infinity; give every column a number")
        content = {"start": model.start, "points": dict(model.points)}
        (folder / _DATA).write_text(json.dumps(content, indent=indent), "utf-8")
        return Saved(config={"data": _DATA}, pyfunc={"data": _DATA})

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Read the file. Whatever is in it, nothing but numbers and names comes out."""
        from scorecard import Scorecard

        path = data_file(folder, config)
        with reading(path):
            content = json.loads(path.read_text("utf-8"))
            points = {str(name): float(value) for name, value in content["points"].items()}
            model = Scorecard(points, float(content["start"]))
        if not all(map(math.isfinite, [model.start, *points.values()])):
            raise UnreadableModelError(path, "a number of points is not finite")
        return Loaded(model)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The score of each row of a frame, with the parameters that ``score`` takes."""
        known = parameters_of(native.score)

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            given = {name: value for name, value in params.items() if name in known}
            return native.score(_numbers(data, list(native.points)), **given)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """JSON holds no code. A flavor whose format does says so here, and asks in ``load``."""
        return None

    def row_wise(self, native: Any) -> bool:
        """A row's score depends on that row alone, so requests may be merged."""
        return True


def _numbers(data: Any, names: list[str]) -> pd.DataFrame:
    """The columns ``names`` of ``data``.

    Raises:
        InvalidInputError: one is missing, or holds no numbers; a server answers 400.
    """
    # An array comes as a frame whose columns have numbers for names.
    if list(data.columns) == list(range(len(names))):
        data = data.set_axis(names, axis=1)
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise InvalidInputError(f"the column {missing[0]!r} is missing")
    try:
        return data[names].astype("float64")
    except (TypeError, ValueError) as exc:
        raise InvalidInputError(f"a scorecard takes numbers: {exc}") from exc
