"""Estimators in skops' format: a zip of arrays and a JSON tree that says how to put them together.

Before anything is built, every type in the tree is compared with what the caller allows, and the
state of compiled types is checked (:mod:`flavorkit.flavors.skops.compiled_state`,
:mod:`flavorkit.flavors.skops.lightgbm_state`); after that, the estimators that use it
(:mod:`flavorkit.flavors.skops.estimator_state`). A file that passes is data:
building it runs no code that the file brings. Lists of trusted types inside a model folder, which
MLflow writes for its own loader, are not looked at.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.errors import FlavorkitError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.skops import allowed_types, compiled_state, estimator_state, lightgbm_state
from flavorkit.flavors.skops.importing import import_skops
from flavorkit.trust import Grant

if TYPE_CHECKING:
    from skops.io._audit import Node

MAX_RATIO = 100
"""How much larger than the file its unpacked parts may be; skops itself does not compress."""


@dataclass(frozen=True)
class Content:
    """A skops file, rebuilt."""

    instance: Any
    modules: frozenset[str]
    """The modules of all types and functions in it."""
    untrusted: tuple[str, ...]
    """The types that skops' own loader, and so MLflow's, must be told to trust."""


def dump(model: Any, path: Path) -> None:
    """Write ``model`` to ``path``.

    Raises:
        UnsavableModelError: the format has no place for a part of it.
    """
    try:
        import_skops().dump(model, path)
    except OSError:
        raise
    except Exception as exc:  # skops raises what the objects' own methods raise
        raise UnsavableModelError(
            f"skops cannot write this model ({exc}); {OTHER_FORMATS}"
        ) from exc


OTHER_FORMATS = (
    'serialization_format="cloudpickle" saves it, as a file that only those who trust you will load'
)


def load(path: Path, *, trust: Grant) -> Content:
    """Rebuild the estimator at ``path``, if ``trust`` allows its types.

    Raises:
        TrustError: it holds types beyond the reviewed ones; the message lists them.
        UnreadableModelError: it is damaged, forged, or made by other versions than the installed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tree = _read_tree(archive, path)
            nodes = list(_walk(tree))
            untrusted = tree.get_unsafe_set()
            _check_types(path, _unreviewed(nodes, untrusted), trust)
            for node in nodes:
                lightgbm_state.check_booster(node)
            for node in nodes:
                compiled_state.check_state(node)
            instance = tree.construct()
        built = [node.construct() for node in nodes]
        reach = estimator_state.reach_of(built)
        if reach is not None and not trust.code:
            raise trust.refusal(f"{path.name} is more than data: {reach}")
        estimator_state.check_owners(built)
        lightgbm_state.check_estimators(built)
    except FlavorkitError:
        raise
    except Exception as exc:  # a damaged file fails in any of the parsers that it goes through
        raise UnreadableModelError(path, exc) from exc
    modules = frozenset(str(node.module_name) for node in nodes)
    return Content(instance, modules, tuple(sorted(untrusted)))


def unreviewed_types(path: Path) -> list[str]:
    """The types in the file that loading it as data would refuse; nothing of it is built.

    Raises:
        UnreadableModelError: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tree = _read_tree(archive, path)
            return _unreviewed(_walk(tree), tree.get_unsafe_set())
    except FlavorkitError:
        raise
    except Exception as exc:
        raise UnreadableModelError(path, exc) from exc


def _read_tree(archive: zipfile.ZipFile, path: Path) -> Node:
    """What the file describes, as skops reads it before it builds anything."""
    import_skops()
    from skops.io._audit import get_tree
    from skops.io._utils import read_schema

    _check_sizes(archive, path)
    schema, context = read_schema(archive)
    return get_tree(schema, context, trusted=None)


def _unreviewed(nodes: Iterable[Node], untrusted: set[str]) -> list[str]:
    """The names in the tree that are not on the list, or not for the kind of node they stand in."""
    refused: set[str] = set()
    reviewed: set[str] = set()
    for node in nodes:
        name, kind = f"{node.module_name}.{node.class_name}", type(node).__name__
        allowed = allowed_types.is_allowed(kind, name, is_trusted=node.is_self_safe())
        (reviewed if allowed else refused).add(name)
    return sorted(refused | (untrusted - reviewed))


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(names) < len(entries):
        raise UnreadableModelError(path, "an entry of the archive stands twice")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_RATIO * path.stat().st_size:
        raise UnreadableModelError(path, f"it would unpack to {unpacked} bytes")


def _check_types(path: Path, unreviewed: list[str], trust: Grant) -> None:
    if trust.code:
        return
    refused = [name for name in unreviewed if name not in trust.types]
    if refused:
        listed = ", ".join(refused)
        raise trust.refusal(
            f"{path.name} holds types that nobody has reviewed ({listed})", types=refused
        )


def _walk(root: Node) -> Iterator[Node]:
    """Every node of the tree, once."""
    from skops.io._audit import Node

    stack: list[Any] = [root]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, Node) and id(item) not in seen:
            seen.add(id(item))
            yield item
            stack.extend(item.children.values())
            cached = getattr(item, "cached", None)
            if cached is not None:
                stack.append(cached)
