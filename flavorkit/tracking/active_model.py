"""The logged model that is being worked on: metrics without a ``model_id`` are of this one."""

from __future__ import annotations

import os
from contextvars import ContextVar, Token

from flavorkit.tracking import environ

_VARIABLES = ("FLAVORKIT_ACTIVE_MODEL_ID", "MLFLOW_ACTIVE_MODEL_ID", "_MLFLOW_ACTIVE_MODEL_ID")
_active: ContextVar[str | None] = ContextVar("flavorkit_active_model", default=None)


def current() -> str | None:
    """Its id, in this thread; what the environment says where nothing was set."""
    return _active.get() or environ.text("ACTIVE_MODEL_ID")


def activate(model_id: str) -> Token[str | None]:
    """Make a model the active one of this thread."""
    return _active.set(model_id)


def restore(model_id: str | None) -> None:
    """Go back to what was active before."""
    _active.set(model_id)


def clear() -> None:
    """Have no active model, whatever the environment says."""
    for name in _VARIABLES:
        os.environ.pop(name, None)
    _active.set(None)
