"""Which flavors exist, and which of them saves a given object."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from types import FunctionType
from typing import Any

from flavorkit.descriptor import PYFUNC
from flavorkit.errors import NotFoundError, UnsupportedModelError
from flavorkit.flavors.base import Flavor

ENTRY_POINT_GROUP = "flavorkit.flavors"

# name -> "module:class". Third-party flavors add theirs under the entry-point group above and are
# looked up the same way; a name that is already taken is an error, not an override.
BUILTIN = {
    "crate": "flavorkit.flavors.crate:Crate",
    "keras": "flavorkit.flavors.keras:Keras",
    "onnx": "flavorkit.flavors.onnx:Onnx",
    "python_function": "flavorkit.flavors.python_function:PythonFunction",
    "pytorch": "flavorkit.flavors.pytorch:Pytorch",
    "sklearn": "flavorkit.flavors.sklearn:Sklearn",
    "spacy": "flavorkit.flavors.spacy:Spacy",
    "spark": "flavorkit.flavors.spark:Spark",
    "tensorflow": "flavorkit.flavors.tensorflow:Tensorflow",
    "xgboost": "flavorkit.flavors.xgboost:Xgboost",
}


def get_flavor(name: str) -> Flavor:
    """The flavor of this name.

    Raises:
        NotFoundError: there is none; the message lists those there are.
    """
    if name in BUILTIN:
        return _make(BUILTIN[name])
    try:
        return _third_party()[name]
    except KeyError:
        known = ", ".join(all_flavors())
        raise NotFoundError(f"no flavor is named {name!r} (known flavors: {known})") from None


def all_flavors() -> dict[str, Flavor]:
    """Every known flavor by name. Imports no framework."""
    return {**{name: _make(target) for name, target in BUILTIN.items()}, **_third_party()}


def flavor_for(model: Any) -> Flavor:
    """The flavor whose framework defines the nearest base class of ``model``.

    Functions are for ``python_function``, and a path is for the flavor that its ending belongs to.

    Walking the MRO settles overlaps: an LGBMClassifier is also a scikit-learn estimator, but its
    own class comes from lightgbm. Only names are compared, so nothing is imported.

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
    by_module = {root: flavor for flavor in known for root in flavor.modules}
    for cls in type(model).__mro__:
        flavor = by_module.get(cls.__module__.partition(".")[0])
        if flavor is not None:
            return flavor
    raise UnsupportedModelError(model, sorted(all_flavors()))


@cache
def _make(target: str) -> Flavor:
    module, _, attribute = target.partition(":")
    flavor: Flavor = getattr(import_module(module), attribute)()
    return flavor


@cache
def _third_party() -> dict[str, Flavor]:
    flavors: dict[str, Flavor] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in BUILTIN or point.name in flavors:
            raise ValueError(f"{_origin(point)} names a flavor {point.name!r}, which is taken")
        try:
            flavors[point.name] = _make(point.value)
        except Exception as exc:
            raise ImportError(
                f"the flavor {point.name!r} of {_origin(point)} cannot be imported: {exc}"
            ) from exc
    return flavors


def _origin(point: EntryPoint) -> str:
    return f"the distribution {point.dist.name}" if point.dist else point.value
