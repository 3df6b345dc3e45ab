"""What flavors share when they read a framework's files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from flavorkit.descriptor import inside
from flavorkit.errors import FlavorkitError, UnreadableModelError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a framework's reader raises over ``path`` into an error that names the file.

    Raises:
        UnreadableModelError: the reader raised anything that is not an error of flavorkit's own, of
            a missing package, or of memory.
    """
    try:
        yield
    except (FlavorkitError, ModuleNotFoundError, MemoryError):
        raise
    except Exception as exc:
        raise UnreadableModelError(path, f"{type(exc).__name__}: {exc}"[:2000]) from exc


def data_file(folder: Path, config: Mapping[str, Any], key: str = "data") -> Path:
    """The file or folder that the descriptor names under ``key``; it stays inside ``folder``.

    Raises:
        UnreadableModelError: it is not there.
        DescriptorError: there is no such key, or the path leads out of the folder.
    """
    path = inside(folder, config.get(key) or "")
    if path == folder or not path.exists():
        raise UnreadableModelError(path, "the descriptor names it, and it is not there")
    return path


def class_named(module: ModuleType, name: str, known: Collection[str], folder: Path) -> type[Any]:
    """The class of ``module`` that a descriptor names, if it is one of those ``known``.

    Args:
        module: the framework.
        name: with or without the module it lives in.
        known: the names without their modules.
        folder: the model's, for the message.

    Raises:
        UnreadableModelError: it is none of them.
    """
    short = name.rpartition(".")[2]
    if short not in known:
        raise UnreadableModelError(
            folder, f"it names the class {name!r}, which is none of {', '.join(known)}"
        )
    found: type[Any] = getattr(module, short)
    return found
