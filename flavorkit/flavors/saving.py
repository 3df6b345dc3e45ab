"""Saving, written once for all frameworks."""

from __future__ import annotations

import os
import platform
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flavorkit import manifest
from flavorkit.atomic import copy, publish
from flavorkit.descriptor import FILENAME, PYFUNC, ModelDescriptor
from flavorkit.environment import Requirements, files, uv_project
from flavorkit.environment.choice import Choice, RequirementsLike
from flavorkit.environment.infer import provider_of
from flavorkit.errors import PathOccupiedError, UnsavableModelError
from flavorkit.flavors import options as option_names
from flavorkit.flavors.base import Flavor, Loaded, Saved
from flavorkit.flavors.loading import config_of, needing
from flavorkit.flavors.options import keywords, refuse_unknown
from flavorkit.flavors.private_names import is_private, plain
from flavorkit.flavors.registry import flavor_for, get_flavor
from flavorkit.flavors.trial import try_example
from flavorkit.signature import ModelSignature
from flavorkit.signature.example import Example
from flavorkit.trust import Grant, signing_key
from flavorkit.trust.keys import SIGNING_KEY_VARIABLE, KeyFileError
from flavorkit.version import __version__


def save_model(
    model: Any,
    path: str | Path,
    *,
    flavor: str | None = None,
    signature: ModelSignature | Literal[False] | None = None,
    input_example: Any = None,
    pip_requirements: RequirementsLike | None = None,
    extra_pip_requirements: RequirementsLike | None = None,
    conda_env: Mapping[str, Any] | str | Path | None = None,
    allow_requirement_options: bool = False,
    metadata: Mapping[str, Any] | None = None,
    extra_files: str | Path | Sequence[str | Path] = (),
    overwrite: bool = False,
    **options: Any,
) -> ModelDescriptor:
    """Save ``model`` as a folder that any flavorkit process, and stock MLflow, can load and serve.

    The folder appears whole or not at all, and what was written has been read back by then.

    Args:
        model: the framework's own object.
        path: the folder to make.
        flavor: which flavor saves it; found out from the type when not given.
        signature: what the model takes and gives; inferred from ``input_example`` when not given,
            left out when False.
        input_example: data the model can predict on, or a tuple of data and a dict of parameters.
        pip_requirements: what to install instead of what is found out: lines, or a file of lines.
        extra_pip_requirements: what to install beside it.
        conda_env: a conda environment instead, as a mapping or a YAML file.
        allow_requirement_options: let requirements name URLs, files and pip's options.
        metadata: anything to keep with the model, as plain YAML values or numpy scalars.
        extra_files: files and folders to copy into the folder, under ``extra_files/``.
        overwrite: replace a model that stands at ``path``.
        options: what the flavor takes beside these; an unknown one is an error.

    Raises:
        PathOccupiedError: ``path`` is not empty and ``overwrite`` is not set, or it holds no model.
        UnsupportedModelError: no flavor knows the type of ``model`` and ``flavor`` is not given.
        UnsavableModelError: the flavor cannot save this model; the message says what can.
        RequirementError: a requirement is malformed or smuggles something.
        InvalidInputError: the model cannot predict on ``input_example``, or the example does not
            fit ``signature``.
        MissingDependencyError: the flavor's framework is not installed.
        TypeError: the flavor has no such option.
    """
    chosen = get_flavor(flavor) if flavor else flavor_for(model)
    known = option_names.of(chosen.save)
    refuse_unknown(options, chosen, known, beside="save_model", shared=keywords(save_model))
    _refuse_wrong_types(signature, metadata)
    target = _checked_target(path)
    extra_files = [extra_files] if isinstance(extra_files, str | Path) else list(extra_files)
    environment = Choice.of(
        pip_requirements, extra_pip_requirements, conda_env, allow_options=allow_requirement_options
    )
    project = None
    if environment.given is None:
        project = uv_project.detect(Path.cwd(), allow_options=allow_requirement_options)
    example = None if input_example is None else Example.of(input_example)
    with publish(target, overwrite=overwrite) as folder, needing(chosen):
        options |= _asked_for(chosen, example, signature or None)
        saved = chosen.save(model, folder, **options)
        _copy_extra_files(extra_files, folder)
        if example is not None:
            example.write(folder)
        descriptor = ModelDescriptor(
            flavors=_sections(chosen, saved, extra_files),
            saved_input_example_info=example.info if example else None,
            metadata=_plain(metadata, "metadata") if metadata else None,
            model_size_bytes=_size_of(folder),
            flavorkit_version=__version__,
            model_uuid=uuid.uuid4().hex,
            utc_time_created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        )
        loaded = saved.loaded or chosen.load(
            folder, config_of(descriptor, chosen.name), trust=Grant.of_own(folder)
        )
        _refuse_private_names(loaded)
        if saved.pyfunc is None:
            warnings.warn(
                f"a {type(model).__name__} has nothing to predict with: load it with"
                f" flavorkit.{chosen.name}.load_model, it cannot be served",
                stacklevel=3,
            )
        descriptor = _with_signature(
            descriptor, chosen, saved, loaded, example=example, given=signature
        )
        needed = _requirements(chosen, saved, loaded, environment, project)
        files.write(folder, needed, environment.conda_env)
        if project is not None:
            project.copy_into(folder)
        descriptor.write(folder)
        manifest.write(folder, signer())
    return descriptor


def _asked_for(
    flavor: Flavor, example: Example | None, signature: ModelSignature | None
) -> dict[str, Any]:
    """What ``flavor`` has declared that it needs to know to write the model."""
    given = {"example": example, "signature": signature}
    declared = keywords(flavor.save)
    return {name: value for name, value in given.items() if name in declared}


def _with_signature(
    descriptor: ModelDescriptor,
    flavor: Flavor,
    saved: Saved,
    loaded: Loaded,
    *,
    example: Example | None,
    given: ModelSignature | Literal[False] | None,
) -> ModelDescriptor:
    """The descriptor with the signature given, else the model's own, else the example's."""
    is_own = saved.signature is not None and given is None
    signature = saved.signature if is_own else given
    if saved.pyfunc is not None and example is not None:
        found = try_example(flavor, loaded, descriptor, example, signature or None)
        if signature is None:
            signature = found
        elif is_own and signature and signature.outputs is None:
            signature = replace(signature, outputs=found.outputs)
    if not signature:
        return descriptor
    from_hints = is_own and saved.is_signature_from_type_hint
    return replace(descriptor, signature=signature, is_signature_from_type_hint=from_hints)


def _requirements(
    flavor: Flavor,
    saved: Saved,
    loaded: Loaded,
    environment: Choice,
    project: uv_project.UvProject | None,
) -> Requirements:
    """What has to be installed to load the files that were written."""
    packages, home = (*flavor.packages, *saved.packages), {}
    if flavor.modules:
        framework = provider_of(flavor.packages[0], flavor.modules[0])
        home = dict.fromkeys(flavor.modules, framework)
        packages = (framework, *packages[1:])
    locked = project.requirements if project else None
    return environment.requirements(loaded.modules, packages, home=home, locked=locked)


def _refuse_wrong_types(signature: Any, metadata: Any) -> None:
    if signature not in (None, False) and not isinstance(signature, ModelSignature):
        raise TypeError(
            f"signature must be a ModelSignature, False or None, got {type(signature).__name__}"
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping, got {type(metadata).__name__}")


def _checked_target(path: str | Path) -> Path:
    """``path``, unless what stands there is something else than a model."""
    target = Path(path)
    if not str(path) or not target.name:
        raise PathOccupiedError(target.absolute(), "name a folder for the model")
    if target.is_dir() and any(target.iterdir()) and not (target / FILENAME).is_file():
        raise PathOccupiedError(
            target, "the folder is not empty and holds no model, which alone is ever replaced"
        )
    return target


def _plain(value: Any, where: str) -> Any:
    """``value`` as plain YAML values.

    Raises:
        TypeError: a part of it has no such form; the message says which.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, np.generic):
        return _plain(value.item(), where)
    if value is None or isinstance(value, str | int | float | bool | date):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, which has no place in a YAML file")


def _refuse_private_names(loaded: Loaded) -> None:
    found = sorted(plain(module) for module in loaded.modules if is_private(module))
    if found:
        raise UnsavableModelError(
            f"the model uses the module {found[0]!r}, which the folder of another model brought and"
            " only that one sees; install it as a package, or save the model with"
            " flavorkit.pyfunc.save_model(python_model=..., code_paths=[...])"
        )


def _sections(
    flavor: Flavor, saved: Saved, extra_files: Sequence[str | Path]
) -> dict[str, dict[str, Any]]:
    config = dict(saved.config)
    if extra_files:
        listed = [{"path": f"extra_files/{Path(file).name}"} for file in extra_files]
        config["extra_files"] = listed
    sections = {flavor.name: config}
    if saved.pyfunc is not None:
        sections[PYFUNC] = {
            "loader_module": flavor.loader_module,
            "python_version": platform.python_version(),
            "env": {"conda": files.CONDA_ENV, "virtualenv": files.PYTHON_ENV},
            **saved.pyfunc,
            **sections.get(PYFUNC, {}),
        }
    return sections


def _copy_extra_files(extra_files: Sequence[str | Path], folder: Path) -> None:
    for file in map(Path, extra_files):
        target = folder / "extra_files" / file.name
        if target.exists():
            raise UnsavableModelError(f"two extra_files are called {file.name!r}; rename one")
        copy(file, target)


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def signer() -> Any:
    """The user's key; without one, as on a read-only disk, the model stays unsigned.

    Raises:
        KeyFileError: the key that the environment names cannot be used.
    """
    try:
        return signing_key(create=True)
    except (OSError, KeyFileError) as exc:
        if os.environ.get(SIGNING_KEY_VARIABLE):
            raise
        warnings.warn(
            "the model was not signed, so as code it loads only with trust given: your key cannot"
            f" be used: {exc}",
            stacklevel=4,
        )
        return None
