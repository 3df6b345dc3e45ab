"""XGBoost's boosters and its scikit-learn classes, in XGBoost's own formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.methods import parameters_of
from flavorkit.flavors.reading import class_named, data_file, reading
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
        data = f"model.{model_format}"
        model.save_model(folder / data)
        section = {
            "xgb_version": xgboost.__version__,
            "data": data,
            "model_class": f"{kind.__module__}.{kind.__name__}",
            "model_format": model_format,
            "code": None,
        }
        needed = () if kind.__name__ == "Booster" else ("scikit-learn",)
        return Saved(config=section, pyfunc={"data": data}, packages=needed)

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Read the file into a new object of its class."""
        import xgboost

        path = data_file(folder, config)
        kind = class_named(xgboost, str(config.get("model_class", "Booster")), _CLASSES, folder)
        native = kind()
        with reading(path):
            native.load_model(path)
        return Loaded(native)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``predict``, with those parameters that it takes, such as ``iteration_range``."""
        import xgboost

        is_booster = type(native) is xgboost.Booster
        booster = native if is_booster else native.get_booster()
        types = zip(booster.feature_names or (), booster.feature_types or (), strict=False)
        categorical = [name for name, kind in types if kind == "c"]
        known = parameters_of(native.predict)

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if categorical and hasattr(data, "columns"):
                data = data.astype(dict.fromkeys(categorical, "category"))
            given = {key: _plain(params[key]) for key in params if key in known}
            if is_booster:
                data = xgboost.DMatrix(data, enable_categorical=True)
            return native.predict(data, **given)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """Neither format holds code."""
        return None

    def row_wise(self, native: Any) -> bool:
        """Trees look at one row at a time."""
        return True


def _plain(value: Any) -> Any:
    """``iteration_range`` comes as a list or an array from a request; XGBoost takes a tuple."""
    return tuple(value) if isinstance(value, list) else value
