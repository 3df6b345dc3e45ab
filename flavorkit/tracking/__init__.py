"""Where models come from: experiments, runs, registered models and their artifacts.

The names that MLflow has in ``mlflow.tracking`` are here, too; each is imported when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flavorkit.tracking.client import FlavorkitClient, MLflowClient, MlflowClient
    from flavorkit.tracking.defaults import is_tracking_uri_set, set_registry_uri, set_tracking_uri
    from flavorkit.tracking.defaults import registry_uri as get_registry_uri
    from flavorkit.tracking.defaults import tracking_uri as get_tracking_uri

_EXPORTS = {
    "FlavorkitClient": "flavorkit.tracking.client:FlavorkitClient",
    "MLflowClient": "flavorkit.tracking.client:MLflowClient",
    "MlflowClient": "flavorkit.tracking.client:MlflowClient",
    "get_registry_uri": "flavorkit.tracking.defaults:registry_uri",
    "get_tracking_uri": "flavorkit.tracking.defaults:tracking_uri",
    "is_tracking_uri_set": "flavorkit.tracking.defaults:is_tracking_uri_set",
    "set_registry_uri": "flavorkit.tracking.defaults:set_registry_uri",
    "set_tracking_uri": "flavorkit.tracking.defaults:set_tracking_uri",
}
__all__ = [
    "FlavorkitClient",
    "MLflowClient",
    "MlflowClient",
    "get_registry_uri",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "set_registry_uri",
    "set_tracking_uri",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _EXPORTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
