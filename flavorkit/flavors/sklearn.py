"""scikit-learn estimators: skops by default, pickles on request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit.descriptor import inside
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors import estimator_file, skops_file
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.estimator_file import SerializationFormat
from flavorkit.flavors.methods import parameters_of
from flavorkit.signature.columns import is_missing
from flavorkit.trust import Grant

SERIALIZATION_FORMAT_SKOPS: SerializationFormat = "skops"
SERIALIZATION_FORMAT_CLOUDPICKLE: SerializationFormat = "cloudpickle"
SERIALIZATION_FORMAT_PICKLE: SerializationFormat = "pickle"

# Methods that compute on their input and change nothing: fitting opens caches and writes files.
PREDICTING = frozenset(
    {
        *("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"),
        *("apply", "decision_function", "inverse_transform", "score", "score_samples", "transform"),
    }
)
# What stock MLflow's wrapper can call; another method needs our own loader there.
_MLFLOW_PREDICT_FNS = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score"}
)


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
        predict_fn = _predict_fn(model, pyfunc_predict_fn)
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
        takes_documents = _takes_documents(native)

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if takes_documents:
                data = _documents(data)
            if not params:
                return method(data)
            return method(data, **{key: params[key] for key in params if key in known})

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """A pickle does, and so may a method that does more than predict; skops does not."""
        predict_fn = config.get("predict_fn", "predict")
        if predict_fn not in PREDICTING:
            return (
                f"its predictions come from {predict_fn!r}, which is not one of the methods that"
                f" only predict ({', '.join(sorted(PREDICTING))})"
            )
        data = config.get("pickled_model") or config.get("model_path")
        return estimator_file.why_code(str(data), _format_of(config))

    def unreviewed_types(self, folder: Path, config: Mapping[str, Any]) -> list[str]:
        """Types of other packages than scikit-learn and what it stands on."""
        if _format_of(config) != "skops":
            return []
        return skops_file.unreviewed_types(_data_file(folder, config))

    def row_wise(self, native: Any) -> bool:
        """True if all of it is scikit-learn's own, and no function of the user's sees the rows."""
        if not hasattr(native, "get_params"):
            return False
        parts = [native, *native.get_params(deep=True).values()]
        return all(map(_is_row_wise, parts))


def _takes_documents(native: Any) -> bool:
    """Whether it takes a sequence of texts, which in a frame are its one column."""
    steps = getattr(native, "steps", None)
    first = steps[0][1] if steps else native
    return any(
        cls.__module__ == "sklearn.feature_extraction.text" for cls in type(first).__mro__
    ) and not hasattr(first, "n_features_in_")


def _documents(data: Any) -> Any:
    """The texts, out of the one column of a frame."""
    texts = data.iloc[:, 0] if hasattr(data, "iloc") and data.shape[1:] == (1,) else data
    for row, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            held = "has none" if is_missing(text) else f"holds {text!r}"
            raise InvalidInputError(f"expected text, row {row} {held}"[:200])
    return texts


def _is_row_wise(part: Any) -> bool:
    is_estimator = hasattr(part, "get_params") and not isinstance(part, type)
    if not is_estimator and not callable(part):
        return True
    home = getattr(part if callable(part) else type(part), "__module__", "") or ""
    if is_estimator:
        home = type(part).__module__
        if type(part).__name__ == "FunctionTransformer" and part.func is not None:
            return False
    return home.partition(".")[0] in {"sklearn", "numpy", "scipy"}


def _data_file(folder: Path, config: Mapping[str, Any]) -> Path:
    return inside(folder, config.get("pickled_model") or config.get("model_path") or "")


def _format_of(config: Mapping[str, Any]) -> str:
    return str(config.get("serialization_format", "pickle"))  # before MLflow 2 there was no key


def _predict_fn(model: Any, wanted: str | None) -> str | None:
    if wanted is not None:
        if not callable(getattr(model, wanted, None)):
            raise UnsavableModelError(
                f"a {type(model).__name__} has no method {wanted!r} (pyfunc_predict_fn)"
            )
        return wanted
    return next((name for name in ("predict", "transform") if hasattr(model, name)), None)


def _pyfunc_section(data: str, predict_fn: str) -> dict[str, Any]:
    section = {"model_path": data, "predict_fn": predict_fn}
    if predict_fn not in _MLFLOW_PREDICT_FNS:
        section["loader_module"] = "flavorkit.mlflow_loader"
    return section
