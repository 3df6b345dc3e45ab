"""A project of uv, whose lock already says what a model that is saved in it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

from flavorkit.environment.create import tool_environment
from flavorkit.environment.managers import find_uv
from flavorkit.environment.requirements import Requirements, name_of, parse
from flavorkit.errors import RequirementError

VARIABLES = ("FLAVORKIT_UV_AUTO_DETECT", "MLFLOW_UV_AUTO_DETECT")
LOCK = "uv.lock"
PROJECT = "pyproject.toml"
COPIED = (LOCK, PROJECT, ".python-version")

_EXPORT = (
    *("export", "--frozen", "--no-dev", "--no-header", "--no-emit-project", "--no-annotate"),
    "--quiet",
)
_TIMEOUT_SECONDS = 60
_NEVER_LISTED = frozenset({"flavorkit"})


@dataclass(frozen=True)
class UvProject:
    """The project in ``folder``, and the requirements that its lock pins, with their hashes."""

    folder: Path
    requirements: Requirements

    def copy_into(self, model: Path) -> None:
        """Copy the files that describe it into the folder of a model."""
        for name in COPIED:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, model / name)


def detect(folder: Path, *, allow_options: bool = False) -> UvProject | None:
    """The project of uv in ``folder``; None where there is none, or it is not to be used.

    A project whose lock cannot be used, as without uv or with a dependency that is a path, is None
    too, with a warning.
    """
    if not _is_wanted() or not all((folder / name).is_file() for name in (LOCK, PROJECT)):
        return None
    try:
        lines = _export(folder)
        return UvProject(folder, parse(lines, allow_options=allow_options))
    except RequirementError as exc:
        warnings.warn(
            f"{folder / LOCK} was not used, and requirements were found out instead: {exc}."
            f" {VARIABLES[0]}=false leaves it alone without this warning.",
            stacklevel=3,
        )
        return None


def _is_wanted() -> bool:
    for variable in VARIABLES:
        value = os.environ.get(variable)
        if value:
            return value.strip().lower() not in {"false", "0", "no", "off"}
    return True


def _export(folder: Path) -> list[str]:
    uv = find_uv()
    if uv is None:
        raise RequirementError("uv is not installed")
    try:
        done = subprocess.run(
            [*uv, *_EXPORT],
            cwd=folder,
            env=tool_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.CalledProcessError as exc:
        said = exc.stderr.decode(errors="replace").strip().splitlines()
        last = " | ".join(line.strip() for line in said[-4:])
        raise RequirementError(f"uv export failed: {last}") from None
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise RequirementError(f"uv export failed: {exc}") from None
    text = done.stdout.decode(errors="replace").replace("\\\n", " ")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line and name_of(line) not in _NEVER_LISTED]
