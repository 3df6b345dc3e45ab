"""Keras 3 models on any backend, as ``.keras`` files or exported for TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors import keras_call, keras_file, saved_model
from flavorkit.flavors.backends import import_keras, import_tensorflow, package_of
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.reading import data_file
from flavorkit.trust import Grant

_DATA = "data"
_EXPORTED = saved_model.Endpoint("serving_default")


class Keras(Flavor):
    """Sequential, functional and subclassed models of Keras 3."""

    name = "keras"
    modules = ("keras",)
    packages = ("keras",)
    accepts = ("array", "dataframe", "dict")
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
                model: it can predict without its classes and not be trained.
            custom_objects: classes and functions of your own by name, to go with the model; those
                that are registered with Keras, and layers, go with it without.
            save_model_kwargs: what ``model.save`` takes beside the path.
        """
        keras = import_keras()
        _refuse_other_kinds(model, keras)
        backend = keras.backend.backend()
        data = folder / _DATA
        pyfunc: dict[str, Any] = {}
        if save_exported_model:
            saved_model.export(model, data / keras_file.EXPORTED, backend)
            (data / "keras_module.txt").write_text("keras", "utf-8")
        else:
            keras_file.write(
                model,
                data,
                module="keras",
                custom_objects=custom_objects,
                options=save_model_kwargs,
            )
            # MLflow reads neither pickled classes nor lambdas with this flavor.
            if keras_file.holds_custom_objects(data) or keras_file.holds_lambda(data):
                pyfunc["loader_module"] = "flavorkit.mlflow_loader"
        section = {
            "data": _DATA,
            "keras_backend": backend,
            "keras_version": keras.__version__,
            "save_exported_model": save_exported_model,
        }
        needed = "tensorflow" if save_exported_model else backend
        return Saved(config=section, pyfunc=pyfunc, packages=package_of(needed))

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
        if config.get("save_exported_model"):
            import_tensorflow()
            return Loaded(saved_model.load(data / keras_file.EXPORTED, trust=trust))
        backend = config.get("keras_backend")
        keras = import_keras(None if backend is None else str(backend))
        try:
            return keras_file.read(
                data, trust=trust, custom_objects=custom_objects, options=load_model_kwargs
            )
        except UnreadableModelError as exc:
            running = keras.backend.backend()
            if backend in {None, running}:
                raise
            raise UnreadableModelError(
                exc.path,
                f"{exc.problem}\nThe model was saved with Keras on {backend}, and here it runs on"
                f" {running}; in a process with KERAS_BACKEND={backend} it may load",
            ) from exc

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """In batches; parameters are those of ``predict``, such as ``batch_size``."""
        if config.get("save_exported_model"):
            return saved_model.predictor(native, _EXPORTED)
        return keras_call.predictor(native)

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Layers can be code, and so can a SavedModel."""
        if config.get("save_exported_model"):
            return saved_model.WHY
        return keras_file.WHY


def _refuse_other_kinds(model: Any, keras: Any) -> None:
    if not isinstance(model, keras.Model):
        raise UnsavableModelError(
            f"a {type(model).__name__} is no keras.Model; a layer can be put into a Sequential"
        )
