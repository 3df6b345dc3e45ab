"""Saving, written once for all frameworks."""

from __future__ import annotations

import inspect
import platform
import shutil
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flavorkit import manifest
from flavorkit.atomic import publish
from flavorkit.descriptor import PYFUNC, ModelDescriptor
from flavorkit.environment import files
from flavorkit.environment.choice import Choice, RequirementsLike
from flavorkit.errors import InvalidInputError
from flavorkit.flavors.base import Flavor, Loaded, Saved
from flavorkit.flavors.loading import config_of, needing
from flavorkit.flavors.registry import flavor_for, get_flavor
from flavorkit.signature import ModelSignature, compile_schema, infer_from_example
from flavorkit.signature.containers import adapt
from flavorkit.signature.example import Example
from flavorkit.trust import Grant, signing_key
from flavorkit.trust.keys import KeyFileError
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
    extra_files: Sequence[str | Path] = (),
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
        metadata: anything to keep with the model, as plain YAML values.
        extra_files: files to copy into the folder, under ``extra_files/``.
        overwrite: replace a model that stands at ``path``.
        options: what the flavor takes beside these; an unknown one is an error.

    Raises:
        FileExistsError: ``path`` is not empty, and ``overwrite`` is not set.
        UnsupportedModelError: no flavor knows the type of ``model`` and ``flavor`` is not given.
        UnsavableModelError: the flavor cannot save this model; the message says what can.
        RequirementError: a requirement is malformed or smuggles something.
        InvalidInputError: the model cannot predict on ``input_example``.
        MissingDependencyError: the flavor's framework is not installed.
        TypeError: the flavor has no such option.
    """
    chosen = get_flavor(flavor) if flavor else flavor_for(model)
    _refuse_unknown(options, chosen)
    environment = Choice.of(
        pip_requirements, extra_pip_requirements, conda_env, allow_options=allow_requirement_options
    )
    example = None if input_example is None else Example.of(input_example)
    with publish(Path(path), overwrite=overwrite) as folder, needing(chosen):
        saved = chosen.save(model, folder, **options)
        _copy_extra_files(extra_files, folder)
        if example is not None:
            example.write(folder)
        descriptor = ModelDescriptor(
            flavors=_sections(chosen, saved, extra_files),
            saved_input_example_info=example.info if example else None,
            metadata=dict(metadata) if metadata else None,
            model_size_bytes=_size_of(folder),
            flavorkit_version=__version__,
            model_uuid=uuid.uuid4().hex,
            utc_time_created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        )
        loaded = saved.loaded or chosen.load(
            folder, config_of(descriptor, chosen.name), trust=Grant.of_own(folder)
        )
        if signature is None and example is not None and saved.pyfunc is not None:
            signature = _infer_signature(chosen, loaded, descriptor, example)
        if signature:
            descriptor = replace(descriptor, signature=signature)
        home = dict.fromkeys(chosen.modules, chosen.packages[0])
        packages = (*chosen.packages, *saved.packages)
        needed = environment.requirements(loaded.modules, packages, home=home)
        files.write(folder, needed, environment.conda_env)
        descriptor.write(folder)
        manifest.write(folder, _signer())
    return descriptor


def _refuse_unknown(options: Mapping[str, Any], flavor: Flavor) -> None:
    known = {
        name
        for name, parameter in inspect.signature(flavor.save).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(
            f"the {flavor.name} flavor has no option {', '.join(unknown)}"
            f" (it has {', '.join(sorted(known)) or 'none'})"
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
        }
    return sections


def _infer_signature(
    flavor: Flavor, loaded: Loaded, descriptor: ModelDescriptor, example: Example
) -> ModelSignature:
    """The signature of the model just written, by what it makes of the example."""
    predict = flavor.predictor(loaded.native, config_of(descriptor, flavor.name))
    taken = infer_from_example(example.data, None, example.params)
    assert taken.inputs is not None
    data = adapt(compile_schema(taken.inputs)(example.data), flavor.accepts)
    try:
        predictions = predict(data, example.params or {})
    except Exception as exc:  # the model's own code
        columns = f" with the columns {list(data.columns)}" if hasattr(data, "columns") else ""
        raise InvalidInputError(
            f"the model cannot predict on input_example, which it gets as a"
            f" {type(data).__name__}{columns}: {type(exc).__name__}: {exc}"
        ) from exc
    return infer_from_example(example.data, predictions, example.params)


def _copy_extra_files(extra_files: Sequence[str | Path], folder: Path) -> None:
    for file in map(Path, extra_files):
        target = folder / "extra_files" / file.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _signer() -> Any:
    """The user's key; without one, as on a read-only disk, the model stays unsigned."""
    try:
        return signing_key(create=True)
    except (OSError, KeyFileError) as exc:
        warnings.warn(f"the model was not signed, your key cannot be used: {exc}", stacklevel=4)
        return None
