"""The file of a whole PyTorch module, ``.pth``: pickled objects, or TorchScript."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.bundled_code import Bundle
from flavorkit.flavors.private_names import plain
from flavorkit.flavors.python_function.pickle_file import pickler
from flavorkit.flavors.unsafe_load import load_torch_module
from flavorkit.trust import Grant

FILE = "model.pth"
LIBRARY_FILE = "pickle_module_info.txt"
"""Names the module that MLflow imports to unpickle with."""

# There it means pickle's own Unpickler, beside cloudpickle's Pickler.
CLOUDPICKLE = "mlflow.pytorch.pickle_module"
_LIBRARIES = {
    "pickle": "pickle",
    **dict.fromkeys(("cloudpickle", "cloudpickle.cloudpickle", CLOUDPICKLE), CLOUDPICKLE),
}


def write(
    model: Any, data: Path, pickle_module: ModuleType | None, *, code: Path | None
) -> tuple[str, ...]:
    """Write a module, and the file that says what it was pickled with.

    Args:
        model: a module, or one of TorchScript, which is not pickled.
        data: the folder to write into.
        pickle_module: ``pickle`` or ``cloudpickle``; the latter when not given.
        code: the folder of modules that goes with the model, if there is one.

    Returns:
        The distributions that reading them needs.

    Raises:
        UnsavableModelError: it cannot be pickled.
    """
    import torch

    if isinstance(model, torch.jit.ScriptModule):
        (data / LIBRARY_FILE).write_text(CLOUDPICKLE, "utf-8")
        torch.jit.ScriptModule.save(model, data / FILE)
        return ()
    given = CLOUDPICKLE if pickle_module is None else pickle_module.__name__
    if given not in _LIBRARIES:
        raise UnsavableModelError(f"pickle_module is pickle or cloudpickle, and not {given}")
    name = _LIBRARIES[given]
    by_value = SimpleNamespace(__name__="cloudpickle", Pickler=pickler(code))
    library: Any = pickle if name == "pickle" else by_value
    (data / LIBRARY_FILE).write_text(name, "utf-8")
    try:
        torch.save(model, data / FILE, library, pickle.DEFAULT_PROTOCOL)
    except UnsavableModelError:
        raise
    except Exception as exc:  # pickling calls methods of the user's
        raise UnsavableModelError(
            f"{library.__name__} cannot write the module: {plain(str(exc))}; with an"
            ' input_example, serialization_format="pt2" may'
        ) from exc
    return () if name == "pickle" else ("cloudpickle",)


def read(data: Path, *, trust: Grant, bundle: Bundle, map_location: Any = None) -> Loaded:
    """The module in the folder ``data``, in evaluation mode.

    Args:
        data: the folder that :func:`write`, or MLflow, has written into.
        trust: must allow code.
        bundle: the modules that the model's folder brings.
        map_location: where its tensors go, as PyTorch takes it; by default where they were, or to
            the CPU where there is no CUDA.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: it is no module, or was pickled with anything but these two.
    """
    import torch

    _refuse_unknown_libraries(data / LIBRARY_FILE)
    if map_location is None and not torch.cuda.is_available():
        map_location = "cpu"
    loaded = load_torch_module(data / FILE, trust=trust, bundle=bundle, map_location=map_location)
    if not isinstance(loaded.native, torch.nn.Module):
        kind = type(loaded.native).__name__
        raise UnreadableModelError(data / FILE, f"it holds a {kind} and no module")
    return Loaded(loaded.native.eval(), loaded.modules)


def refuse_main(modules: frozenset[str]) -> None:
    """See that the pickle refers to nothing of the script that has written it.

    Args:
        modules: what reading it has used.

    Raises:
        UnsavableModelError: it does.
    """
    if "__main__" in modules:
        raise UnsavableModelError(
            "the module is of a class that this script defines, which no other process could"
            " import; without pickle_module=, cloudpickle takes it along"
        )


def _refuse_unknown_libraries(path: Path) -> None:
    """Never import what a file names; what these write, pickle's own Unpickler reads."""
    name = path.read_text("utf-8").strip() if path.is_file() else "pickle"
    if name not in _LIBRARIES:
        raise UnreadableModelError(
            path,
            f"it was pickled with {name[:100]!r}, and only {', '.join(_LIBRARIES)} are read;"
            " load it with what has saved it, and save it again",
        )
