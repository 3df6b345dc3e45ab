"""CatBoost's models, in CatBoost's own formats."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors import threads
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.catboost import file as catboost_file
from flavorkit.flavors.catboost.file import UNCERTAIN
from flavorkit.flavors.methods import parameters_of, predicting, whole_number
from flavorkit.flavors.reading import class_named, data_file, reading
from flavorkit.trust import Grant

Format = Literal["cbm", "json"]

_FORMATS = ("cbm", "json")
_CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")
_DATA = "model.cb"
# Where it computes is not for the caller to say, and more threads than it has rows end the process.
_NOT_PARAMETERS = frozenset({"task_type", "thread_count", "verbose"})


class Catboost(Flavor):
    """Classifiers, regressors, rankers and plain models of CatBoost."""

    name = "catboost"
    modules = ("catboost",)
    packages = ("catboost",)
    accepts = ("dataframe", "array", "sparse")
    model_argument = "cb_model"
    loader_module = "mlflow.catboost"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        format: Format = "cbm",  # noqa: A002 - its name there
        pool: Any = None,
    ) -> Saved:
        """Write ``model.cb``.

        Args:
            model: a fitted model of one of CatBoost's classes.
            folder: where to.
            format: "cbm" holds everything; "json" can be read by people, and loads from those you
                trust.
            pool: the ``catboost.Pool`` that the model was trained on, which JSON takes the names of
                categories from.
        """
        import catboost

        if format not in _FORMATS:
            raise UnsavableModelError(
                f"format {format!r} is not of {_FORMATS}, which CatBoost can load again"
            )
        kind = type(model)
        if kind.__module__.partition(".")[0] != "catboost" or kind.__name__ not in _CLASSES:
            raise UnsavableModelError(
                f"CatBoost's formats keep no class of your own such as {kind.__qualname__}; make"
                " it a CatBoost, or wrap it in a PythonModel"
            )
        if not model.is_fitted():
            raise UnsavableModelError(f"this {kind.__name__} is not fitted; fit it first")
        try:
            model.save_model(folder / _DATA, format=format, pool=pool)
        except catboost.CatBoostError as exc:
            raise UnsavableModelError(f"CatBoost cannot write it as {format}: {exc}") from exc
        section = {
            "catboost_version": catboost.__version__,
            "data": _DATA,
            "model_type": kind.__name__,
            "save_format": format,
            "code": None,
        }
        return Saved(config=section, pyfunc={"data": _DATA})

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Check the file as far as that is possible, and read it into a new object of its class."""
        import catboost

        path = data_file(folder, config)
        kind = class_named(catboost, str(config.get("model_type")), _CLASSES, folder)
        native, form = kind(), _format(folder, config)
        with reading(path), tempfile.TemporaryDirectory() as scratch:
            content = path.read_bytes()
            why = _unchecked(path.name, content, form)
            if why is not None and not trust.code:
                raise trust.refusal(why)
            if why is None:
                catboost_file.check(content)
            # CatBoost reads the bytes that were checked, and none that came since.
            copy = Path(scratch) / _DATA
            copy.write_bytes(content)
            native.load_model(copy, format=form)
        return Loaded(native)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``predict``, with those parameters that it takes, such as ``prediction_type``."""
        import catboost

        known = parameters_of(native.predict) - _NOT_PARAMETERS
        categories, texts = native.get_cat_feature_indices(), native.get_text_feature_indices()
        n_trees, loss = native.tree_count_, native.get_param("loss_function")
        own = {"thread_count": threads.allowed() or -1}  # all there are

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if len(data.shape) != 2:
                raise InvalidInputError(f"the model takes rows of features, got shape {data.shape}")
            if hasattr(data, "columns"):
                _refuse_missing(data, [*categories, *texts])
            given = {key: params[key] for key in params if key in known}
            for key in given.keys() & {"ntree_start", "ntree_end"}:
                given[key] = whole_number(key, given[key], 0, n_trees)
            if given.get("prediction_type") == UNCERTAIN != loss:
                raise InvalidInputError(f"{UNCERTAIN} is for models of that loss only")
            with predicting(catboost.CatBoostError, ValueError, TypeError, IndexError):
                return native.predict(data, **given, **own)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """JSON, and the parts that prepare texts and embeddings, are not checked."""
        path = data_file(folder, config)
        with reading(path):
            return _unchecked(path.name, path.read_bytes(), _format(folder, config))

    def row_wise(self, native: Any) -> bool:
        """Trees look at one row at a time."""
        return True


def _format(folder: Path, config: Mapping[str, Any]) -> str:
    found = config.get("save_format") or "cbm"
    if found not in _FORMATS:
        raise UnreadableModelError(folder, f"its format {found!r} is not of {_FORMATS}")
    return str(found)


def _unchecked(name: str, content: bytes, form: str) -> str | None:
    """Why CatBoost's reader, which is compiled and looks at little, might run what a file says."""
    what = "JSON" if form == "json" else None
    if form == "cbm" and (parts := catboost_file.unchecked_parts(content)):
        what = f"the part {parts[0]!r}"
    if what is None:
        return None
    return (
        f"{name} holds {what}, which CatBoost reads without checking it: a forged one crashes it,"
        " and maybe can run code"
    )


def _refuse_missing(frame: Any, positions: list[int]) -> None:
    """CatBoost takes no missing categories and texts, and says so without the column."""
    for position in positions:
        if position < frame.shape[1] and frame.iloc[:, position].isna().any():
            raise InvalidInputError(f"column {frame.columns[position]!r}: a value is missing")
