"""The files of a model folder that describe its environment, as MLflow writes and reads them."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from flavorkit import strict_yaml
from flavorkit.environment.requirements import Requirements, parse
from flavorkit.errors import RequirementError

REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"
PYTHON_ENV = "python_env.yaml"
CONDA_ENV = "conda.yaml"
MAX_BYTES = 4 * 1024 * 1024

_OWN_CONSTRAINTS = (["-c", CONSTRAINTS], ["--constraint", CONSTRAINTS])
_READS_A_FILE = ("-c", "--constraint", "-r", "--requirement")


def write(folder: Path, requirements: Requirements, conda_env: Mapping[str, Any] | None) -> None:
    """Write all of them into ``folder``.

    Args:
        folder: the model's.
        requirements: what pip installs.
        conda_env: the conda environment, if the caller has given one; made up when None.
    """
    lines = _write_requirements(folder, requirements)
    # In this order people write it; MLflow sorts the one below, and not this one.
    python_env = strict_yaml.dumps(_python_env(), sort_keys=False)
    (folder / PYTHON_ENV).write_text(python_env, "utf-8")
    conda = dict(conda_env) if conda_env is not None else _conda_env(lines)
    (folder / CONDA_ENV).write_text(strict_yaml.dumps(conda), "utf-8")


def update(folder: Path, requirements: Requirements) -> None:
    """Write other requirements into the files of ``folder`` that list them; the rest stays.

    Raises:
        RequirementError: ``conda.yaml`` is none.
        DescriptorError: it is not YAML.
    """
    lines = _write_requirements(folder, requirements)
    path = folder / CONDA_ENV
    if path.exists():
        conda = conda_env_of(path)
        others = [entry for entry in conda.get("dependencies") or [] if not _is_pip(entry)]
        conda["dependencies"] = [*others, {"pip": _plain(lines)}]
        path.write_text(strict_yaml.dumps(conda), "utf-8")


def read(folder: Path, *, allow_options: bool = False) -> Requirements:
    """The requirements of the model in ``folder``; none when it has no list of them.

    Raises:
        RequirementError: a line smuggles an option and ``allow_options`` is not set, or makes pip
            read another file than ``constraints.txt``.
    """
    path = folder / REQUIREMENTS
    if not path.exists():
        return Requirements()
    lines = _read_lines(path)
    own = [line for line in lines if line.split() in _OWN_CONSTRAINTS]
    constraints = _read_lines(folder / CONSTRAINTS) if own else []
    others = [line for line in lines if line not in own]
    for line in (*others, *constraints):
        if line.startswith(_READS_A_FILE):
            raise RequirementError(f"{path}: {line!r} reads another file than {CONSTRAINTS}")
    return Requirements(
        parse(others, allow_options=allow_options).lines,
        parse(constraints, allow_options=allow_options).lines,
    )


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of lines, such as requirements; none make an empty one."""
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def conda_env_of(given: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """A conda environment, given as a mapping or as the path of a YAML file.

    Raises:
        RequirementError: it is not one.
    """
    value = strict_yaml.read(Path(given)) if isinstance(given, str | Path) else dict(given)
    if not isinstance(value, dict) or not isinstance(value.get("dependencies", []), list):
        raise RequirementError("conda_env must be a mapping with a list of dependencies")
    return value


def pip_part_of(conda_env: Mapping[str, Any], *, allow_options: bool = False) -> Requirements:
    """What a conda environment leaves to pip.

    Raises:
        RequirementError: a line of it is malformed or smuggles something.
    """
    for dependency in conda_env.get("dependencies") or []:
        if _is_pip(dependency):
            return parse(dependency["pip"], allow_options=allow_options)
    return Requirements()


def _read_lines(path: Path) -> list[str]:
    """The lines of a file that a model brings, as pip would join and strip them."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise RequirementError(f"{path} cannot be read: {exc}") from None
    if len(raw) > MAX_BYTES:
        raise RequirementError(f"{path} is larger than {MAX_BYTES} bytes")
    return [line.strip() for line in text.replace("\\\n", " ").splitlines()]


def _python_env() -> dict[str, Any]:
    build = [_pinned("pip"), _pinned("setuptools"), "wheel"]
    return {
        "python": platform.python_version(),
        "build_dependencies": [line for line in build if line is not None],
        "dependencies": [f"-r {REQUIREMENTS}"],
    }


def _conda_env(lines: list[str]) -> dict[str, Any]:
    pip = _version_of("pip")
    return {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={platform.python_version()}",
            f"pip<={pip}" if pip else "pip",
            {"pip": _plain(lines)},
        ],
    }


def _is_pip(dependency: Any) -> bool:
    return isinstance(dependency, Mapping) and isinstance(dependency.get("pip"), list)


def _plain(lines: list[str]) -> list[str]:
    """Without the comments that say which build a version was."""
    return [line.partition("  #")[0] for line in lines]


def _pinned(package: str) -> str | None:
    version = _version_of(package)
    return f"{package}=={version}" if version else None


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _write_requirements(folder: Path, requirements: Requirements) -> list[str]:
    lines = list(requirements.lines)
    if requirements.constraints:
        lines.append(f"-c {CONSTRAINTS}")
        write_lines(folder / CONSTRAINTS, requirements.constraints)
    write_lines(folder / REQUIREMENTS, lines)
    return lines
