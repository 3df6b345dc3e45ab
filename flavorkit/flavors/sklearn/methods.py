"""The method an estimator predicts with, and what that makes of rows."""

from __future__ import annotations

from typing import Any

from flavorkit.errors import InvalidInputError, UnsavableModelError
from flavorkit.signature.columns import is_missing

# Methods that compute on their input and change nothing: fitting opens caches and writes files.
PREDICTING = frozenset(
    {
        *("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"),
        *("apply", "decision_function", "inverse_transform", "score", "score_samples", "transform"),
    }
)
# What stock MLflow's wrapper can call; another method needs our own loader there.
MLFLOW_PREDICT_FNS = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score"}
)
# They fit all rows together, or draw random numbers for one row after the other.
_NOT_ROW_WISE = frozenset({"BernoulliRBM", "MiniBatchNMF", "NMF"})


def predict_fn(model: Any, wanted: str | None) -> str | None:
    """The name of the method: the one that is asked for, else what most people mean."""
    if wanted is not None:
        if not callable(getattr(model, wanted, None)):
            raise UnsavableModelError(
                f"a {type(model).__name__} has no method {wanted!r} (pyfunc_predict_fn)"
            )
        return wanted
    return next((name for name in ("predict", "transform") if hasattr(model, name)), None)


def takes_documents(native: Any) -> bool:
    """Whether it takes a sequence of texts, which in a frame are its one column."""
    steps = getattr(native, "steps", None)
    first = steps[0][1] if steps else native
    return any(
        cls.__module__ == "sklearn.feature_extraction.text" for cls in type(first).__mro__
    ) and not hasattr(first, "n_features_in_")


def documents(data: Any) -> Any:
    """The texts, out of the one column of a frame."""
    texts = data.iloc[:, 0] if hasattr(data, "iloc") and data.shape[1:] == (1,) else data
    for row, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            held = "has none" if is_missing(text) else f"holds {text!r}"
            raise InvalidInputError(f"expected text, row {row} {held}"[:200])
    return texts


def is_row_wise(native: Any) -> bool:
    """True if all of it is scikit-learn's own, and takes each row for itself.

    A function of the user's may see several rows; scikit-learn's own do not.
    """
    if not hasattr(native, "get_params"):
        return False
    parts = [native, *native.get_params(deep=True).values()]
    return all(map(_is_row_wise, parts))


def _is_row_wise(part: Any) -> bool:
    is_estimator = hasattr(part, "get_params") and not isinstance(part, type)
    if not is_estimator and not callable(part):
        return True
    home = getattr(part if callable(part) else type(part), "__module__", "") or ""
    if is_estimator:
        home = type(part).__module__
        name = type(part).__name__
        if name in _NOT_ROW_WISE or getattr(part, "sample_posterior", False):
            return False
        if name == "FunctionTransformer" and (part.func, part.inverse_func) != (None, None):
            return False
    return home.partition(".")[0] in {"sklearn", "numpy", "scipy"}


# Parts that may look columns up by name, or treat a frame as one.
_LOOKS_AT_FRAMES = frozenset({"ColumnTransformer", "FunctionTransformer"})


def ignores_names(native: Any) -> bool:
    """Whether an estimator, or each in a pipeline, makes an array of a frame first of all."""
    if type(native).__module__ == "sklearn.pipeline" and hasattr(native, "steps"):
        return all(step == "passthrough" or ignores_names(step) for _, step in native.steps)
    return _ignores_names(native)


def without_names(native: Any) -> Any:
    """``native`` without the names of its columns, which it would miss in an array, and warn."""
    if not ignores_names(native):
        return native
    bare = object.__new__(type(native))
    bare.__dict__ = {key: value for key, value in vars(native).items() if key != _NAMES}
    if hasattr(native, "steps"):
        bare.steps = [
            (name, step if step == "passthrough" else without_names(step))
            for name, step in native.steps
        ]
    return bare


_NAMES = "feature_names_in_"


def _ignores_names(part: Any) -> bool:
    return (
        type(part).__module__.startswith("sklearn.")
        and type(part).__name__ not in _LOOKS_AT_FRAMES
        and hasattr(part, "__dict__")
        and hasattr(part, "get_params")
        and not hasattr(part, "_sklearn_output_config")
        and getattr(part, "is_categorical_", None) is None
        and not any(map(_holds_a_part, part.get_params(deep=False).values()))
    )


def _holds_a_part(value: Any) -> bool:
    """Whether a parameter is an estimator or a function, or has one in it."""
    if isinstance(value, list | tuple | set):
        return any(map(_holds_a_part, value))
    if isinstance(value, dict):
        return any(map(_holds_a_part, value.values()))
    return hasattr(value, "get_params") or callable(value)
