"""The one place where a file is read in a way that can run code.

Everything here needs the caller's consent: a :class:`~flavorkit.trust.Grant` that allows code. A
lint rule forbids these functions everywhere else, and a test looks for them.
"""

from __future__ import annotations

import bz2
import dis
import functools
import gzip
import lzma
import pickle
import sys
import types
import warnings
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from flavorkit.errors import FlavorkitError, MissingDependencyError, UnreadableModelError
from flavorkit.flavors.base import Loaded
from flavorkit.flavors.private_names import plain
from flavorkit.flavors.reading import reading
from flavorkit.trust import Grant


class Modules(Protocol):
    """The modules that a model's folder brings; :class:`~flavorkit.flavors.bundled_code.Bundle`."""

    builtins: dict[str, Any]
    """What code that sees them first has as its builtins."""

    def has(self, module: str) -> bool:
        """Whether ``module`` is one of them."""
        ...

    def import_module(self, module: str) -> types.ModuleType:
        """The module of this name."""
        ...


def load_pickle(
    path: Path,
    *,
    trust: Grant,
    bundle: Modules | None = None,
    compression: str | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Loaded:
    """The object in the pickle (or cloudpickle) at ``path``.

    Args:
        path: the file.
        trust: must allow code.
        bundle: the modules that the model's folder brings; its code sees them before others.
        compression: "lzma", "bzip2" or "gzip", if the file is compressed.
        renamed: modules that the file may name, and what they are called now.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: the file is not a pickle, or what it refers to is not there.
    """
    if not trust.code:
        raise trust.refusal(f"{path.name} is a pickle, which can run any code when it is loaded")
    with _open(path, compression) as file:
        reader = _Reader(file, bundle, renamed)
        with explaining(path):
            native = reader.load()
    return Loaded(native, frozenset(reader.modules))


def load_torch_module(
    path: Path, *, trust: Grant, bundle: Modules | None = None, map_location: Any = None
) -> Loaded:
    """The module that ``torch.save`` or ``torch.jit.save`` has written to ``path``.

    Args:
        path: the file.
        trust: must allow code.
        bundle: the modules that the model's folder brings; its code sees them before others.
        map_location: where its tensors go, as ``torch.load`` takes it; by default where they were.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: the file is none of these, or what it refers to is not there.
    """
    if not trust.code:
        raise trust.refusal(f"{path.name} is a pickle, which can run any code when it is loaded")
    import torch

    if _is_torchscript(path):
        with explaining(path), warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*torch.jit.load.* is deprecated")
            return Loaded(torch.jit.load(path, map_location))
    modules: set[str] = set()

    class Reader(_Reader):
        def __init__(self, file: Any, **options: Any) -> None:
            super().__init__(file, bundle, **options)
            self.modules = modules

    # All that torch uses of the module it is to unpickle with.
    unpickling = types.SimpleNamespace(
        __name__="pickle",
        Unpickler=Reader,
        load=lambda file, **options: Reader(file, **options).load(),
    )
    with explaining(path):
        native = torch.load(path, map_location, unpickling, weights_only=False)
    return Loaded(native, frozenset(modules))


def load_exported_program(path: Path, *, trust: Grant) -> Any:
    """The program that ``torch.export.save`` has written to ``path``.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: the file is not such a program.
    """
    if not trust.code:
        raise trust.refusal(
            f"{path.name} is an exported program, which holds pickles, and those can run any code"
            " when it is loaded"
        )
    import torch

    with explaining(path):
        return torch.export.load(path)


def load_tensors(path: Path, *, map_location: Any = None) -> Any:
    """What ``torch.save`` has written to ``path``, if it is tensors and plain values only.

    torch reads it with an unpickler that builds nothing else; before 2.10 that could be made to
    (CVE-2025-32434, CVE-2026-24747).

    Raises:
        UnreadableModelError: it holds anything else.
        MissingDependencyError: torch is older than that.
    """
    import torch

    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10):
        raise MissingDependencyError("reading tensors safely", "torch>=2.10")
    with explaining(path):
        return torch.load(path, map_location, weights_only=True)


def execute(source: bytes, path: str | Path, variables: dict[str, Any], *, trust: Grant) -> None:
    """Run the Python code in ``source``, which comes from ``path``.

    Raises:
        TrustError: ``trust`` does not allow code.
    """
    if not trust.code:
        raise trust.refusal(f"{Path(path).name} is Python code")
    exec(compile(source, str(path), "exec", dont_inherit=True), variables)  # noqa: S102


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """While code of the folder's runs: whatever it raises is said of the file at ``path``.

    Raises:
        MissingDependencyError: the code needs MLflow.
        UnreadableModelError: anything else.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        raise _missing_module(path, plain(exc.name or "")) from exc
    except Exception as exc:
        raise UnreadableModelError(path, plain(f"{type(exc).__name__}: {exc}")) from exc


def _missing_module(path: Path, name: str) -> FlavorkitError:
    if name.partition(".")[0] == "mlflow":
        return MissingDependencyError(f"{path}, which is made of MLflow's own classes,", "mlflow")
    return UnreadableModelError(
        path,
        f"it uses the module {name!r}, which is not installed and which the folder does not bring;"
        " install what its requirements.txt lists, or save it with code_paths=",
    )


def _is_torchscript(path: Path) -> bool:
    """Whether it is an archive that ``torch.jit.save`` has written."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _open(path: Path, compression: str | None) -> Any:
    match compression:
        case None:
            return path.open("rb")
        case "lzma":
            return lzma.open(path)
        case "bzip2":
            return bz2.open(path)
        case "gzip":
            return gzip.open(path)
    raise UnreadableModelError(path, f"nobody reads the compression {compression!r}")


# Classes that were rebuilt from files, as opposed to those that this process has defined.
_rebuilt: weakref.WeakSet[type] = weakref.WeakSet()


class _Reader(pickle.Unpickler):
    """Unpickles, and notes every module that the pickle refers to and the folder does not bring.

    cloudpickle would write the classes that a pickle holds over those of the process that saved it:
    whoever loads their own model would find their class with copies of its methods, which no longer
    see the variables of the script. Here such a class stays as it is, and that of another process
    is built anew for each model, so that none sees the modules of another's folder.
    """

    def __init__(
        self,
        file: Any,
        bundle: Modules | None,
        renamed: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(file, **options)
        self._bundle = bundle
        self._renamed = renamed or {}
        self._made: list[type] = []
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        module = self._renamed.get(module, module)
        if self._bundle is not None and self._bundle.has(module):
            return functools.reduce(getattr, name.split("."), self._bundle.import_module(module))
        self.modules.add(module)
        found = super().find_class(module, name)
        # What cloudpickle stores by value does not name its modules as globals.
        if module.startswith("cloudpickle."):
            if name == "subimport":
                return self._noting_import(found)
            if name == "_make_function":
                return self._noting_code(found)
            if name in {"_make_skeleton_class", "_make_skeleton_enum"}:
                return self._making_class(found)
            if name == "_class_setstate":
                return self._filling_class(found)
            if name == "_function_setstate" and self._bundle is not None:
                return self._keeping_builtins(found)
        return found

    def _noting_import(self, subimport: Any) -> Any:
        def noted(name: str) -> Any:
            if self._bundle is not None and self._bundle.has(name):
                return self._bundle.import_module(name)
            self.modules.add(name)
            return subimport(name)

        return noted

    def _noting_code(self, make_function: Any) -> Any:
        def noted(code: types.CodeType, variables: dict[str, Any], *args: Any) -> Any:
            if self._bundle is None:
                self.modules |= imports_of(code)
                return make_function(code, variables, *args)
            self.modules |= {name for name in imports_of(code) if not self._bundle.has(name)}
            # What make_function does, but for the imports in the function's body.
            variables["__builtins__"] = self._bundle.builtins
            return types.FunctionType(code, variables, *args)

        return noted

    def _making_class(self, make: Any) -> Any:
        own = vars(sys.modules["cloudpickle.cloudpickle"]).get("_DYNAMIC_CLASS_TRACKER_BY_ID", {})

        def made(*args: Any) -> type:
            *which, number, extra = args
            known: type | None = own.get(number)
            if known is not None and known not in _rebuilt:
                return known
            new: type = make(*which, None, extra)  # without a number, so that nobody finds it
            _rebuilt.add(new)
            self._made.append(new)
            return new

        return made

    def _filling_class(self, set_state: Any) -> Any:
        def filled(kind: type, state: Any) -> Any:
            return set_state(kind, state) if any(kind is new for new in self._made) else kind

        return filled

    def _keeping_builtins(self, set_state: Any) -> Any:
        def kept(function: types.FunctionType, state: Any) -> None:
            variables = function.__globals__
            before = variables.get("__builtins__")
            set_state(function, state)
            # cloudpickle puts in Python's own, which is what functions inside this one would get.
            variables["__builtins__"] = before

        return kept


def imports_of(code: types.CodeType) -> set[str]:
    """The modules that a function's body imports, and those of the functions in it."""
    found = {
        str(instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname == "IMPORT_NAME"
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= imports_of(constant)
    return found


def load_keras(path: Path, *, trust: Grant, **options: Any) -> Any:
    """The Keras model in the file at ``path``, ``.keras`` or ``.h5``; its lambdas too.

    Args:
        path: the file.
        trust: must allow code.
        options: what ``keras.saving.load_model`` takes.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: Keras cannot read it.
    """
    if not trust.code:
        raise trust.refusal(f"{path.name} is a Keras model, whose layers can run any code")
    import keras

    with reading(path):
        return keras.saving.load_model(path, **{"safe_mode": False, **options})


def load_saved_model(path: Path, *, trust: Grant, **options: Any) -> Any:
    """The SavedModel in the folder ``path``.

    Args:
        path: the folder.
        trust: must allow code.
        options: what ``tf.saved_model.load`` takes.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: TensorFlow cannot read it.
    """
    if not trust.code:
        raise trust.refusal(f"{path.name} is a SavedModel, a program that can run any operation")
    import tensorflow as tf

    with reading(path):
        return tf.saved_model.load(str(path), **options)
