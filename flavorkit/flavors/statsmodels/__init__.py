"""The results of statsmodels: regressions and time series, in statsmodels' own pickles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.statsmodels import regressions, time_series
from flavorkit.flavors.unsafe_load import load_pickle
from flavorkit.trust import Grant

_DATA = "model.statsmodels"
_OWN_LOADER = "flavorkit.mlflow_loader"
# What statsmodels' own reader calls modules that pickles of older releases name.
_RENAMED = {"statsmodels.tools.decorators": "statsmodels.tools._decorators"}
# How many rows of its data a formula is tried on when it is saved.
_TRIED_ROWS = 1000


class Statsmodels(Flavor):
    """What ``fit()`` returns in statsmodels."""

    name = "statsmodels"
    modules = ("statsmodels",)
    packages = ("statsmodels",)
    model_argument = "statsmodels_model"
    loader_module = "mlflow.statsmodels"

    def save(self, model: Any, folder: Path, *, remove_data: bool = False) -> Saved:
        """Write ``model.statsmodels``, as the results' own method ``save`` does.

        Args:
            model: the results of fitting a model.
            folder: where to.
            remove_data: leave out the arrays that the model was fitted on, as the results' own
                method ``remove_data`` does, but on a copy. The data frame of a formula stays, since
                the formula is rebuilt from it. A time series is predicted from its data, and cannot
                do without.
        """
        import statsmodels

        if not (hasattr(model, "save") and hasattr(model, "model")):
            raise UnsavableModelError(
                f"{type(model).__name__} has no method of statsmodels' to save it; save what a"
                " model's fit() returns, or wrap this in a PythonModel"
            )
        path = folder / _DATA
        loaded = _written(model, path)
        _check_formula(model, loaded.native)
        if remove_data:
            loaded = _written(_without_data(loaded.native), path)
        section = {"statsmodels_version": statsmodels.__version__, "data": _DATA, "code": None}
        pyfunc: dict[str, Any] | None = {"data": _DATA}
        if time_series.is_vector(model):
            pyfunc = {"data": _DATA, "loader_module": _OWN_LOADER}  # MLflow has only predict()
        elif not hasattr(model, "predict"):
            pyfunc = None
        return Saved(config=section, pyfunc=pyfunc, loaded=loaded)

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Read the pickle; statsmodels evaluates the model's formula again while it does."""
        path = data_file(folder, {"data": _DATA, **config})
        return load_pickle(path, trust=trust, renamed=_RENAMED)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``predict`` on the rows of a regression, or on a range of a time series' periods."""
        if time_series.is_series(native):
            return time_series.predictor(native)
        return regressions.predictor(native)

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always."""
        return f"{_DATA} is a pickle, which can run any code when it is loaded"

    def row_wise(self, native: Any) -> bool:
        """Regressions are, unless their formula may look at several rows; no time series is."""
        return not time_series.is_series(native) and regressions.is_row_wise(native)


def _written(model: Any, path: Path) -> Loaded:
    """Write ``model`` and read it back."""
    try:
        model.save(path)
    except Exception as exc:  # a model may be of any class
        raise UnsavableModelError(f"statsmodels cannot write it: {exc}") from exc
    try:
        loaded = load_pickle(path, trust=Grant.of_own(path))
    except UnreadableModelError as exc:
        raise UnsavableModelError(
            f"statsmodels writes this model but cannot read it back ({exc.problem}); a formula can"
            " use columns and functions of numpy and patsy, nothing that a script defines"
        ) from exc
    if "__main__" in loaded.modules:
        raise UnsavableModelError(
            "the model uses a class or function that this script defines, which no other process"
            " could import; move it into a module"
        )
    return loaded


def _check_formula(model: Any, again: Any) -> None:
    """See that the formula, which is evaluated when the model is loaded, still means the same."""
    frame = getattr(getattr(model.model, "data", None), "frame", None)
    if not hasattr(model.model, "formula") or not isinstance(frame, pd.DataFrame):
        return
    rows = frame[:_TRIED_ROWS]
    try:
        first, second = (regressions.predictor(one)(rows, {}) for one in (model, again))
    except InvalidInputError:  # it is for the example to say
        return
    if not np.allclose(first, second, equal_nan=True):
        raise UnsavableModelError(
            f"the formula {model.model.formula!r} gives other predictions once it is read back:"
            " statsmodels evaluates it anew, on the data frame as it is now and without the"
            " variables of the script; keep the frame as it was, and make columns of variables"
        )


def _without_data(model: Any) -> Any:
    if time_series.is_series(model):
        raise UnsavableModelError(
            "a time series is predicted from its data; save it without remove_data"
        )
    data = model.model.data
    header = data.orig_exog[:0] if isinstance(data.orig_exog, pd.DataFrame | pd.Series) else None
    try:
        model.remove_data()
    except (AttributeError, TypeError) as exc:
        raise UnsavableModelError(
            f"statsmodels cannot remove the data of a {type(model).__name__} ({exc}); save it"
            " without remove_data"
        ) from exc
    if header is not None:
        data.orig_exog = header  # by which the columns of a frame are found
    return model
