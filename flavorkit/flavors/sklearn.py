"""scikit-learn estimators: skops by default, pickles on request."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flavorkit.descriptor import inside
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors import skops_file
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.methods import parameters_of
from flavorkit.flavors.unsafe_load import load_pickle
from flavorkit.signature.columns import is_missing
from flavorkit.trust import Grant

Format = Literal["skops", "cloudpickle", "pickle"]

SERIALIZATION_FORMAT_SKOPS: Format = "skops"
SERIALIZATION_FORMAT_CLOUDPICKLE: Format = "cloudpickle"
SERIALIZATION_FORMAT_PICKLE: Format = "pickle"

_FILES = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}
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
        serialization_format: Format = "skops",
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

        if serialization_format not in _FILES:
            raise UnsavableModelError(
                f"{serialization_format!r} is no serialization format: {', '.join(_FILES)}"
            )
        data = _FILES[serialization_format]
        if serialization_format == "skops":
            content = _dump_skops(model, folder / data)
            loaded, found = Loaded(content.instance, content.modules), list(content.untrusted)
        else:
            loaded, found = _dump_pickle(model, folder / data, serialization_format), None
        trusted = skops_trusted_types if skops_trusted_types is not None else found
        predict_fn = _predict_fn(model, pyfunc_predict_fn)
        return Saved(
            config={
                "code": None,
                "pickled_model": data,
                "serialization_format": serialization_format,
                "skops_trusted_types": trusted or None,
                "sklearn_version": sklearn.__version__,
            },
            pyfunc=None if predict_fn is None else _pyfunc_section(data, predict_fn),
            packages=() if serialization_format == "pickle" else (serialization_format,),
            loaded=loaded,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Rebuild the estimator."""
        path = _data_file(folder, config)
        if _format_of(config) == "skops":
            content = skops_file.load(path, trust=trust)
            return Loaded(content.instance, content.modules)
        return load_pickle(path, trust=trust)

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
        if _format_of(config) == "skops":
            return None
        data = config.get("pickled_model") or config.get("model_path")
        return f"{data} is a pickle, which can run any code when it is loaded"

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


def _dump_skops(model: Any, path: Path) -> skops_file.Content:
    """Write the file and read it back."""
    skops_file.dump(model, path)
    try:
        content = skops_file.load(path, trust=Grant.of_own(path))
    except UnreadableModelError as exc:
        if isinstance(exc.__cause__, OSError):
            raise exc.__cause__ from None
        raise UnsavableModelError(
            f"skops writes this model but cannot read it back ({exc.problem});"
            f" {skops_file.OTHER_FORMATS}"
        ) from exc
    if "__main__" in content.modules:
        names = [name for name in content.untrusted if name.startswith("__main__.")]
        raise UnsavableModelError(
            f"the model uses {', '.join(names) or 'what'} this script defines, which no other"
            " process could import; move it into a module, or"
            f" {skops_file.OTHER_FORMATS}"
        )
    return content


def _dump_pickle(model: Any, path: Path, serialization_format: str) -> Loaded:
    """Write the file and read it back."""
    import cloudpickle

    library: Any = cloudpickle if serialization_format == "cloudpickle" else pickle
    try:
        # The default protocol, so that older Pythons than this one can read it too.
        content = library.dumps(model, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as exc:
        hint = "" if library is cloudpickle else '; serialization_format="cloudpickle" may'
        raise UnsavableModelError(f"{serialization_format} cannot write it: {exc}{hint}") from exc
    path.write_bytes(content)
    loaded = load_pickle(path, trust=Grant.of_own(path))
    if "__main__" in loaded.modules:
        raise UnsavableModelError(
            "the model uses a class or function that this script defines, which no other process"
            ' could import; serialization_format="cloudpickle" takes it along'
        )
    return loaded
