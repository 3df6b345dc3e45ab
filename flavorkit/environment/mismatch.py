"""What is installed, compared with what a model lists.

The same estimator of another version may predict something else, and most frameworks do not say so.
"""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from flavorkit.environment import files
from flavorkit.environment.requirements import without_hashes
from flavorkit.errors import EnvironmentMismatchError, RequirementError

# flavorkit stands in for MLflow, which lists itself in every model that it saves.
_STANDS_IN_FOR = frozenset({"flavorkit", "mlflow", "mlflow-skinny"})
_VERSION = re.compile(r"^Version: *(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Mismatch:
    """A package of which the model lists something else than is installed."""

    package: str
    required: str
    """The line of the model, without hashes."""
    installed: str | None
    """The version that is installed; None if it is not installed at all."""

    def __str__(self) -> str:
        found = "is not installed" if self.installed is None else f"{self.installed} is installed"
        return f"{self.required}, but {self.package} {found}"


def installed_version(package: str) -> str | None:
    """The version of a distribution that is installed, or None."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    # metadata.version() parses the whole text, a long description and all, for this one line.
    text = found.read_text("METADATA") or ""
    match = _VERSION.search(text)
    return match[1] if match else found.version


def mismatches(
    lines: Iterable[str], installed: Callable[[str], str | None] = installed_version
) -> list[Mismatch]:
    """Where the installed packages are not those that requirements ask for.

    Args:
        lines: the requirements; what names no package, such as an option of pip, is passed over,
            as are requirements whose marker does not hold here.
        installed: the version of a package that is installed.

    Raises:
        RequirementError: a marker cannot be evaluated; the message names the requirement.
    """
    found = []
    for line in lines:
        try:
            requirement = Requirement(without_hashes(line))
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) in _STANDS_IN_FOR:
            continue
        if not _is_meant(requirement):
            continue
        version = installed(requirement.name)
        if not _satisfies(version, requirement):
            found.append(Mismatch(requirement.name, str(requirement), version))
    return found


def check_installed(folder: Path, *, strict: bool) -> None:
    """Compare what the model in ``folder`` lists with what is installed here.

    Without ``strict``, a difference is one warning, and so is a marker that cannot be evaluated.

    Raises:
        EnvironmentMismatchError: there are differences, and ``strict`` is set.
        RequirementError: the list cannot be read, or one of its markers cannot be evaluated, and
            ``strict`` is set.
    """
    try:
        lines = files.read(folder, allow_options=True).lines
    except RequirementError:
        if strict:
            raise
        return
    try:
        found = mismatches(lines)
    except RequirementError as exc:
        if strict:
            raise
        warnings.warn(
            f"what is installed was not compared with what {folder} lists: {exc}", stacklevel=4
        )
        return
    if not found:
        return
    wanted = " ".join(shlex.quote(mismatch.required) for mismatch in found)
    fixes = (
        f"pip install {wanted}",
        f"flavorkit serve {shlex.quote(str(folder))} --env-manager uv, or predict in its place,"
        " which runs it in an environment of its own",
    )
    if strict:
        raise EnvironmentMismatchError(folder, map(str, found), fixes)
    warnings.warn(
        f"{folder} was saved with other packages than are installed here:"
        f" {'; '.join(map(str, found))}. It may predict something else. To have them:"
        f" {'; or '.join(fixes)}.",
        stacklevel=4,
    )


def _is_meant(requirement: Requirement) -> bool:
    """Whether the marker of a requirement, if it has one, holds here."""
    try:
        return requirement.marker is None or requirement.marker.evaluate()
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion) as exc:
        raise RequirementError(
            f"{str(requirement)!r} has a marker that cannot be evaluated ({exc}); correct it with"
            " `flavorkit models update-pip-requirements`"
        ) from None


def _satisfies(version: str | None, requirement: Requirement) -> bool:
    if version is None:
        return False
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False
