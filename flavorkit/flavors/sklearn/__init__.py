"""scikit-learn estimators: skops by default, pickles on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flavorkit.errors import UnreadableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.methods import parameters_of
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.sklearn import linear, methods
from flavorkit.flavors.skops import estimator_file
from flavorkit.flavors.skops import file as skops_file
from flavorkit.flavors.skops.estimator_file import SerializationFormat
from flavorkit.trust import Grant

SERIALIZATION_FORMAT_SKOPS: SerializationFormat = "skops"
SERIALIZATION_FORMAT_CLOUDPICKLE: SerializationFormat = "cloudpickle"
SERIALIZATION_FORMAT_PICKLE: SerializationFormat = "pickle"


class Sklearn(Flavor):
    """Estimators and pipelines of scikit-learn, and classes that derive from them."""

    name = "sklearn"
    modules = ("sklearn",)
    packages = ("scikit-learn",)
    helpers = ("skops",)
    accepts = ("dataframe", "array", "sparse", "list")
    model_argument = "sk_model"
    public = (
        "SERIALIZATION_FORMAT_CLOUDPICKLE",
        "SERIALIZATION_FORMAT_PICKLE",
        "SERIALIZATION_FORMAT_SKOPS",
    )
    loader_module = "mlflow.sklearn"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: SerializationFormat = "skops",
        pyfunc_predict_fn: str | None = None,
        skops_trusted_types: list[str] | None = None,
    ) -> Saved:
        """Write ``model.skops`` or ``model.pkl``.

        Args:
            model: a fitted estimator.
            folder: where to.
            serialization_format: "skops" is data, which anyone can load; "cloudpickle" and "pickle"
                hold what skops cannot, and run code when they are loaded. Only cloudpickle takes
                classes and functions of the script itself with it.
            pyfunc_predict_fn: the method that predictions come from, "predict" where there is one,
                else "transform".
            skops_trusted_types: written for stock MLflow, which needs to be told the types in the
                file; found out when not given.
        """
        import sklearn

        written = estimator_file.write(model, folder, serialization_format)
        trusted = skops_trusted_types if skops_trusted_types is not None else written.untrusted
        predict_fn = methods.predict_fn(model, pyfunc_predict_fn)
        return Saved(
            config={
                "code": None,
                "pickled_model": written.data,
                "serialization_format": serialization_format,
                "skops_trusted_types": trusted or None,
                "sklearn_version": sklearn.__version__,
            },
            pyfunc=None if predict_fn is None else _pyfunc_section(written.data, predict_fn),
            packages=written.packages,
            loaded=written.loaded,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Rebuild the estimator."""
        return estimator_file.read(_data_file(folder, config), _format_of(config), trust=trust)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The method that the descriptor names, called with those parameters that it takes."""
        name = config.get("predict_fn") or "predict"
        method = getattr(native, name, None)
        if not callable(method):
            raise UnreadableModelError(
                type(native).__name__, f"it has no method {name!r} to predict with"
            )
        known = parameters_of(method)
        # It knows the names of columns only to compare them, and an array has none.
        bare = methods.without_names(native)
        of_array = linear.predict_of(bare) if name == "predict" else getattr(bare, name)
        takes_documents = methods.takes_documents(native)

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if takes_documents:
                data = methods.documents(data)
            call = of_array if isinstance(data, np.ndarray) else method
            if not params:
                return call(data)
            return call(data, **{key: params[key] for key in params if key in known})

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """A pickle does, and so may a method that does more than predict; skops does not."""
        predict_fn = config.get("predict_fn", "predict")
        if not isinstance(predict_fn, str) or predict_fn not in methods.PREDICTING:
            return (
                f"its predictions come from {predict_fn!r}, which is not one of the methods that"
                f" only predict ({', '.join(sorted(methods.PREDICTING))})"
            )
        data = config.get("pickled_model") or config.get("model_path")
        return estimator_file.why_code(str(data), _format_of(config))

    def unreviewed_types(self, folder: Path, config: Mapping[str, Any]) -> list[str]:
        """Types of other packages than scikit-learn and what it stands on."""
        if _format_of(config) != "skops":
            return []
        return skops_file.unreviewed_types(_data_file(folder, config))

    def takes_matrix(self, native: Any, names: Sequence[str]) -> bool:
        """True where no part selects columns by name, and they are those of the training."""
        fitted = getattr(native, "feature_names_in_", names)
        return list(fitted) == list(names) and methods.ignores_names(native)

    def row_wise(self, native: Any) -> bool:
        """True if all of it is scikit-learn's own and takes each row for itself."""
        return methods.is_row_wise(native)


def _data_file(folder: Path, config: Mapping[str, Any]) -> Path:
    return data_file(folder, config, "pickled_model" if "pickled_model" in config else "model_path")


def _format_of(config: Mapping[str, Any]) -> str:
    return str(config.get("serialization_format", "pickle"))  # before MLflow 2 there was no key


def _pyfunc_section(data: str, predict_fn: str) -> dict[str, Any]:
    section = {"model_path": data, "predict_fn": predict_fn}
    if predict_fn not in methods.MLFLOW_PREDICT_FNS:
        section["loader_module"] = "flavorkit.mlflow_loader"
    return section
