"""Keras models as files: ``model.keras``, and what of the user's own they need to be read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.backends import import_keras
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.tensorflow import saved_model
from flavorkit.flavors.unsafe_load import load_keras, load_pickle
from flavorkit.trust import Grant

FOLDER = "data"
MODEL = "model.keras"
LEGACY = "model.h5"
EXPORTED = "model"

WHY = "data holds a Keras model, whose layers can run any code when they are built"

# What the python_function section says of a model that MLflow's own loader does not read.
OUR_LOADER = {"loader_module": "flavorkit.mlflow_loader"}

CUSTOM_OBJECTS = "custom_objects.cloudpickle"
# MLflow keeps those that were registered with Keras in a file of their own.
_CUSTOM_FILES = ("global_custom_objects.cloudpickle", CUSTOM_OBJECTS)

# The packages whose classes Keras itself finds by the names in a file.
_KNOWN_TO_KERAS = frozenset({"keras", "keras_cv", "keras_hub", "keras_nlp"})


@dataclass(frozen=True)
class Written:
    """What is worth knowing of a model that was written."""

    backend: str
    has_custom_objects: bool
    has_lambda: bool
    """Whether Python code stands in it, which Keras reads only when it is told to."""
    loaded: Loaded
    """The model, read back."""


def write(
    model: Any,
    folder: Path,
    module: str,
    custom_objects: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    name: str = MODEL,
) -> Written:
    """Write ``model`` into ``data/``, with the classes and functions of the user's that it needs.

    Args:
        model: the Keras model.
        folder: where ``data/`` is to be.
        module: what MLflow is to load the model with.
        custom_objects: classes and functions of the user's own by the names that Keras knows them
            by; those that are registered, and layers, are found without.
        options: what ``model.save`` takes beside.
        name: of the file, :data:`MODEL`, or :data:`LEGACY` to write what Keras 2 wrote.

    Raises:
        UnsavableModelError: it has no weights yet, Keras cannot write it or read it back, or an
            object of the user's cannot be pickled.
    """
    import keras

    _refuse_unbuilt(model)
    data = _new(folder, module)
    try:
        model.save(data / name, **(options or {}))
        config = config_of(data / MODEL) if name == MODEL else json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as exc:
        raise UnsavableModelError(f"Keras cannot write this model: {exc}") from exc
    own = {**_registered(config), **_found_in(model, config), **(custom_objects or {})}
    if own:
        (data / CUSTOM_OBJECTS).write_bytes(_pickled(own))
    has_lambda = any(part["class_name"] == "__lambda__" for part in _parts(config))
    try:
        loaded = read(data, trust=Grant.of_own(folder))
    except UnreadableModelError as exc:
        raise UnsavableModelError(
            f"Keras cannot read the model back: {exc.problem}\nName classes and functions of your"
            " own in custom_objects={name: class}"
        ) from exc
    return Written(keras.backend.backend(), bool(own), has_lambda, loaded)


def export(model: Any, folder: Path, module: str) -> None:
    """Write what ``model`` computes as a SavedModel into ``data/model/``.

    Raises:
        UnsavableModelError: Keras cannot; the message says why.
    """
    import keras

    _refuse_unbuilt(model)
    path = _new(folder, module) / EXPORTED
    try:
        model.export(path, format="tf_saved_model", verbose=False)
    except (ImportError, NotImplementedError, TypeError, ValueError, AttributeError) as exc:
        raise UnsavableModelError(
            f"Keras on {keras.backend.backend()} cannot export this model ({exc}); save it with"
            " save_exported_model=False"
        ) from exc


def read(
    data: Path,
    *,
    trust: Grant,
    backend: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """The model in the folder ``data``.

    Args:
        data: what :func:`write` has made, or MLflow; with older releases of TensorFlow that may be
            a SavedModel, which is then what comes back.
        trust: must allow code.
        backend: what Keras is to run on, if it does not run yet.
        options: what ``keras.saving.load_model`` takes beside; ``custom_objects`` go before those
            in the folder.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: Keras cannot read it.
        MissingDependencyError: the backend is not installed.
    """
    if (data / EXPORTED / saved_model.PROGRAM).is_file():
        return Loaded(saved_model.load(data / EXPORTED, trust=trust))
    path = model_file(data)
    keras = import_keras(backend)
    found: dict[str, Any] = {}
    modules: set[str] = set()
    for name in _CUSTOM_FILES:
        if (data / name).is_file():
            pickled = load_pickle(data / name, trust=trust)
            found |= pickled.native
            modules |= pickled.modules
    given = dict(options or {})
    if path.name == LEGACY:  # whose names of losses Keras 3 does not find
        given.setdefault("compile", False)
    given["custom_objects"] = {**found, **(given.get("custom_objects") or {})}
    try:
        native = load_keras(path, trust=trust, **given)
    except UnreadableModelError as exc:
        running = keras.backend.backend()
        if backend in {None, running}:
            raise
        raise UnreadableModelError(
            path,
            f"{exc.problem}\nThe model was saved with Keras on {backend}, and here it runs on"
            f" {running}; in a process with KERAS_BACKEND={backend} it may load",
        ) from exc
    if path.name == MODEL:
        named = {str(part.get("module")) for part in _parts(config_of(path))}
        modules |= {name for name in named if name.partition(".")[0] in _KNOWN_TO_KERAS}
    return Loaded(native, frozenset(modules))


def _refuse_unbuilt(model: Any) -> None:
    if not model.built:
        raise UnsavableModelError(
            f"this {type(model).__name__} has no weights yet: call it on a batch, or build it"
        )


def _new(folder: Path, module: str) -> Path:
    data = folder / FOLDER
    data.mkdir()
    (data / "keras_module.txt").write_text(module, "utf-8")
    return data


def model_file(data: Path) -> Path:
    """The file in the folder ``data`` that holds the model.

    Raises:
        UnreadableModelError: there is none.
    """
    for name in (MODEL, LEGACY):
        if (data / name).is_file():
            return data / name
    raise UnreadableModelError(data, f"it holds neither {MODEL} nor {LEGACY}")


def config_of(path: Path) -> dict[str, Any]:
    """The architecture in a ``.keras`` file; nothing is built.

    Raises:
        UnreadableModelError: it is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as exc:
        raise UnreadableModelError(path, f"{type(exc).__name__}: {exc}") from exc
    if not isinstance(config, dict):
        raise UnreadableModelError(path, "its config.json is not an object")
    return config


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Every object, at any depth, that stands for a class or a function."""
    stack = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _names(config: Any) -> set[str]:
    """What Keras will look up among custom objects."""
    names = set()
    for part in _parts(config):
        is_function = part["class_name"] == "function"
        names.add(part.get("config") if is_function else part.get("registered_name"))
        names.add(part["class_name"])
    return {name for name in names if isinstance(name, str)}


def _registered(config: Any) -> dict[str, Any]:
    import keras

    names = _names(config)
    known = keras.saving.get_custom_objects()
    return {name: known[name] for name in sorted(known) if name in names}


def _found_in(model: Any, config: Any) -> dict[str, Any]:
    """The classes and functions in the model's layers that Keras does not know."""
    import keras

    names, found = _names(config), {}
    for one in _objects(model):
        kind = one if isinstance(one, FunctionType | type) else type(one)
        if str(kind.__module__).partition(".")[0] in _KNOWN_TO_KERAS:
            continue
        name = keras.saving.get_registered_name(kind)
        if name in names and kind.__name__ != "<lambda>":
            found[name] = kind
    return dict(sorted(found.items()))


def _objects(model: Any) -> Iterator[Any]:
    """Whatever the layers, losses, metrics and optimizers of a model have as their attributes."""
    import keras

    followed = (keras.Layer, keras.Loss, keras.Metric, keras.Optimizer)
    seen: set[int] = set()
    stack = [model]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list | tuple):
            stack.extend(one)
        else:
            yield one
            if isinstance(one, followed):
                stack.extend(vars(one).values())


def _pickled(own: Mapping[str, Any]) -> bytes:
    import pickle

    import cloudpickle

    try:
        # The default protocol, so that older Pythons than this one can read it too.
        content: bytes = cloudpickle.dumps(dict(own), protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as exc:
        raise UnsavableModelError(
            f"the model uses {', '.join(own)}, which cloudpickle cannot write ({exc}); move what it"
            " cannot out of them, or into a module that is installed"
        ) from exc
    return content
