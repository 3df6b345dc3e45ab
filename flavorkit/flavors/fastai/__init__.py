"""fastai's learners, as ``Learner.export`` writes them."""

from __future__ import annotations

import functools
import pickle
import random
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.code_paths import CODE, bundle_of, copy_code, imports_of
from flavorkit.flavors.fastai.frames import Columns, as_frame, is_of_tables, names_of
from flavorkit.flavors.methods import predicting
from flavorkit.flavors.private_names import plain
from flavorkit.flavors.python_function.pickle_file import pickler
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.unsafe_load import load_torch_module
from flavorkit.trust import Grant

_DATA = "model.fastai"
_TABLE_ROWS = 4096
"""The size of batches of tables; a batch of any size takes fastai some ten milliseconds."""

# What fastai itself undoes of a training on a GPU, by the callback that did it.
_FOR_CPU = {
    "channels_last": ("to_contiguous", {"to_fp32": True}),
    "mixed_precision": ("to_fp32", {}),
    "non_native_mixed_precision": ("to_non_native_fp32", {}),
}


class Fastai(Flavor):
    """Learners of fastai: what prepares the rows, the module, and what reads its outputs."""

    name = "fastai"
    modules = ("fastai",)
    packages = ("fastai", "torch")
    accepts = ("dataframe",)
    model_argument = "fastai_learner"
    # Stock MLflow had a flavor of its own up to version 2.
    loader_module = "flavorkit.mlflow_loader"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        code_paths: str | Path | Sequence[str | Path] | None = None,
    ) -> Saved:
        """Write ``model.fastai``, without the rows it was trained on and without its optimizer.

        Args:
            model: a ``Learner``, which is left as it was.
            folder: where to.
            code_paths: modules and packages to copy in, for the learner to import from there.
        """
        import fastai
        from fastai.learner import Learner

        if not isinstance(model, Learner):
            raise UnsavableModelError(
                f"a {type(model).__qualname__} is a part of a Learner; save the learner itself"
            )
        code = copy_code(code_paths, folder)
        _export(model, folder / _DATA, folder / CODE if code else None)
        section = {"fastai_version": fastai.__version__, "data": _DATA, CODE: code}
        loaded = self.load(folder, section, trust=Grant.of_own(folder))
        return Saved(
            config=section,
            pyfunc={"data": _DATA, **({CODE: code} if code else {})},
            loaded=Loaded(loaded.native, loaded.modules | imports_of(folder)),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Rebuild the learner on the CPU."""
        self.check_grant(folder, config, trust)
        from fastai.learner import Learner

        path = data_file(folder, {"data": _DATA, **config})
        bundle = bundle_of(folder, config, trust=trust)
        loaded = load_torch_module(path, trust=trust, bundle=bundle, map_location="cpu")
        learner = loaded.native
        if not isinstance(learner, Learner):
            raise UnreadableModelError(path, f"it holds a {type(learner).__name__} and no Learner")
        learner.dls.cpu()
        for callback, (undo, options) in _FOR_CPU.items():
            if hasattr(learner, callback):
                learner = getattr(learner, undo)(**options)
        return Loaded(learner, loaded.modules)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """``get_preds`` on ``dls.test_dl``, one call at a time, since a learner keeps its state."""
        from fastai.callback import progress  # noqa: F401 - adds no_bar to learners

        columns = Columns.of(native.dls) if is_of_tables(native.dls) else None
        options = {"num_workers": 0, **({"bs": _TABLE_ROWS} if columns else {})}
        names = functools.cache(functools.partial(names_of, native.dls))
        lock = threading.Lock()

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if not len(data):
                raise InvalidInputError("no rows: fastai cannot predict on an empty frame")
            with lock, predicting(*_OF_ROWS), native.no_bar():
                rows = columns.prepared(data) if columns else data
                found, _ = native.get_preds(dl=native.dls.test_dl(rows, **options))
            return as_frame(found, names, data.index)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: a learner is a pickle."""
        data = config.get("data") or _DATA
        return f"{data} is a pickle, which can run any code when it is loaded"


# What pandas and fastai raise over columns that are missing, or of other types than in training.
_OF_ROWS = (AssertionError, IndexError, KeyError, TypeError, ValueError)


def _export(learner: Any, path: Path, code: Path | None) -> None:
    """``Learner.export``, after which the learner and Python's random numbers are as before."""
    library: Any = SimpleNamespace(__name__="cloudpickle", Pickler=pickler(code))
    before, numbers = (learner.dls, learner.opt), random.getstate()
    random.seed(0)  # each loader that is written holds a seed
    try:
        learner.export(path.absolute(), library, pickle.DEFAULT_PROTOCOL)
    except UnsavableModelError:
        raise
    except Exception as exc:  # pickling calls methods of the user's
        raise UnsavableModelError(
            f"fastai cannot export the learner: {plain(str(exc))}; it needs fastai's own loaders,"
            " and callbacks and functions that can be pickled (learner.remove_cb drops a callback)"
        ) from exc
    finally:
        random.setstate(numbers)
        learner.dls, learner.opt = before
