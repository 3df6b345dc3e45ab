"""Keras models as files: ``model.keras``, and what of the user's own they need to be read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.unsafe_load import load_keras, load_pickle
from flavorkit.trust import Grant

MODEL = "model.keras"
LEGACY = "model.h5"
EXPORTED = "model"

WHY = "data holds a Keras model, whose layers can run any code when they are built"

CUSTOM_OBJECTS = "custom_objects.cloudpickle"
# MLflow keeps those that were registered with Keras in a file of their own.
_CUSTOM_FILES = ("global_custom_objects.cloudpickle", CUSTOM_OBJECTS)

# The packages whose classes Keras itself finds by the names in a file.
_KNOWN_TO_KERAS = frozenset({"keras", "keras_cv", "keras_hub", "keras_nlp"})


def write(
    model: Any,
    data: Path,
    *,
    module: str,
    custom_objects: Mapping[str, Any] | None = None,
    name: str = MODEL,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Write ``model`` into the folder ``data``, with the classes and functions that it needs.

    Args:
        model: the Keras model.
        data: a folder to make.
        module: what MLflow is to load the model with.
        custom_objects: classes and functions of the user's own by the names that Keras knows them
            by; those that are registered, and layers, are found without.
        name: of the file; its ending is the format.
        options: what ``model.save`` takes beside.

    Raises:
        UnsavableModelError: Keras cannot write it, or an object of the user's cannot be pickled.
    """
    data.mkdir()
    (data / "keras_module.txt").write_text(module, "utf-8")
    try:
        model.save(data / name, **(options or {}))
        config = config_of(data / name) if name == MODEL else json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as exc:
        raise UnsavableModelError(f"Keras cannot write this model: {exc}") from exc
    own = {**_registered(config), **_found_in(model, config), **(custom_objects or {})}
    if own:
        (data / CUSTOM_OBJECTS).write_bytes(_pickled(own))


def read(
    data: Path,
    *,
    trust: Grant,
    custom_objects: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """The model in the folder ``data``.

    Args:
        data: what :func:`write` has made, or MLflow.
        trust: must allow code.
        custom_objects: in place of those in the folder.
        options: what ``keras.saving.load_model`` takes beside.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: Keras cannot read it.
    """
    path = model_file(data)
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
    found |= custom_objects or {}
    native = load_keras(path, trust=trust, custom_objects=found, **given)
    if path.name == MODEL:
        named = {str(part.get("module")) for part in _parts(config_of(path))}
        modules |= {name for name in named if name.partition(".")[0] in _KNOWN_TO_KERAS}
    return Loaded(native, frozenset(modules))


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


def holds_custom_objects(data: Path) -> bool:
    """Whether classes or functions of the user's own lie beside the model."""
    return any((data / name).is_file() for name in _CUSTOM_FILES)


def holds_lambda(data: Path) -> bool:
    """Whether the model has Python code in it, which Keras reads only when told to."""
    path = model_file(data)
    parts = _parts(config_of(path)) if path.name == MODEL else ()
    return any(part["class_name"] == "__lambda__" for part in parts)


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
    """The layers of a model, at any depth, and what each has as its attributes."""
    import keras

    seen: set[int] = set()
    stack = [model]
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        for value in list(vars(layer).values()):
            held = list(value.values()) if isinstance(value, dict) else value
            held = held if isinstance(held, list | tuple) else (held,)
            yield from held
            stack.extend(one for one in held if isinstance(one, keras.Layer))


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
