"""An environment for a saved model: found among those that are kept, or made.

What a model's files say goes into files and lists of arguments, and nothing of it into a shell,
an option or a variable of the tools. An environment has no marker until it is complete, and one
without a marker is never used: whoever wants it next removes it and begins again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit import strict_yaml
from flavorkit.environment import cache, files, managers
from flavorkit.environment.managers import Install, Manager, Place
from flavorkit.environment.requirements import Requirements, have_hashes, normalised
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import EnvironmentBuildError

Report = Callable[[str], None]
"""Takes a line for whoever waits."""

# Part of the name of every environment: to be raised when they are made differently.
_LAYOUT = 1
_QUIET_SECONDS = 2.0
_REMINDER_SECONDS = 30.0
_OLDEST_MINOR = 11
_VERSION = re.compile(r"3\.(\d{1,3})(\.\d{1,3})?")

# What would let the caller's own environment, or another project's, reach into the one being made.
_NOT_PASSED_ON = frozenset(
    {
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON"),
        *("UV_SYSTEM_PYTHON", "UV_WORKING_DIRECTORY", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"),
        *("PIP_USER", "PIP_PYTHON", "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_DRY_RUN"),
    }
)


@dataclass(frozen=True)
class Spec:
    """What an environment is made of, beside flavorkit itself."""

    manager: Manager
    python: str
    """The version of Python, ``3.12``: wheels are made for that, and not for a patch of it."""
    requirements: Requirements
    conda_env: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, folder: Path, manager: Manager, *, allow_options: bool = False) -> Spec:
        """What the model in ``folder`` asks for.

        Args:
            folder: the model's.
            manager: what makes the environment.
            allow_options: follow URLs, paths and options of pip among the requirements.

        Raises:
            RequirementError: a requirement is malformed or smuggles something.
            DescriptorError: ``python_env.yaml`` or ``conda.yaml`` is malformed.
            EnvironmentBuildError: flavorkit does not run on the model's version of Python.
        """
        conda_env = None
        if manager == "conda" and (folder / files.CONDA_ENV).exists():
            conda_env = files.conda_env_of(folder / files.CONDA_ENV)
        needed = files.read(folder, allow_options=allow_options)
        return cls(manager, _python_of(folder), needed, conda_env)

    def name(self, wheel: OwnWheel) -> str:
        """The name that equal environments have in common, and others have not."""
        facts = {
            "layout": _LAYOUT,
            "platform": [platform.system(), platform.machine()],
            "python": self.python,
            "requirements": sorted(map(normalised, self.requirements.lines)),
            "constraints": sorted(map(normalised, self.requirements.constraints)),
            "conda": self.conda_env,
            "flavorkit": wheel.digest,
        }
        raw = json.dumps(facts, sort_keys=True, default=str).encode()
        return f"{self.manager}-{hashlib.sha256(raw).hexdigest()[:32]}"


@dataclass(frozen=True)
class Environment:
    """A complete environment, which stays as long as the process that has it."""

    place: Place
    lock: int
    """The descriptor that keeps others from removing it."""

    @property
    def python(self) -> Path:
        """Its interpreter, in which flavorkit is installed too."""
        return self.place.python

    def hand_over(self) -> None:
        """Keep it for the program that replaces this one as well."""
        os.set_inheritable(self.lock, True)

    def release(self) -> None:
        """Let others remove it."""
        os.close(self.lock)


def prepare(spec: Spec, report: Report) -> Environment:
    """The environment that ``spec`` describes, made if it is not kept yet.

    Processes that want the same one at once get the same one: one makes it, the others wait.

    Args:
        spec: what it is made of.
        report: gets a line when making it, or waiting for it, takes more than two seconds.

    Raises:
        EnvironmentBuildError: it cannot be made; the message has the last lines of the tool.
        MissingDependencyError: the manager is not installed.
    """
    wheel = OwnWheel.of_running()
    place = cache.place_of(spec.name(wheel))

    def waiting() -> None:
        report(f"another process is making the environment {place.folder}; waiting for it")

    while True:
        shared = cache.lock(place, alone=False, waiting=waiting)
        if cache.find(place) is not None:
            cache.touch(place)
            return Environment(place, shared)
        os.close(shared)
        alone = cache.lock(place, alone=True, waiting=waiting)
        try:
            if cache.find(place) is None:
                _make(spec, wheel, place, _Tool(place, alone, report))
        finally:
            os.close(alone)


def _make(spec: Spec, wheel: OwnWheel, place: Place, tool: _Tool) -> None:
    cache.remove(place)
    place.folder.mkdir(mode=0o700)
    try:
        for command in _commands(spec, _write_files(spec, wheel, place), place):
            tool.run(command)
        facts = {
            "manager": spec.manager,
            "python": spec.python,
            "requirements": list(spec.requirements.lines),
            "made_at": time.time(),
        }
        cache.mark_complete(place, facts)
    except BaseException:
        cache.remove(place)
        raise
    tool.done()


def _write_files(spec: Spec, wheel: OwnWheel, place: Place) -> Install:
    needed = spec.requirements
    files.write_lines(place.requirements, needed.lines)
    files.write_lines(place.constraints, needed.constraints)
    files.write_lines(place.pins, managers.pins_of(needed.lines))
    own = wheel.write(place.folder)
    return Install(bool(needed.lines), bool(needed.constraints), have_hashes(needed.lines), own)


def _commands(spec: Spec, install: Install, place: Place) -> list[list[str]]:
    match spec.manager:
        case "uv":
            python = managers.running() if managers.is_running(spec.python) else spec.python
            return managers.uv_commands(managers.need_uv(), python, place, install)
        case "virtualenv":
            python = managers.need_python(spec.python)
            return managers.virtualenv_commands(python, place, install)
        case "conda":
            conda, env = managers.need_conda(), spec.conda_env or {}
            return managers.conda_commands(conda, env, spec.python, place, install)


class _Tool:
    """Runs the commands that make one environment, and says so when it takes long."""

    def __init__(self, place: Place, lock: int, report: Report) -> None:
        self._place, self._lock, self._report = place, lock, report
        self._started = time.monotonic()
        self._next_line = _QUIET_SECONDS
        self._has_said = False

    def run(self, command: list[str]) -> None:
        """One command.

        Raises:
            EnvironmentBuildError: it fails.
        """
        try:
            process = subprocess.Popen(
                command,
                cwd=self._place.folder,
                env=tool_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # It keeps the lock if we are killed, so that nobody builds while it still writes.
                pass_fds=(self._lock,),
            )
        except OSError as exc:
            raise EnvironmentBuildError(f"{command[0]} cannot be run: {exc.strerror}") from exc
        try:
            output = self._output_of(process)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if process.returncode != 0:
            raise EnvironmentBuildError(
                f"{_shown(command)} failed with status {process.returncode}",
                output=output.decode(errors="replace"),
                advice=(
                    "see that the model's requirements.txt can be installed on this machine, or"
                    " change it with `flavorkit models update-pip-requirements`"
                ),
            )

    def done(self) -> None:
        """Tell whoever was told of it that it has come to an end."""
        if self._has_said:
            self._report(f"made the environment in {self._elapsed():.0f} seconds")

    def _output_of(self, process: subprocess.Popen[bytes]) -> bytes:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                wait = max(self._next_line - self._elapsed(), 0.001)
                return process.communicate(timeout=wait)[0]
            self._say()

    def _say(self) -> None:
        if self._has_said:
            self._report(f"still making the environment, after {self._elapsed():.0f} seconds")
        else:
            self._report(f"making the environment {self._place.folder}, once for this model")
        self._has_said = True
        self._next_line += _REMINDER_SECONDS

    def _elapsed(self) -> float:
        return time.monotonic() - self._started


def tool_environment() -> dict[str, str]:
    """The variables that the tools get: the caller's, such as those that name a package index."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}


def _python_of(folder: Path) -> str:
    path = folder / files.PYTHON_ENV
    if not path.exists():
        return managers.running_version()
    content = strict_yaml.read(path)
    version = content.get("python") if isinstance(content, dict) else None
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise EnvironmentBuildError(
            f"{path}: python is {version!r}, which is no version of Python",
            advice="write it in quotes, as in '3.12.1'",
        )
    if int(match[1]) < _OLDEST_MINOR:
        raise EnvironmentBuildError(
            f"the model was saved with Python {version}, and flavorkit runs on"
            f" 3.{_OLDEST_MINOR} and newer",
            advice="load it with --env-manager local and save it again",
        )
    return f"3.{match[1]}"


def _shown(command: list[str]) -> str:
    return " ".join(Path(part).name if os.sep in part else part for part in command[:6])
