"""What stock MLflow imports to open those of our folders that it has no reader for.

MLflow calls ``_load_pyfunc`` of the module that ``python_function.loader_module`` names, and then
``predict`` of what it returns. The trust policy of the calling process applies here as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flavorkit.descriptor import FILENAME, PYFUNC
from flavorkit.pyfunc import PyFuncModel, load_model


class _Model:
    """The interface that MLflow's own ``PyFuncModel`` wraps; it has checked the signature."""

    def __init__(self, model: PyFuncModel) -> None:
        self._model = model
        # MLflow asks for the method that python_function.predict_fn names.
        name = model.metadata.flavors[PYFUNC].get("predict_fn", "predict")
        setattr(self, str(name), self.predict)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        if self._model.metadata.is_signature_from_type_hint:  # which MLflow leaves to the model
            return self._model.predict(data, params)
        return self._model.predict_enforced(data, params or {})

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        return self._model.predict_stream(data, params)

    def get_raw_model(self) -> Any:
        return self._model.get_raw_model()


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> _Model:
    """The model in the folder that ``path`` is, or that holds it."""
    folder = Path(path)
    while not (folder / FILENAME).exists() and folder != folder.parent:
        folder = folder.parent
    return _Model(load_model(folder, model_config=model_config))
