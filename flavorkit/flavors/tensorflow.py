"""TensorFlow modules, SavedModel folders, and Keras models through TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors import keras_call, keras_file, saved_model
from flavorkit.flavors.backends import import_keras, import_tensorflow
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.saved_model import Endpoint
from flavorkit.trust import Grant

_DATA = "data"
_KERAS, _MODULE, _FOLDER = "keras", "tf2-module", "tf1-estimator"


class Tensorflow(Flavor):
    """``tf.Module`` objects and SavedModels; Keras models if asked by name."""

    name = "tensorflow"
    modules = ("tensorflow",)
    packages = ("tensorflow",)
    helpers = ("keras",)
    accepts = ("array", "dataframe", "dict")
    model_aliases = ("tf_saved_model_dir",)
    loader_module = "mlflow.tensorflow"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        custom_objects: Mapping[str, Any] | None = None,
        saved_model_kwargs: Mapping[str, Any] | None = None,
        keras_model_kwargs: Mapping[str, Any] | None = None,
        tf_meta_graph_tags: Sequence[str] | None = None,
        tf_signature_def_key: str | None = None,
        example: Any = None,
    ) -> Saved:
        """Write ``tf2model/``, ``tfmodel/``, or ``data/model.keras``.

        Args:
            model: a ``tf.Module``, the path of a SavedModel folder, or a Keras model.
            folder: where to.
            custom_objects: classes and functions of a Keras model by name, to go with it.
            saved_model_kwargs: what ``tf.saved_model.save`` takes beside, such as ``signatures``.
            keras_model_kwargs: what ``model.save`` of Keras takes beside; ``save_format="h5"``
                writes ``data/model.h5``.
            tf_meta_graph_tags: which graph of a SavedModel folder, ``["serve"]`` when not given.
            tf_signature_def_key: which of its signatures predicts, "serving_default" when not
                given.
            example: the input example, which makes the signature where there is one.
        """
        tensorflow = import_tensorflow()
        if isinstance(model, str | Path):
            endpoint = Endpoint(tf_signature_def_key or saved_model.SERVING, is_named=True)
            return _save_folder(Path(model), folder, endpoint, tf_meta_graph_tags, example)
        if tf_meta_graph_tags or tf_signature_def_key:
            raise UnsavableModelError(
                "tf_meta_graph_tags and tf_signature_def_key say what is meant of a SavedModel"
                " folder; this is no path of one"
            )
        keras = import_keras("tensorflow")
        if isinstance(model, keras.Model):
            return _save_keras(model, folder, keras, custom_objects, keras_model_kwargs)
        target = folder / "tf2model"
        try:
            tensorflow.saved_model.save(model, str(target), **(saved_model_kwargs or {}))
        except (AssertionError, TypeError, ValueError) as exc:
            raise UnsavableModelError(f"TensorFlow cannot write this model: {exc}") from exc
        section = {"code": None, "model_type": _MODULE, "saved_model_dir": target.name}
        return _saved(section, folder, Endpoint(), example)

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        trust: Grant,
        saved_model_kwargs: Mapping[str, Any] | None = None,
        keras_model_kwargs: Mapping[str, Any] | None = None,
    ) -> Loaded:
        """Rebuild the model.

        Args:
            folder: the model's.
            config: its section.
            trust: must allow code.
            saved_model_kwargs: what ``tf.saved_model.load`` takes beside, such as ``options``.
            keras_model_kwargs: what ``keras.saving.load_model`` takes beside, such as
                ``custom_objects`` and ``compile``.
        """
        self.check_grant(folder, config, trust)
        import_tensorflow()
        kind = _kind_of(config)
        if kind == _KERAS:
            import_keras("tensorflow")
            options = dict(keras_model_kwargs or {})
            custom_objects = options.pop("custom_objects", None)
            data = data_file(folder, config)
            exported = data / keras_file.EXPORTED
            if (exported / saved_model.PROGRAM).is_file():  # as TensorFlow before 2.16 saved them
                return Loaded(saved_model.load(exported, trust=trust))
            return keras_file.read(
                data, trust=trust, custom_objects=custom_objects, options=options
            )
        path = data_file(folder, config, "saved_model_dir")
        options = dict(saved_model_kwargs or {})
        if kind == _FOLDER:
            options.setdefault("tags", list(config.get("meta_graph_tags") or saved_model.TAGS))
        return Loaded(saved_model.load(path, trust=trust, **options))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """By the signature's names; for Keras models as in the keras flavor."""
        if _kind_of(config) == _KERAS and hasattr(native, "predict_on_batch"):
            return keras_call.predictor(native)
        return saved_model.predictor(native, _endpoint_of(config))

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """A SavedModel is a program, and Keras layers can be code."""
        return keras_file.WHY if config.get("model_type") == _KERAS else saved_model.WHY


def _save_folder(
    source: Path, folder: Path, endpoint: Endpoint, tags: Sequence[str] | None, example: Any
) -> Saved:
    """A copy, under the keys with which MLflow loads by signature."""
    target = folder / "tfmodel"
    saved_model.copy(source, target)
    section = {
        "code": None,
        "meta_graph_tags": list(tags or saved_model.TAGS),
        "model_type": _FOLDER,
        "saved_model_dir": target.name,
        "signature_def_key": endpoint.key,
    }
    try:
        return _saved(section, folder, endpoint, example)
    except UnreadableModelError as exc:
        raise UnsavableModelError(f"{source}: {exc.problem}") from exc


def _saved(section: dict[str, Any], folder: Path, endpoint: Endpoint, example: Any) -> Saved:
    """Read the SavedModel back, and ask it what it takes."""
    tags = {"tags": section["meta_graph_tags"]} if "meta_graph_tags" in section else {}
    path = folder / section["saved_model_dir"]
    native = saved_model.load(path, trust=Grant.of_own(folder), **tags)
    return Saved(
        config=section,
        pyfunc={} if saved_model.can_predict(native, endpoint) else None,
        signature=saved_model.signature_of(native, endpoint) if example is None else None,
        loaded=Loaded(native),
    )


def _save_keras(
    model: Any,
    folder: Path,
    keras: Any,
    custom_objects: Mapping[str, Any] | None,
    keras_model_kwargs: Mapping[str, Any] | None,
) -> Saved:
    import tensorflow as tf

    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise UnsavableModelError(
            f"Keras runs on {backend} here; flavorkit.keras.save_model saves its models"
        )
    options = dict(keras_model_kwargs or {})
    save_format = options.pop("save_format", "tf")
    name = keras_file.LEGACY if save_format == "h5" else keras_file.MODEL
    keras_file.write(
        model,
        folder / _DATA,
        module="tensorflow.keras",
        custom_objects=custom_objects,
        name=name,
        options=options,
    )
    (folder / _DATA / "save_format.txt").write_text(save_format, "utf-8")
    pyfunc = {"data": _DATA}
    if keras_file.holds_lambda(folder / _DATA):  # which MLflow does not read
        pyfunc["loader_module"] = "flavorkit.mlflow_loader"
    pickled = ("cloudpickle",) if keras_file.holds_custom_objects(folder / _DATA) else ()
    return Saved(
        config={
            "code": None,
            "data": _DATA,
            "keras_version": tf.__version__,
            "model_type": _KERAS,
            "save_format": save_format,
        },
        pyfunc=pyfunc,
        packages=("keras", *pickled),
    )


def _kind_of(config: Mapping[str, Any]) -> str:
    """MLflow before 1.27 did not write it."""
    return str(config.get("model_type") or (_FOLDER if "saved_model_dir" in config else _KERAS))


def _endpoint_of(config: Mapping[str, Any]) -> Endpoint:
    if _kind_of(config) == _FOLDER:
        return Endpoint(str(config.get("signature_def_key") or saved_model.SERVING), is_named=True)
    return Endpoint()
