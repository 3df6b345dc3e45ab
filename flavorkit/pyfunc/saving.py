"""Saving Python code as a model, under the names that MLflow gives the arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flavorkit.descriptor import PYFUNC, ModelDescriptor
from flavorkit.flavors import saving


def save_model(
    path: str | Path,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    code_paths: Sequence[str | Path] | None = None,
    *,
    python_model: Any = None,
    artifacts: Mapping[str, str | Path] | None = None,
    model_config: Mapping[str, Any] | str | Path | None = None,
    **options: Any,
) -> ModelDescriptor:
    """Save a class, a function, a file of code, or data with the module that loads it.

    Args:
        path: the folder to make.
        loader_module: one of ``code_paths``, whose ``_load_pyfunc(data_path)`` gives an object with
            a ``predict``; instead of ``python_model``.
        data_path: what ``loader_module`` loads, copied into the folder.
        code_paths: modules and packages that the model imports, copied into the folder.
        python_model: a :class:`~flavorkit.pyfunc.PythonModel`, a function, or the path of a ``.py``
            file that calls :func:`flavorkit.models.set_model`.
        artifacts: files and folders to copy in, by the name under which the context has them.
        model_config: what the context has as ``model_config``: a mapping, or a YAML file.
        options: as of :func:`flavorkit.save_model`, such as ``signature`` and ``input_example``.

    Raises:
        UnsavableModelError: it cannot be written; the message says what can.
    """
    return saving.save_model(
        python_model,
        path,
        flavor=PYFUNC,
        loader_module=loader_module,
        data_path=data_path,
        code_paths=code_paths,
        artifacts=artifacts,
        model_config=model_config,
        **options,
    )
