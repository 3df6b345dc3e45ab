"""Keras models saved with TensorFlow's flavor, as MLflow's users do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.backends import import_tensorflow
from flavorkit.flavors.base import Saved
from flavorkit.flavors.keras import file as keras_file

BACKEND = "tensorflow"
_KERAS = "keras"


def save(
    model: Any, folder: Path, custom_objects: Mapping[str, Any] | None, options: dict[str, Any]
) -> Saved:
    """Write ``data/model.keras``, or ``data/model.h5`` for the format "h5".

    Raises:
        UnsavableModelError: Keras runs on another backend than TensorFlow.
    """
    save_format = options.pop("save_format", "tf")
    name = keras_file.LEGACY if save_format == "h5" else keras_file.MODEL
    module = "tensorflow.keras"
    written = keras_file.write(model, folder, module, custom_objects, options, name=name)
    if written.backend != BACKEND:
        raise UnsavableModelError(
            f"Keras runs on {written.backend} here; flavorkit.keras.save_model saves its models"
        )
    (folder / keras_file.FOLDER / "save_format.txt").write_text(save_format, "utf-8")
    # MLflow unpickles custom objects with this flavor; lambdas it does not read.
    section = {
        "code": None,
        "data": keras_file.FOLDER,
        "keras_version": import_tensorflow().__version__,
        "model_type": _KERAS,
        "save_format": save_format,
    }
    pyfunc = {"data": keras_file.FOLDER, **(keras_file.OUR_LOADER if written.has_lambda else {})}
    return Saved(config=section, pyfunc=pyfunc, packages=("keras",), loaded=written.loaded)


def is_keras(config: Mapping[str, Any]) -> bool:
    """Whether a section is of a Keras model.

    MLflow before 1.27 wrote no type, and only SavedModels with this flavor.
    """
    return config.get("model_type") == _KERAS
