"""XGBoost's boosters and its scikit-learn classes, in XGBoost's own formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from flavorkit.errors import InvalidInputError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.categories import CategoryColumns
from flavorkit.flavors.methods import check_width, parameters_of, predicting
from flavorkit.flavors.reading import class_named, data_file, reading
from flavorkit.flavors.xgboost import file as xgboost_file
from flavorkit.flavors.xgboost import ubjson
from flavorkit.trust import Grant

Format = Literal["ubj", "json"]

_FORMATS = ("ubj", "json")
_CLASSES = (
    *("Booster", "XGBClassifier", "XGBRanker", "XGBRegressor"),
    *("XGBRFClassifier", "XGBRFRegressor"),
)


class Xgboost(Flavor):
    """Boosters, classifiers, regressors, rankers and random forests of XGBoost."""

    name = "xgboost"
    modules = ("xgboost",)
    packages = ("xgboost",)
    accepts = ("dataframe", "array", "sparse")
    model_argument = "xgb_model"
    loader_module = "mlflow.xgboost"

    def save(self, model: Any, folder: Path, *, model_format: Format = "ubj") -> Saved:
        """Write ``model.ubj`` or ``model.json``.

        Args:
            model: a Booster, or a fitted model of one of XGBoost's scikit-learn classes.
            folder: where to.
            model_format: "ubj" is small and quick, "json" can be read by people.
        """
        import xgboost

        if model_format not in _FORMATS:
            raise UnsavableModelError(f"model_format {model_format!r} is not of {_FORMATS}")
        kind = type(model)
        if kind.__module__.partition(".")[0] != "xgboost" or kind.__name__ not in _CLASSES:
            raise UnsavableModelError(
                f"XGBoost's formats keep no class of your own such as {kind.__qualname__}; save"
                " its get_booster(), or wrap it in a PythonModel"
            )
        is_booster = kind.__name__ == "Booster"
        if not is_booster and not model.__sklearn_is_fitted__():
            raise UnsavableModelError(f"this {kind.__name__} is not fitted; fit it first")
        data = f"model.{model_format}"
        model.save_model(folder / data)
        section = {
            "xgb_version": xgboost.__version__,
            "data": data,
            "model_class": f"{kind.__module__}.{kind.__name__}",
            "model_format": model_format,
            "code": None,
        }
        # XGBoost's files do not say which number stands for a missing one.
        missing = math.nan if is_booster or model.missing is None else float(model.missing)
        if not math.isnan(missing):
            section["missing"] = missing
        needed = () if is_booster else ("scikit-learn",)
        return Saved(config=section, pyfunc={"data": data}, packages=needed)

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Check the file, and read it into a new object of its class."""
        import xgboost

        path = data_file(folder, config)
        kind = class_named(xgboost, str(config.get("model_class", "Booster")), _CLASSES, folder)
        missing = config.get("missing")
        is_told = isinstance(missing, int | float) and kind is not xgboost.Booster
        native = kind(missing=missing) if is_told else kind()
        with reading(path):
            native.load_model(xgboost_file.read(path, installed=xgboost.__version__))
        return Loaded(native)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``predict``, with those parameters that it takes, such as ``iteration_range``."""
        import xgboost

        is_booster = type(native) is xgboost.Booster
        booster = native if is_booster else native.get_booster()
        n_features, n_rounds = booster.num_features(), booster.num_boosted_rounds()
        columns = _category_columns(booster)
        known = parameters_of(native.predict)

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            check_width(data, n_features)
            if columns is not None and hasattr(data, "columns"):
                data = columns(data)
            given = {key: params[key] for key in params if key in known}
            if "iteration_range" in given:
                given["iteration_range"] = _range(given["iteration_range"], n_rounds)
            with predicting(xgboost.core.XGBoostError, ValueError, TypeError):
                if is_booster:
                    names = None if hasattr(data, "columns") else booster.feature_names
                    data = xgboost.DMatrix(data, feature_names=names, enable_categorical=True)
                return native.predict(data, **given)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """Neither format holds code."""
        return None

    def takes_matrix(self, native: Any, names: Sequence[str]) -> bool:
        """Unless some columns are categories, or others than those of the training."""
        booster = native.get_booster() if hasattr(native, "get_booster") else native
        known = booster.feature_names or names
        return list(known) == list(names) and "c" not in (booster.feature_types or ())

    def row_wise(self, native: Any) -> bool:
        """Trees look at one row at a time."""
        return True


def _category_columns(booster: Any) -> Callable[[Any], Any] | None:
    """What makes the columns of a frame the categories that the booster knows."""
    types = booster.feature_types or ()
    coded = [position for position, kind in enumerate(types) if kind == "c"]
    if not coded:
        return None
    known = xgboost_file.categories(ubjson.loads(bytes(booster.save_raw("ubj"))))
    named = CategoryColumns(known)

    def convert(frame: Any) -> Any:
        for position in coded:
            kind = frame.dtypes.iloc[position]
            if position not in known and not hasattr(kind, "categories") and kind.kind not in "iuf":
                raise InvalidInputError(
                    f"column {frame.columns[position]!r}: the model knows its categories by number,"
                    f" got {kind}"
                )
        return named.convert(frame) if named else frame

    return convert


def _range(given: Any, n_rounds: int) -> tuple[int, int]:
    """A range of rounds; XGBoost itself would count from the end of something else's memory."""
    try:
        begin, end = map(int, given)
    except (TypeError, ValueError):
        begin = end = -1
    if not 0 <= begin <= (end or begin) <= n_rounds or (begin and not end):
        raise InvalidInputError(
            f"iteration_range must be two whole numbers, 0 <= begin <= end <= {n_rounds}"
        )
    return begin, end
