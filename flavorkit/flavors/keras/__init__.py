"""Keras 3 models on any backend, as ``.keras`` files or exported for TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.backends import import_keras, package_of
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.keras import call as keras_call
from flavorkit.flavors.keras import file as keras_file
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.tensorflow import saved_model
from flavorkit.trust import Grant

_EXPORTED = "save_exported_model"


class Keras(Flavor):
    """Sequential, functional and subclassed models of Keras 3."""

    name = "keras"
    modules = ("keras",)
    packages = ("keras",)
    accepts = saved_model.ACCEPTS
    loader_module = "mlflow.keras"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        save_exported_model: bool = False,
        custom_objects: Mapping[str, Any] | None = None,
        save_model_kwargs: Mapping[str, Any] | None = None,
    ) -> Saved:
        """Write ``data/model.keras``, or a SavedModel in ``data/model``.

        Args:
            model: a Keras model that has been called or built.
            folder: where to.
            save_exported_model: write what the model computes, as a SavedModel, instead of the
                model: it can predict without its classes, and not be trained.
            custom_objects: classes and functions of your own by name, to go with the model; those
                that are registered with Keras, and layers, go with it without.
            save_model_kwargs: what ``model.save`` takes beside the path.
        """
        keras = import_keras()
        if not isinstance(model, keras.Model):
            raise UnsavableModelError(
                f"a {type(model).__name__} is no keras.Model; a layer can be put into a Sequential"
            )
        backend = needed = keras.backend.backend()
        pyfunc: dict[str, str] = {}
        loaded = None
        if save_exported_model:
            keras_file.export(model, folder, "keras")
            needed = "tensorflow"
        else:
            kept = keras_file.write(model, folder, "keras", custom_objects, save_model_kwargs)
            loaded = kept.loaded
            if kept.has_custom_objects or kept.has_lambda:  # MLflow reads neither here
                pyfunc = keras_file.OUR_LOADER
        return Saved(
            config={
                "data": keras_file.FOLDER,
                "keras_backend": backend,
                "keras_version": keras.__version__,
                _EXPORTED: save_exported_model,
            },
            pyfunc=pyfunc,
            packages=package_of(needed),
            loaded=loaded,
        )

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        trust: Grant,
        custom_objects: Mapping[str, Any] | None = None,
        load_model_kwargs: Mapping[str, Any] | None = None,
    ) -> Loaded:
        """Rebuild the model, on the backend it was saved with unless Keras runs on another.

        Args:
            folder: the model's.
            config: its section.
            trust: must allow code.
            custom_objects: classes and functions by name, in place of those in the folder.
            load_model_kwargs: what ``keras.saving.load_model`` takes beside: ``compile``,
                ``safe_mode`` (False, since the caller has allowed code already).
        """
        self.check_grant(folder, config, trust)
        data = data_file(folder, config)
        if config.get(_EXPORTED):
            return Loaded(saved_model.load(data / keras_file.EXPORTED, trust=trust))
        backend = config.get("keras_backend")
        given = {**(load_model_kwargs or {}), "custom_objects": custom_objects}
        return keras_file.read(
            data, trust=trust, backend=None if backend is None else str(backend), options=given
        )

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """In batches; parameters are those of ``predict``, such as ``batch_size``."""
        if keras_call.is_model(native):
            return keras_call.predictor(native)
        return saved_model.predictor(native, saved_model.Endpoint())

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Layers can be code, and so can a SavedModel."""
        return saved_model.WHY if config.get(_EXPORTED) else keras_file.WHY
