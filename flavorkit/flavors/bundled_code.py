"""The Python modules that a model folder brings, imported so that only the model sees them.

MLflow puts the folder on ``sys.path``: a module of one model is then seen by everything, and of two
models with a ``helper.py`` the second gets the first one's. Here each folder's modules are imported
under a name of their own, and an ``import`` in the model's code looks among them first. Nothing is
written into the folder, and byte code in it is not read.

All of this runs code of the folder's, so it asks for the caller's trust.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

from flavorkit.errors import UnreadableModelError
from flavorkit.flavors.private_names import new_package
from flavorkit.flavors.unsafe_load import execute
from flavorkit.trust import Grant

_bundles: dict[str, Bundle] = {}


class Bundle:
    """The modules under one folder.

    Args:
        root: the folder; None for a model that brings no modules.
        trust: must allow code.

    Raises:
        TrustError: it does not.
        UnreadableModelError: a module has the name of one of the standard library.
    """

    def __init__(self, root: Path | None, *, trust: Grant) -> None:
        if root is not None and not trust.code:
            raise trust.refusal(f"{root.name}/ holds Python modules, which are run when imported")
        self.root = root
        self._trust = trust
        self.names = frozenset() if root is None else top_level_names(root)
        shadowed = sorted(self.names & sys.stdlib_module_names)
        if shadowed:
            raise UnreadableModelError(
                root, f"its module {shadowed[0]} has the name of one of the standard library"
            )
        self.package = new_package()
        self.builtins = {**vars(builtins), "__import__": self._import}
        if root is not None:
            _install(self)

    def has(self, module: str) -> bool:
        """Whether ``module`` is one of these, or inside one of them."""
        return module.partition(".")[0] in self.names

    def places(self) -> list[Path]:
        """The files and folders that the modules are in."""
        entries = sorted(self.root.iterdir()) if self.root is not None else []
        return [entry for entry in entries if entry.name.removesuffix(".py") in self.names]

    def import_module(self, module: str) -> ModuleType:
        """The module of this name, run now if it has not been."""
        return importlib.import_module(f"{self.package}.{module}")

    def run(self, path: Path) -> ModuleType:
        """Run the file of code at ``path`` as a module that sees the bundled ones."""
        module = ModuleType(f"{self.package}.{path.stem}")
        module.__file__ = str(path)
        # Classes defined in it look themselves up here, dataclasses for one.
        sys.modules[module.__name__] = module
        self.execute(path, module)
        return module

    def execute(self, path: str | Path, module: ModuleType) -> None:
        """Run the source at ``path`` in ``module``; byte code beside it is not looked at."""
        module.__dict__["__builtins__"] = self.builtins
        execute(Path(path).read_bytes(), path, module.__dict__, trust=self._trust)

    def _import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002 - the names that __import__ gives them
        locals: Any = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level or not self.has(name):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = self.import_module(name)
        if not fromlist:  # "import a.b" binds a
            return self.import_module(name.partition(".")[0])
        for item in fromlist:
            if item != "*" and not hasattr(module, item) and hasattr(module, "__path__"):
                try:
                    self.import_module(f"{name}.{item}")
                except ModuleNotFoundError as exc:
                    if exc.name != f"{self.package}.{name}.{item}":
                        raise
        return module


def bundle_of(module: str) -> Bundle | None:
    """The bundle that the private name ``module`` belongs to, if that brings any modules."""
    return _bundles.get(module.partition(".")[0])


def bundle_behind(function: FunctionType) -> Bundle | None:
    """The bundle that the imports in the body of ``function`` look at first."""
    looked_up = cast(Any, function).__builtins__  # which not every version of typeshed knows
    behind = getattr(looked_up.get("__import__"), "__self__", None)
    return behind if isinstance(behind, Bundle) else None


def top_level_names(root: Path) -> frozenset[str]:
    """The modules and packages that a folder brings."""
    found = set()
    for entry in root.iterdir():
        if entry.is_dir() and any(entry.rglob("*.py")):
            found.add(entry.name)
        elif entry.suffix == ".py":
            found.add(entry.stem)
    return frozenset(name for name in found if name.isidentifier())


class _Loader(SourceFileLoader):
    """Runs the source."""

    def __init__(self, fullname: str, path: str, bundle: Bundle) -> None:
        super().__init__(fullname, path)
        self._bundle = bundle

    def exec_module(self, module: ModuleType) -> None:
        self._bundle.execute(self.get_filename(module.__name__), module)


class _Finder(MetaPathFinder):
    """Finds the modules of every bundle, by the prefix of their names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        bundle = _bundles.get(package)
        if bundle is None or bundle.root is None:
            return None
        place = bundle.root.joinpath(*name.split(".")) if name else bundle.root
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if name and file.is_file():
                loader = _Loader(fullname, str(file), bundle)
                inside = [str(place)] if file.name == "__init__.py" else None
                return spec_from_file_location(
                    fullname, file, loader=loader, submodule_search_locations=inside
                )
        if place.is_dir():
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        return None


_FINDER = _Finder()


def _install(bundle: Bundle) -> None:
    _bundles[bundle.package] = bundle
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
