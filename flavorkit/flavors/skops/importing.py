"""Importing skops, without what it imports by the way."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# scikit-learn's adapter of PyTorch. Whoever gives PyTorch's tensors to an estimator imports it.
_ADAPTER = "sklearn.externals.array_api_compat.torch"


def import_skops() -> ModuleType:
    """``skops.io``, imported without PyTorch.

    It asks scikit-learn for all estimators, which imports every package below ``sklearn``, and
    passes over those that cannot be imported. One of them imports PyTorch where that is installed,
    which takes more than a second and 130 MB.
    """
    if "skops.io" in sys.modules or _ADAPTER in sys.modules:
        return importlib.import_module("skops.io")
    sys.modules[_ADAPTER] = None  # type: ignore[assignment]  # "cannot be imported"
    try:
        return importlib.import_module("skops.io")
    finally:
        if sys.modules.get(_ADAPTER, _ADAPTER) is None:
            del sys.modules[_ADAPTER]
