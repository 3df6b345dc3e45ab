"""The pickle of a model that is Python code, written so that any process can read it.

A model that was loaded from a folder may use modules which that folder brought, and which have
private names here (:mod:`~flavorkit.flavors.private_names`). The pickle gets the names that they
have in the folder, and is refused if the folder that it is written into does not bring them too.
"""

from __future__ import annotations

import importlib
import io
import operator
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.bundled_code import Bundle, bundle_behind, bundle_of, top_level_names
from flavorkit.flavors.private_names import is_private, plain
from flavorkit.flavors.python_function.python_model import HOME
from flavorkit.flavors.unsafe_load import imports_of


def dump(model: Any, path: Path, *, code: Path | None) -> None:
    """Write ``model`` into the file at ``path``.

    Args:
        model: what to write.
        path: the file.
        code: the folder of modules that will be beside it, if there is one.

    Raises:
        UnsavableModelError: it cannot be written, or uses a module that is not in ``code``.
    """
    buffer = io.BytesIO()
    try:
        pickler(code)(buffer).dump(model)
    except UnsavableModelError:
        raise
    except Exception as exc:  # pickling calls methods of the user's
        raise UnsavableModelError(
            f"cloudpickle cannot write the model ({plain(str(exc))}); load what it cannot in"
            " load_context(), or save the file of code instead, which calls"
            " flavorkit.models.set_model"
        ) from exc
    path.write_bytes(buffer.getvalue())


class _Names:
    """What the bundled modules are called in the folder that the pickle is written into."""

    def __init__(self, brought: frozenset[str]) -> None:
        self._brought = brought
        self._roots: dict[str, Path | None] = {}

    def of(self, module: ModuleType) -> str:
        """The name in the folder of a module that has a private one here.

        Raises:
            UnsavableModelError: the folder does not bring it.
        """
        name, bundle = plain(module.__name__), bundle_of(module.__name__)
        if bundle is None or not bundle.has(name):
            raise UnsavableModelError(
                f"the model was made by the file of code {module.__file__}, which no other process"
                f" could import; pass python_model={str(module.__file__)!r} to save the file again,"
                " with the code_paths and artifacts that it needs"
            )
        self.check(name, bundle)
        return name

    def check(self, name: str, bundle: Bundle) -> None:
        """See that the folder brings ``name``, a module of ``bundle``.

        Raises:
            UnsavableModelError: it does not, or the model uses another module of that name.
        """
        top = name.partition(".")[0]
        if top not in self._brought:
            listed = [str(path) for path in bundle.places()]
            raise UnsavableModelError(
                f"the model uses the module {top!r}, which the folder brought that it was loaded"
                f" from; to take it along, pass code_paths={listed}"
            )
        if self._roots.setdefault(top, bundle.root) != bundle.root:
            raise UnsavableModelError(
                f"the model uses two modules called {top!r}, {self._roots[top]} and"
                f" {bundle.root} brought one each; rename one of them"
            )


def pickler(code: Path | None) -> Any:
    """The class of Pickler that :func:`dump` writes with.

    Args:
        code: the folder of modules that will be beside the file, if there is one.
    """
    import cloudpickle

    importlib.import_module(HOME)  # cloudpickle copies classes whose module is not imported
    base: Any = cloudpickle.Pickler
    names = _Names(frozenset() if code is None else top_level_names(code))

    class Pickler(base):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            kind = type(obj)
            if kind is ModuleType and is_private(obj.__name__):
                return cloudpickle.cloudpickle.subimport, (names.of(obj),)
            if kind is FunctionType or issubclass(kind, type):
                home = _home_of(obj)
                if home is not None:
                    names.of(home)
                    return operator.attrgetter(obj.__qualname__), (home,)
            if kind is FunctionType:
                _check_late_imports(obj, names)
            return super().reducer_override(obj)

    return Pickler


def _home_of(obj: Any) -> ModuleType | None:
    """The module with a private name in which a class or function is found under its own."""
    module = getattr(obj, "__module__", None)
    if not isinstance(module, str) or not is_private(module):
        return None
    home = sys.modules.get(module)
    try:
        found = operator.attrgetter(obj.__qualname__)(home)
    except AttributeError:  # it was made in a function, and is written as it is
        return None
    return home if found is obj else None


def _check_late_imports(function: FunctionType, names: _Names) -> None:
    """See that what a function imports when it is called will be there."""
    bundle = bundle_behind(function)
    if bundle is not None:
        for name in sorted(imports_of(function.__code__)):
            if bundle.has(name):
                names.check(name, bundle)
