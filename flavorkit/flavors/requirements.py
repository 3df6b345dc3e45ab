"""The requirements of a model that is saved already: where they are, and how they are changed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from flavorkit import manifest, uris
from flavorkit.atomic import publish
from flavorkit.descriptor import ModelDescriptor
from flavorkit.environment import Requirements, files, parse
from flavorkit.environment.requirements import name_of
from flavorkit.errors import NotFoundError, RequirementError
from flavorkit.flavors.loading import check_trust
from flavorkit.flavors.saving import signer
from flavorkit.trust import Policy
from flavorkit.trust.policy import Trust


def get_model_dependencies(model_uri: str | Path, format: Literal["pip", "conda"] = "pip") -> str:  # noqa: A002 - MLflow's name
    """The path of the file that lists what a model needs.

    Args:
        model_uri: the model's folder or URI.
        format: "pip" for ``requirements.txt``, "conda" for ``conda.yaml``.

    Raises:
        NotFoundError: there is no such model, or it has no such file.
        IntegrityError: a file is not what was saved.
        ValueError: there is no such format.
    """
    names = {"pip": files.REQUIREMENTS, "conda": files.CONDA_ENV}
    if format not in names:
        raise ValueError(f"format must be 'pip' or 'conda', not {format!r}")
    folder = uris.fetch(model_uri)
    manifest.verify(folder)
    path = folder / names[format]
    if not path.is_file():
        raise NotFoundError(f"the model at {model_uri} has no {path.name}")
    return str(path)


def update_model_requirements(
    model_uri: str | Path,
    operation: Literal["add", "remove"],
    requirement_list: Sequence[str],
    *,
    trust: Trust = None,
    allow_requirement_options: bool = False,
) -> Requirements:
    """Change what a saved model needs, in all its files and in one step, and sign it anew.

    Args:
        model_uri: the model's folder, or a URI of one on this machine.
        operation: "add" adds lines, in place of those of the same packages; "remove" removes the
            lines of packages with these names.
        requirement_list: requirements, or names of packages.
        trust: as in :func:`flavorkit.load_model`. It must allow the model to run code, since your
            signature will say that you answer for it.
        allow_requirement_options: let requirements, those that it has and those that are added,
            name URLs, files and pip's options.

    Returns:
        The requirements that it has now.

    Raises:
        RequirementError: a line is malformed, smuggles something, or is not there to be removed.
        TrustError: the model is signed by nobody whom ``trust`` covers.
        IntegrityError: a file is not what was saved.
    """
    folder = uris.fetch(model_uri).resolve()
    change = parse(requirement_list, allow_options=allow_requirement_options)
    with publish(folder, overwrite=True) as copy:
        shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
        # What is verified is what will stand there, whatever happens to the original meanwhile.
        checked = manifest.verify(copy)
        grant = check_trust(folder, checked, ModelDescriptor.read(copy), Policy.parse(trust))
        if not grant.code:
            raise grant.refusal("changing its requirements would put your signature under it")
        present = files.read(copy, allow_options=allow_requirement_options)
        needed = present.extended(change) if operation == "add" else _without(present, change)
        files.update(copy, needed)
        manifest.write(copy, signer())
    return needed


def _without(present: Requirements, removed: Requirements) -> Requirements:
    names = removed.names()
    missing = sorted(names - present.names())
    if missing:
        raise RequirementError(f"the model does not list {', '.join(missing)}")
    kept = tuple(line for line in present.lines if name_of(line) not in names)
    return Requirements(kept, present.constraints)
