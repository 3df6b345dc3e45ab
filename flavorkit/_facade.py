"""The names people know from MLflow, and where each of them lives here.

``flavorkit.sklearn``, ``flavorkit.models`` and the others are no files: they are entries of one
table, put into ``sys.modules`` when flavorkit is imported, so that ``import flavorkit.sklearn`` and
``from flavorkit.sklearn import load_model`` work at no cost. What an entry names is imported when
it is first used. Stub files (``sklearn.pyi``, ``models.pyi``, ...) say the same to editors.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.flavors.base import Flavor

# The flavors that come with flavorkit; each has its module here under its own name.
FLAVORS = (
    "catboost",
    "crate",
    "fastai",
    "h2o",
    "keras",
    "lightgbm",
    "onnx",
    "pytorch",
    "sklearn",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
    "xgboost",
)

_TYPES = {
    name: f"flavorkit.signature:{name}"
    for name in (
        *("AnyType", "Array", "ColSpec", "DataType", "Map", "Object", "ParamSchema", "ParamSpec"),
        *("Property", "Schema", "SparkMLVector", "TensorSpec"),
    )
}
_SIGNATURE = {
    "ModelSignature": "flavorkit.signature:ModelSignature",
    "infer_signature": "flavorkit.signature:infer_signature",
}
_ERRORS = (
    *("BrokenFlavorError", "DeadlineExceededError", "DescriptorError", "EnvironmentBuildError"),
    *("EnvironmentMismatchError", "FlavorkitError", "IntegrityError"),
    *("InvalidInputError", "MissingDependencyError", "NotFoundError", "PayloadTooLargeError"),
    *("RequestError", "RequirementError", "SignatureError", "TrustError", "UnreadableModelError"),
    *(
        "PathOccupiedError",
        "UnsavableModelError",
        "UnsupportedModelError",
        "UnsupportedMediaTypeError",
    ),
)

# module -> public name -> "module:attribute".
MODULES: dict[str, dict[str, str]] = {
    "exceptions": {
        "MlflowException": "flavorkit.errors:FlavorkitError",
        **{name: f"flavorkit.errors:{name}" for name in _ERRORS},
    },
    "models": {
        **_SIGNATURE,
        "Model": "flavorkit.descriptor:ModelDescriptor",
        "ModelConfig": "flavorkit.flavors.python_function.python_model:ModelConfig",
        "convert_input_example_to_serving_input": (
            "flavorkit.signature.example:convert_input_example_to_serving_input"
        ),
        "get_model_info": "flavorkit.pyfunc.info:get_model_info",
        "predict": "flavorkit.pyfunc.in_environment:predict",
        "set_model": "flavorkit.flavors.python_function.python_model:set_model",
        "validate_serving_input": "flavorkit.pyfunc.serving_input:validate_serving_input",
        "update_model_requirements": "flavorkit.flavors.requirements:update_model_requirements",
    },
    "models.signature": _SIGNATURE,
    "types": _TYPES,
    "types.schema": _TYPES,
}


def install() -> None:
    """Make every module of the table importable."""
    for name, targets in MODULES.items():
        _add(_TableModule(name, targets))
    for name in FLAVORS:
        _add(_FlavorModule(name))


def lookup(target: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def submodules() -> frozenset[str]:
    """The modules that are reached as attributes of flavorkit: files, packages, and the table's."""
    here = {entry.name for entry in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return frozenset({*here, *FLAVORS, *(name for name in MODULES if "." not in name)})


def third_party_flavor(name: str) -> ModuleType:
    """The module of a flavor that an installed distribution adds.

    Raises:
        AttributeError: there is no such flavor.
        BrokenFlavorError: there is, and it cannot be used.
    """
    from flavorkit.errors import BrokenFlavorError, NotFoundError
    from flavorkit.flavors.registry import get_flavor

    try:
        get_flavor(name)
    except BrokenFlavorError:
        raise
    except NotFoundError:
        raise AttributeError(f"module 'flavorkit' has no attribute {name!r}") from None
    module = _FlavorModule(name)
    _add(module)
    return module


def _add(module: ModuleType) -> None:
    sys.modules[module.__name__] = module


class _TableModule(ModuleType):
    """A module whose names are looked up in the table when they are used."""

    def __init__(self, name: str, targets: dict[str, str]) -> None:
        super().__init__(f"flavorkit.{name}", f"What MLflow has in ``mlflow.{name}``.")
        self.__path__: list[str] = []
        self.__all__ = sorted(targets)
        self._targets = targets

    def __getattr__(self, name: str) -> Any:
        if name not in self._targets:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = lookup(self._targets[name])
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return self.__all__


class _FlavorModule(ModuleType):
    """``save_model`` and ``load_model`` of one flavor, and its constants."""

    def __init__(self, name: str) -> None:
        super().__init__(f"flavorkit.{name}", f"Save and load models of the {name} flavor.")
        self._name = name
        self.__all__ = ["load_model", "save_model"]

    def save_model(self, *args: Any, **kwargs: Any) -> ModelDescriptor:
        """Save a model of this flavor; see :func:`flavorkit.save_model` for the arguments.

        The model may be passed under the name that MLflow gives it, such as ``sk_model``.
        """
        from flavorkit.flavors.saving import save_model

        for argument in (self._flavor.model_argument, *self._flavor.model_aliases):
            if argument in kwargs:
                if args and "path" in kwargs:
                    raise TypeError(f"save_model() got several values for {argument!r}")
                args = (kwargs.pop(argument), *args)
        return save_model(*args, **kwargs, flavor=self._name)

    def load_model(
        self, model_uri: Any, dst_path: Any = None, *, trust: Any = None, **options: Any
    ) -> Any:
        """The framework's own object; see :func:`flavorkit.load_model` for the arguments.

        ``options`` are those of the flavor, such as ``device=`` of PyTorch.
        """
        from flavorkit import uris
        from flavorkit.flavors.loading import load_native

        folder = uris.fetch(model_uri, dst_path)
        loaded = load_native(folder, trust=trust, flavor=self._name, options=options)
        return loaded.flavor.unwrap(loaded.native)

    @property
    def _flavor(self) -> Flavor:
        from flavorkit.flavors.registry import get_flavor

        return get_flavor(self._name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and name in self._flavor.public:
            return lookup(f"{type(self._flavor).__module__}:{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return self.__all__
