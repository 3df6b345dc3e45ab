"""Which distributions a model needs, from the modules that its files refer to.

Everything happens in the process that saves, whose installed versions are those the model was
trained with; nothing is imported, no second interpreter is started.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from flavorkit.environment.requirements import Requirements

# flavorkit comes with the server that loads the model, in the version of that server.
_NEVER_PINNED = frozenset({"flavorkit"})


def infer(
    modules: Iterable[str], packages: Iterable[str], *, home: dict[str, str] | None = None
) -> Requirements:
    """Pins for what ``modules`` come from, and for ``packages``.

    Args:
        modules: full names of modules that the model refers to.
        packages: distributions that it needs in any case.
        home: top-level module to distribution, where that is known beforehand.

    A module that no installed distribution provides is not pinned, with a warning: the model will
    load only where that module can be imported.
    """
    known = home or {}
    needed = {canonicalize_name(package): package for package in packages}
    homeless = []
    for root in sorted({module.partition(".")[0] for module in modules}):
        if root in sys.stdlib_module_names or root in {"", "__main__", *_NEVER_PINNED}:
            continue
        package = known.get(root) or distribution_of(root)
        if package is None:
            homeless.append(root)
        else:
            needed.setdefault(canonicalize_name(package), package)
    if homeless:
        warnings.warn(
            f"the model refers to {', '.join(homeless)}, which no installed package provides; it"
            " will load only where that can be imported",
            stacklevel=2,
        )
    return Requirements(tuple(sorted(map(pin, needed.values()), key=str.lower)))


def pin(package: str) -> str:
    """``scikit-learn==1.9.1``, from the installed version.

    A local version, such as the ``+cpu`` of a build of torch, is on no package index. It stands in
    a comment, and the public version, of which it is a build, is what is asked for.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    installed = metadata.version(package)
    version = Version(installed)
    if version.local is None:
        return f"{package}=={installed}"
    return f"{package}=={version.public}  # saved with {installed}"


def provider_of(package: str, root: str) -> str:
    """``package`` if it is installed, else the one that provides the module ``root`` in its place.

    Frameworks have builds of other names: ``xgboost-cpu``, ``tensorflow-cpu``.
    """
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return distribution_of(root) or package
    return package


def distribution_of(root: str) -> str | None:
    """The installed distribution that provides the top-level module ``root``."""
    named = _distribution_beside(root)
    if named is not None:
        return named
    providers = _providers().get(root, [])
    if len(providers) < 2:
        return providers[0] if providers else None
    # Several distributions share a namespace package: the one that is loaded is meant.
    loaded = [provider for provider in providers if _has_loaded(provider, root)]
    return (loaded or providers)[0]


def _distribution_beside(root: str) -> str | None:
    """A distribution of the module's own name, which lies beside it: true of most, and quick."""
    try:
        found = metadata.distribution(root)
    except (metadata.PackageNotFoundError, ValueError):
        return None
    file = getattr(sys.modules.get(root), "__file__", None)
    if file is None:
        return None
    beside = Path(str(found.locate_file("")))
    return str(found.name) if Path(file).parent.parent == beside else None


@cache
def _providers() -> dict[str, list[str]]:
    return {root: sorted(set(names)) for root, names in metadata.packages_distributions().items()}


def _has_loaded(package: str, root: str) -> bool:
    loaded = {
        str(getattr(module, "__file__", ""))
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == root
    }
    files = metadata.files(package) or []
    return any(str(file.locate()) in loaded for file in files if file.suffix == ".py")
