"""LightGBM's boosters as text, and its scikit-learn classes in skops' format."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors import lightgbm_text
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.categories import CategoryColumns
from flavorkit.flavors.methods import check_width, parameters_of, predicting, whole_number
from flavorkit.flavors.reading import data_file, reading
from flavorkit.flavors.skops import estimator_file
from flavorkit.flavors.skops import file as skops_file
from flavorkit.flavors.skops.estimator_file import SerializationFormat
from flavorkit.flavors.skops.lightgbm_state import finished
from flavorkit.trust import Grant

_BOOSTER = "lightgbm.basic.Booster"
# It predicts with the parameters of its training, and would print warnings of those.
_QUIET = {"verbosity": -1}


class Lightgbm(Flavor):
    """Boosters, classifiers, regressors and rankers of LightGBM."""

    name = "lightgbm"
    modules = ("lightgbm",)
    packages = ("lightgbm",)
    helpers = ("skops",)
    accepts = ("dataframe", "array", "sparse")
    model_argument = "lgb_model"
    loader_module = "mlflow.lightgbm"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: SerializationFormat = "skops",
        skops_trusted_types: list[str] | None = None,
    ) -> Saved:
        """Write ``model.lgb``, LightGBM's text, for a Booster; else ``model.skops``.

        Args:
            model: a Booster, or a fitted model of one of LightGBM's scikit-learn classes. Of a
                Booster that stopped early, the rounds up to the best are written.
            folder: where to.
            serialization_format: of the scikit-learn classes. "skops" is data, which anyone can
                load; "cloudpickle" and "pickle" hold what skops cannot, such as functions of the
                script itself, and run code when they are loaded.
            skops_trusted_types: written for stock MLflow, which needs to be told the types in the
                file; found out when not given.
        """
        import lightgbm

        section: dict[str, Any] = {"lgb_version": lightgbm.__version__, "code": None}
        kind = type(model)
        if kind is lightgbm.Booster:
            _write_text(model, folder / "model.lgb")
            section |= {"data": "model.lgb", "model_class": _BOOSTER}
            return Saved(config=section, pyfunc={"data": "model.lgb"})
        if not isinstance(model, lightgbm.LGBMModel):
            raise UnsavableModelError(
                f"a {kind.__qualname__} is neither a Booster nor a model of LightGBM's scikit-learn"
                " interface; save one of those, or wrap it in a PythonModel"
            )
        if not model.__sklearn_is_fitted__():
            raise UnsavableModelError(f"this {kind.__name__} has no trees yet; fit it first")
        written = estimator_file.write(finished(model), folder, serialization_format)
        section |= {
            "data": written.data,
            "model_class": f"{kind.__module__}.{kind.__qualname__}",
            "serialization_format": serialization_format,
            "skops_trusted_types": skops_trusted_types or written.untrusted,
        }
        return Saved(
            config=section,
            pyfunc={"data": written.data},
            packages=("scikit-learn", *written.packages),
            loaded=written.loaded,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Check the text, and read it; or rebuild the estimator."""
        import lightgbm

        self.check_grant(folder, config, trust)
        path = data_file(folder, config)
        if _is_booster(config):
            with reading(path):
                return Loaded(lightgbm.Booster(model_str=lightgbm_text.read(path)))
        loaded = estimator_file.read(path, _format_of(config), trust=trust)
        if not isinstance(loaded.native, lightgbm.LGBMModel):
            raise UnreadableModelError(path, f"it holds a {type(loaded.native).__name__}")
        return loaded

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``predict``, one call at a time, with those parameters that it takes."""
        import lightgbm

        booster = native if isinstance(native, lightgbm.Booster) else native.booster_
        n_features, n_rounds = booster.num_feature(), booster.current_iteration()
        text = booster.model_to_string(num_iteration=1)
        columns = CategoryColumns(lightgbm_text.category_columns(text, booster.pandas_categorical))
        known = parameters_of(native.predict) - {"data_has_header"}
        # LightGBM notes on the booster which rounds a call asks for; another one would see them.
        lock = threading.Lock()

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            check_width(data, n_features)
            options = {name: params[name] for name in params if name in known}
            for name in options.keys() & {"start_iteration", "num_iteration"}:
                # Of a larger one, LightGBM would take what is left of it in 32 bits.
                if options[name] is not None:
                    options[name] = whole_number(name, options[name], -1, n_rounds)
            if columns and hasattr(data, "columns"):
                data = columns.convert(data)
            if options.get("pred_contrib") and hasattr(data, "toarray"):
                data = data.toarray()  # the contributions would come in another container
            with lock, predicting(lightgbm.basic.LightGBMError, ValueError, TypeError):
                return native.predict(data, **options, **_QUIET)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """The text and skops do not, a pickle does."""
        if _is_booster(config):
            return None
        return estimator_file.why_code(str(config.get("data")), _format_of(config))

    def unreviewed_types(self, folder: Path, config: Mapping[str, Any]) -> list[str]:
        """Types of other packages than LightGBM, scikit-learn and what that stands on."""
        if _is_booster(config) or _format_of(config) != "skops":
            return []
        return skops_file.unreviewed_types(data_file(folder, config))

    def takes_matrix(self, native: Any, names: Sequence[str]) -> bool:
        """Boosters without categories do; an estimator misses the names of the columns."""
        return type(native).__name__ == "Booster" and not native.pandas_categorical

    def row_wise(self, native: Any) -> bool:
        """Trees look at one row at a time; of a class of the user's nobody knows."""
        return type(native).__module__.partition(".")[0] == "lightgbm"


def _is_booster(config: Mapping[str, Any]) -> bool:
    return bool(config.get("model_class", _BOOSTER) == _BOOSTER)


def _format_of(config: Mapping[str, Any]) -> str:
    return str(config.get("serialization_format", "cloudpickle"))  # before there was the key


def _write_text(booster: Any, path: Path) -> None:
    try:
        booster.save_model(path)
    except (TypeError, ValueError) as exc:  # categories go into it as JSON
        raise UnsavableModelError(
            f"LightGBM's text has no place for the categories of this model ({exc}); make them"
            " text or numbers before training"
        ) from exc
