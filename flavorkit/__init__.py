"""flavorkit: package a trained model of any framework, and serve it the same way."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from flavorkit import _facade
from flavorkit.version import __version__

if TYPE_CHECKING:
    from flavorkit import (
        catboost,
        crate,
        exceptions,
        fastai,
        keras,
        models,
        onnx,
        pytorch,
        sklearn,
        spacy,
        spark,
        statsmodels,
        tensorflow,
        types,
        xgboost,
    )
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.errors import FlavorkitError
    from flavorkit.flavors.saving import save_model
    from flavorkit.pyfunc import PyFuncModel, load_model
    from flavorkit.signature import ModelSignature, infer_signature

# Public name -> where it lives. Nothing is imported before it is used (PEP 562).
_EXPORTS = {
    "FlavorkitError": "flavorkit.errors:FlavorkitError",
    "ModelDescriptor": "flavorkit.descriptor:ModelDescriptor",
    "ModelSignature": "flavorkit.signature:ModelSignature",
    "PyFuncModel": "flavorkit.pyfunc:PyFuncModel",
    "infer_signature": "flavorkit.signature:infer_signature",
    "load_model": "flavorkit.pyfunc:load_model",
    "save_model": "flavorkit.flavors.saving:save_model",
}
__all__ = [
    "FlavorkitError",
    "ModelDescriptor",
    "ModelSignature",
    "PyFuncModel",
    "__version__",
    "catboost",
    "crate",
    "exceptions",
    "fastai",
    "infer_signature",
    "keras",
    "load_model",
    "models",
    "onnx",
    "pytorch",
    "save_model",
    "sklearn",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
    "types",
    "xgboost",
]

_facade.install()


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        value = _facade.lookup(_EXPORTS[name])
        globals()[name] = value
        return value
    if name.startswith("_"):
        raise AttributeError(f"module 'flavorkit' has no attribute {name!r}")
    # `from flavorkit import errors` asks here first, so this must not look far for what is near.
    if name in _facade.submodules():
        return importlib.import_module(f"flavorkit.{name}")
    return _facade.third_party_flavor(name)


def __dir__() -> list[str]:
    return __all__
