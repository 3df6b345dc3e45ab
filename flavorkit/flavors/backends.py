"""TensorFlow, and Keras on whichever backend it is to run, imported quietly."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from flavorkit.environment.infer import provider_of
from flavorkit.errors import MissingDependencyError

# What Keras calls a backend is the module it imports, and the distribution to install.
BACKENDS = ("jax", "numpy", "openvino", "tensorflow", "torch")

_CHOICE = "KERAS_BACKEND"


def import_tensorflow() -> Any:
    """TensorFlow, without what its C++ parts write to stderr unless it is an error.

    The variable is read when TensorFlow is first imported; a user's own value stays.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    return tf


def import_keras(backend: str | None = None) -> Any:
    """Keras, on ``backend`` if nothing else has been chosen.

    Keras takes one backend when it is imported and keeps it. What runs already stays, and so does
    the user's choice in ``KERAS_BACKEND``.

    Raises:
        MissingDependencyError: the backend that Keras would run on is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    is_free = "keras" not in sys.modules and not os.environ.get(_CHOICE)
    if is_free and backend in BACKENDS:
        if find_spec(backend) is None:
            raise MissingDependencyError(
                f"a model of Keras on {backend} (or {_CHOICE} set to another that is installed)",
                backend,
            )
        os.environ[_CHOICE] = backend
    try:
        import keras
    except ModuleNotFoundError as exc:
        if exc.name in BACKENDS:
            raise MissingDependencyError(
                "Keras, on the backend that it is set to,", exc.name
            ) from exc
        raise
    finally:
        if is_free:
            os.environ.pop(_CHOICE, None)
    return keras


def package_of(backend: str) -> tuple[str, ...]:
    """The installed distribution of a backend, such as ``tensorflow-cpu``."""
    return (provider_of(backend, backend),) if backend in BACKENDS else ()
