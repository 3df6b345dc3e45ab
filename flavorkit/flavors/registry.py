"""Which flavors exist, and which of them saves a given object."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from types import FunctionType
from typing import Any

from flavorkit.descriptor import PYFUNC
from flavorkit.errors import BrokenFlavorError, NotFoundError, UnsupportedModelError
from flavorkit.flavors.base import Flavor

ENTRY_POINT_GROUP = "flavorkit.flavors"

# name -> "module:class". Third-party flavors add theirs under the entry-point group above and are
# looked up the same way; one that is broken, or whose name is taken, stands in nobody's way.
BUILTIN = {
    "catboost": "flavorkit.flavors.catboost:Catboost",
    "crate": "flavorkit.flavors.crate:Crate",
    "fastai": "flavorkit.flavors.fastai:Fastai",
    "keras": "flavorkit.flavors.keras:Keras",
    "onnx": "flavorkit.flavors.onnx:Onnx",
    "python_function": "flavorkit.flavors.python_function:PythonFunction",
    "pytorch": "flavorkit.flavors.pytorch:Pytorch",
    "sklearn": "flavorkit.flavors.sklearn:Sklearn",
    "spacy": "flavorkit.flavors.spacy:Spacy",
    "spark": "flavorkit.flavors.spark:Spark",
    "statsmodels": "flavorkit.flavors.statsmodels:Statsmodels",
    "tensorflow": "flavorkit.flavors.tensorflow:Tensorflow",
    "xgboost": "flavorkit.flavors.xgboost:Xgboost",
}


def get_flavor(name: str) -> Flavor:
    """The flavor of this name.

    Raises:
        NotFoundError: there is none; the message lists those there are.
        BrokenFlavorError: a distribution adds it and it cannot be used; the message says why.
    """
    if name in BUILTIN:
        return _make(BUILTIN[name])
    plugins = _third_party()
    if name in plugins.flavors:
        return plugins.flavors[name]
    if name in plugins.broken:
        raise BrokenFlavorError(plugins.broken[name])
    known = ", ".join(all_flavors())
    raise NotFoundError(f"no flavor is named {name!r} (known flavors: {known})")


def all_flavors() -> dict[str, Flavor]:
    """Every flavor that can be used, by name. Imports no framework."""
    return {**{name: _make(target) for name, target in BUILTIN.items()}, **_third_party().flavors}


def flavor_for(model: Any) -> Flavor:
    """The flavor whose framework defines the nearest base class of ``model``.

    Functions are for ``python_function``, and a path is for the flavor that its ending belongs to.

    Walking the MRO settles overlaps: an LGBMClassifier is also a scikit-learn estimator, but its
    own class comes from lightgbm. Only names are compared, so nothing is imported. Where two
    flavors save the classes of one module, the one that comes with flavorkit goes first.

    Raises:
        UnsupportedModelError: no flavor saves it; the message says which there are.
    """
    if isinstance(model, FunctionType):
        return get_flavor(PYFUNC)
    known = all_flavors().values()
    if isinstance(model, str | PurePath):
        for candidate in known:
            if str(model).endswith(candidate.suffixes):
                return candidate
    by_module: dict[str, Flavor] = {}
    for candidate in known:
        for root in candidate.modules:
            by_module.setdefault(root, candidate)
    for cls in type(model).__mro__:
        flavor = by_module.get(cls.__module__.partition(".")[0])
        if flavor is not None:
            return flavor
    raise UnsupportedModelError(model, sorted(all_flavors()), _third_party().broken.values())


@cache
def _make(target: str) -> Flavor:
    module, _, attribute = target.partition(":")
    flavor: Flavor = getattr(import_module(module), attribute)()
    return flavor


@dataclass(frozen=True)
class _Plugins:
    """The flavors that other distributions add, and what is wrong with those of no use."""

    flavors: dict[str, Flavor] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


@cache
def _third_party() -> _Plugins:
    plugins, origins = _Plugins(), dict[str, str]()
    for point in entry_points(group=ENTRY_POINT_GROUP):
        name, origin = point.name, _origin(point)
        if name in BUILTIN:
            warnings.warn(
                f"{origin} adds a flavor {name!r}, which is taken: flavorkit's own is used",
                stacklevel=4,
            )
        elif name in origins:
            plugins.flavors.pop(name, None)
            plugins.broken[name] = (
                f"{origins[name]} and {origin} both add a flavor {name!r}, so neither is used"
            )
        else:
            origins[name] = origin
            try:
                plugins.flavors[name] = _checked(point)
            except Exception as exc:  # noqa: BLE001 - code of others; kept for who asks for it
                plugins.broken[name] = (
                    f"the flavor {name!r} of {origin} cannot be used: {type(exc).__name__}: {exc}"
                )
    return plugins


def _checked(point: EntryPoint) -> Flavor:
    """The flavor behind an entry point.

    Raises:
        TypeError: it is none, or goes by another name, which would stand in the folders it saves.
    """
    flavor = _make(point.value)
    if not isinstance(flavor, Flavor):
        raise TypeError(f"{point.value} is no subclass of flavorkit.flavors.base.Flavor")
    if flavor.name != point.name:
        raise TypeError(f"{point.value} calls itself {flavor.name!r}")
    return flavor


def _origin(point: EntryPoint) -> str:
    return f"the distribution {point.dist.name}" if point.dist else point.value
