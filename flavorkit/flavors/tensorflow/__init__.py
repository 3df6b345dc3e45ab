"""TensorFlow modules, SavedModel folders, and Keras models through TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.backends import import_keras, import_tensorflow
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.keras import call as keras_call
from flavorkit.flavors.keras import file as keras_file
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.tensorflow import keras_model, saved_model
from flavorkit.flavors.tensorflow.saved_model import Endpoint
from flavorkit.trust import Grant

# MLflow's names for them. It loads the last by signature, which is what a SavedModel has.
_MODULE, _FOLDER = "tf2-module", "tf1-estimator"


class Tensorflow(Flavor):
    """``tf.Module`` objects and SavedModels; Keras models if asked by name."""

    name = "tensorflow"
    modules = ("tensorflow",)
    packages = ("tensorflow",)
    helpers = ("keras",)
    accepts = saved_model.ACCEPTS
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
        tf = import_tensorflow()
        section: dict[str, Any]
        if isinstance(model, str | Path):
            saved_model.copy(Path(model), folder / "tfmodel")
            section = {
                "model_type": _FOLDER,
                "meta_graph_tags": list(tf_meta_graph_tags or saved_model.TAGS),
                "signature_def_key": tf_signature_def_key or saved_model.SERVING,
                "saved_model_dir": "tfmodel",
            }
            return _read_back(section, folder, example, tf_signature_def_key)
        if tf_meta_graph_tags or tf_signature_def_key:
            raise UnsavableModelError(
                "tf_meta_graph_tags and tf_signature_def_key say what is meant of a SavedModel"
                f" folder; a {type(model).__name__} is no path of one"
            )
        if isinstance(model, import_keras(keras_model.BACKEND).Model):
            return keras_model.save(model, folder, custom_objects, dict(keras_model_kwargs or {}))
        section = {"model_type": _MODULE, "saved_model_dir": "tf2model"}
        try:
            tf.saved_model.save(model, str(folder / "tf2model"), **(saved_model_kwargs or {}))
        except (AssertionError, TypeError, ValueError) as exc:
            raise UnsavableModelError(f"TensorFlow cannot write this model: {exc}") from exc
        return _read_back(section, folder, example)

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
        if keras_model.is_keras(config):
            path = data_file(folder, config)
            return keras_file.read(
                path, trust=trust, backend=keras_model.BACKEND, options=keras_model_kwargs
            )
        path = data_file(folder, config, "saved_model_dir")
        tags = Endpoint.of(config).tags
        given = {} if tags is None else {"tags": tags}
        return Loaded(saved_model.load(path, trust=trust, **given, **(saved_model_kwargs or {})))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """By the signature's names; for Keras models as in the keras flavor."""
        if keras_model.is_keras(config) and keras_call.is_model(native):
            return keras_call.predictor(native)
        return saved_model.predictor(native, Endpoint.of(config))

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """A SavedModel is a program, and Keras layers can be code."""
        return keras_file.WHY if keras_model.is_keras(config) else saved_model.WHY


def _read_back(
    section: dict[str, Any], folder: Path, example: Any, key: str | None = None
) -> Saved:
    """The SavedModel just written, asked what it takes."""
    endpoint = Endpoint.of(section)
    try:
        loaded = Tensorflow().load(folder, section, trust=Grant.of_own(folder))
    except UnreadableModelError as exc:
        raise UnsavableModelError(f"TensorFlow cannot read it back: {exc.problem}") from exc
    problem = saved_model.missing(loaded.native, key) if key else None
    if problem:
        raise UnsavableModelError(f"the SavedModel cannot predict: {problem}")
    return Saved(
        config={"code": None, **section},
        pyfunc={} if saved_model.can_predict(loaded.native, endpoint) else None,
        signature=None if example else saved_model.signature_of(loaded.native, endpoint),
        loaded=loaded,
    )
