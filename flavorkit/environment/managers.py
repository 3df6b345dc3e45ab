"""The commands that make an environment: of uv, of venv with pip, and of conda.

Each is a list of arguments, never a line for a shell, and is worked out without running anything.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from packaging.requirements import InvalidRequirement, Requirement

from flavorkit.environment.requirements import without_hashes
from flavorkit.errors import EnvironmentBuildError, MissingDependencyError, RequirementError

Manager = Literal["uv", "virtualenv", "conda"]
MANAGERS: tuple[Manager, ...] = get_args(Manager)

# A channel by its name: as a URL it could be anybody's.
_CHANNEL = re.compile(r"[A-Za-z0-9_][\w.-]*(/label/[\w.-]+)?")
_MATCH_SPEC = re.compile(r"[A-Za-z0-9_][\w.-]*( ?[<>=!~]=?[\w.*+,<>=!~| -]*)?")


@dataclass(frozen=True)
class Place:
    """The files of an environment under construction, all of them in one folder."""

    folder: Path

    @property
    def prefix(self) -> Path:
        """The environment itself."""
        return self.folder / "env"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.prefix / "bin" / "python"

    @property
    def requirements(self) -> Path:
        """What the model needs, as it was checked."""
        return self.folder / "requirements.txt"

    @property
    def constraints(self) -> Path:
        """What limits the versions of the rest."""
        return self.folder / "constraints.txt"

    @property
    def pins(self) -> Path:
        """The requirements once more, to hold what is installed after them."""
        return self.folder / "pins.txt"


@dataclass(frozen=True)
class Install:
    """What is installed: where there are hashes, what has none has to come afterwards."""

    requirements: bool
    constraints: bool
    hashes: bool
    wheel: Path

    def arguments(self, place: Place) -> list[list[str]]:
        """What comes behind ``pip install``, for each call of it."""
        limits = ["-c", str(place.constraints)] if self.constraints else []
        listed = ["-r", str(place.requirements)] if self.requirements else []
        own = ["--", str(self.wheel)]
        if not self.hashes:
            return [[*listed, *limits, *own]]
        return [
            ["--require-hashes", *listed, *limits],
            ["-c", str(place.pins), *limits, *own],
        ]


def uv_commands(uv: Sequence[str], python: str, place: Place, install: Install) -> list[list[str]]:
    """Those of uv."""
    venv = [*uv, "venv", "--quiet", "--no-project", "--python", python, "--", str(place.prefix)]
    pip = [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(place.python)]
    return [venv, *([*pip, *rest] for rest in install.arguments(place))]


def virtualenv_commands(python: str, place: Place, install: Install) -> list[list[str]]:
    """Those of the standard library's venv, and of the pip that it brings."""
    return [[python, "-I", "-m", "venv", str(place.prefix)], *_pip_commands(place, install)]


def conda_commands(
    conda: str, env: Mapping[str, Any], python: str, place: Place, install: Install
) -> list[list[str]]:
    """Those of conda; what a conda environment leaves to pip is installed by its pip.

    Args:
        conda: the command.
        env: the content of a ``conda.yaml``. Channels are names, dependencies are match
            specifications without URLs.
        python: the version that is installed if ``env`` names none.
        place: where the environment goes.
        install: what pip installs.

    Raises:
        RequirementError: a channel or a dependency is something else.
    """
    channels = _texts(env, "channels", _CHANNEL)
    specs = _texts(env, "dependencies", _MATCH_SPEC)
    named = {re.split(r"[ <>=!~]", spec, maxsplit=1)[0].lower() for spec in specs}
    specs += [
        spec for name, spec in (("python", f"python={python}"), ("pip", "pip")) if name not in named
    ]
    create = [conda, "create", "--yes", "--quiet", "--prefix", str(place.prefix)]
    if channels:
        create.append("--override-channels")
    for channel in channels:
        create += ["--channel", channel]
    return [[*create, "--", *specs], *_pip_commands(place, install)]


def find_uv() -> list[str] | None:
    """How uv is called here: as a command, or as a module of this Python; None without it."""
    command = shutil.which("uv")
    if command is not None:
        return [command]
    if importlib.util.find_spec("uv") is None:
        return None
    # -P: it runs in folders whose uv.py is not uv. -I would hide the user's own packages.
    return [sys.executable, "-P", "-m", "uv"]


def need_uv() -> list[str]:
    """As :func:`find_uv`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    uv = find_uv()
    if uv is None:
        raise MissingDependencyError("the environment manager uv", "uv")
    return uv


def need_conda() -> str:
    """The command of the conda that is active, else the one on the path.

    Raises:
        EnvironmentBuildError: there is none.
    """
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda")
    if conda is None:
        raise EnvironmentBuildError(
            "conda is not installed", advice="install it, or choose --env-manager uv"
        )
    return conda


def need_python(version: str) -> str:
    """The command of a Python of this version, ``3.12``, for managers that bring none.

    Raises:
        EnvironmentBuildError: there is none on this machine.
    """
    if is_running(version):
        return running()
    command = shutil.which(f"python{version}")
    if command is None:
        raise EnvironmentBuildError(
            f"there is no python{version} on this machine",
            advice="install it, or choose --env-manager uv, which fetches it",
        )
    return command


def running() -> str:
    """The interpreter of this process."""
    return sys.executable


def running_version() -> str:
    """The version of Python that runs this process, without its patch: ``3.12``."""
    return ".".join(platform.python_version_tuple()[:2])


def is_running(version: str) -> bool:
    """Whether this process runs a Python of this version."""
    return running_version() == version


def pin_of(line: str) -> str | None:
    """A requirement as a constraint, which has neither extras nor hashes."""
    try:
        requirement = Requirement(without_hashes(line))
    except InvalidRequirement:
        return None
    requirement.extras = set()
    return str(requirement)


def pins_of(lines: Iterable[str]) -> list[str]:
    """The requirements once more, to hold what is installed after them."""
    return [pin for line in lines if (pin := pin_of(line)) is not None]


def _pip_commands(place: Place, install: Install) -> list[list[str]]:
    pip = [str(place.python), "-I", "-m", "pip", "install", "--quiet", "--no-input"]
    pip.append("--disable-pip-version-check")
    return [[*pip, *rest] for rest in install.arguments(place)]


def _texts(env: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> list[str]:
    listed = env.get(key) or []
    if not isinstance(listed, list):
        raise RequirementError(f"conda.yaml: {key} is not a list")
    texts = [entry for entry in listed if not isinstance(entry, Mapping)]
    for text in texts:
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise RequirementError(f"conda.yaml: {key} may not hold {text!r}, only plain names")
    return texts
