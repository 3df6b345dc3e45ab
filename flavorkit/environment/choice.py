"""What the caller of a save says of the environment: nothing, some more, or something else."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit.environment import files
from flavorkit.environment.infer import infer
from flavorkit.environment.requirements import Requirements, parse
from flavorkit.errors import RequirementError

RequirementsLike = str | Path | Iterable[str]


@dataclass(frozen=True)
class Choice:
    """The checked arguments of a save."""

    given: Requirements | None
    """What is installed instead of what is found out."""
    extra: Requirements
    """What is installed beside what is found out."""
    conda_env: dict[str, Any] | None

    @classmethod
    def of(
        cls,
        pip_requirements: RequirementsLike | None,
        extra_pip_requirements: RequirementsLike | None,
        conda_env: Mapping[str, Any] | str | Path | None,
        *,
        allow_options: bool,
    ) -> Choice:
        """Check them, and that they do not contradict each other.

        Raises:
            RequirementError: they do, or a line is malformed or smuggles something.
        """
        if (
            sum(arg is not None for arg in (pip_requirements, extra_pip_requirements, conda_env))
            > 1
        ):
            raise RequirementError(
                "pass one of pip_requirements, which replaces what is found out,"
                " extra_pip_requirements, which adds to it, and conda_env, which replaces all"
            )
        if conda_env is not None:
            conda = files.conda_env_of(conda_env)
            pip = files.pip_part_of(conda, allow_options=allow_options)
            return cls(pip, Requirements(), conda)
        if pip_requirements is not None:
            return cls(parse(pip_requirements, allow_options=allow_options), Requirements(), None)
        if extra_pip_requirements is not None:
            return cls(None, parse(extra_pip_requirements, allow_options=allow_options), None)
        return cls(None, Requirements(), None)

    def requirements(
        self,
        modules: Iterable[str],
        packages: Iterable[str],
        *,
        home: dict[str, str],
        locked: Requirements | None = None,
    ) -> Requirements:
        """What is installed for the model: as given, else as locked, else as found out.

        A package that the model refers to and the lock does not hold is a warning.
        """
        if self.given is not None:
            return self.given
        found = infer(modules, packages, home=home)
        if locked is None:
            return found.extended(self.extra)
        missing = found.names() - locked.names() - self.extra.names()
        if missing:
            warnings.warn(
                f"the lock of the uv project does not hold {', '.join(sorted(missing))}, which the"
                " model needs; add it to the project, or name it in extra_pip_requirements",
                stacklevel=5,
            )
        return locked.extended(self.extra)
