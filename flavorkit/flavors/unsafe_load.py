"""The one place where a file is read in a way that can run code.

Everything here needs the caller's consent: a :class:`~flavorkit.trust.Grant` that allows code. A
lint rule forbids these functions everywhere else, and a test looks for them.
"""

from __future__ import annotations

import dis
import pickle
import types
from pathlib import Path
from typing import Any

from flavorkit.errors import UnreadableModelError
from flavorkit.flavors.base import Loaded
from flavorkit.trust import Grant


def load_pickle(path: Path, *, trust: Grant) -> Loaded:
    """The object in the pickle (or cloudpickle) at ``path``.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: the file is not a pickle, or what it refers to is not there.
    """
    if not trust.code:
        raise trust.refusal(f"{path.name} is a pickle, which can run any code when it is loaded")
    with path.open("rb") as file:
        reader = _Reader(file)
        try:
            native = reader.load()
        except Exception as exc:  # unpickling calls whatever the file names
            raise UnreadableModelError(path, exc) from exc
    return Loaded(native, frozenset(reader.modules))


class _Reader(pickle.Unpickler):
    """Unpickles, and notes every module that the pickle refers to."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        found = super().find_class(module, name)
        # What cloudpickle stores by value does not name its modules as globals.
        if module.startswith("cloudpickle."):
            if name == "subimport":
                return self._noting_import(found)
            if name == "_make_function":
                return self._noting_code(found)
        return found

    def _noting_import(self, subimport: Any) -> Any:
        def noted(name: str) -> Any:
            self.modules.add(name)
            return subimport(name)

        return noted

    def _noting_code(self, make_function: Any) -> Any:
        def noted(code: types.CodeType, *args: Any) -> Any:
            self.modules |= _imports_of(code)
            return make_function(code, *args)

        return noted


def _imports_of(code: types.CodeType) -> set[str]:
    """The modules that a function's body imports."""
    found = {
        str(instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname == "IMPORT_NAME"
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _imports_of(constant)
    return found
