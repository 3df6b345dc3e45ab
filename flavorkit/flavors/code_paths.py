"""The modules that are copied into a model's folder, which its code imports from there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit import atomic
from flavorkit.descriptor import inside
from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.bundled_code import Bundle
from flavorkit.trust import Grant

CODE = "code"
"""The key of the descriptor, and the folder that it names."""

# Caches and version control, which nobody means when they name a folder of code.
_NOT_CODE = ("__pycache__", "*.pyc", ".git", ".venv", ".mypy_cache")


def copy_code(code_paths: str | Path | Sequence[str | Path] | None, folder: Path) -> str | None:
    """Copy modules and packages into ``folder``.

    Returns:
        What the descriptor says of them: the name of their folder, or None for none.

    Raises:
        UnsavableModelError: two of them have the same name.
    """
    if isinstance(code_paths, str | Path):
        code_paths = [code_paths]
    for path in map(Path, code_paths or ()):
        target = folder / CODE / path.resolve().name
        if target.exists():
            raise UnsavableModelError(f"two code_paths are called {target.name!r}; rename one")
        atomic.copy(path, target, leaving_out=_NOT_CODE)
    return CODE if code_paths else None


def bundle_of(folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Bundle:
    """The modules that the folder brings, as its descriptor says.

    Raises:
        TrustError: there are some, and ``trust`` does not allow code.
    """
    code = config.get(CODE)
    return Bundle(inside(folder, code) if code else None, trust=trust)


def imports_of(folder: Path) -> frozenset[str]:
    """The modules that the files of code in ``folder`` import from elsewhere."""
    files = [*folder.glob("*.py"), *(folder / CODE).rglob("*.py")]
    brought = {path.name.removesuffix(".py") for path in (folder / CODE).glob("*")}
    found = {name for path in files for name in _imported(path)}
    return frozenset(name for name in found if name.partition(".")[0] not in brought)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
