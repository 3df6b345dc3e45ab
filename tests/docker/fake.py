"""Stand-ins for engines, for tests of how they are called and of what must not come that far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FAKE_ENGINE = """\
#!/bin/sh
{{ printf '%s\\0' {program} "$@"; printf '\\036'; }} >> '{log}'
{{ printf '%s\\0' "$SOURCE_DATE_EPOCH" "$DOCKER_BUILDKIT"; printf '\\036'; }} >> '{log}.variables'
{then}
"""


@dataclass(frozen=True)
class FakeEngines:
    """Programs in a folder that is all of the path: they write down how they are called."""

    folder: Path

    def install(self, program: str, then: str = "exit 0") -> None:
        """Put one there; ``then`` is what it does, as a script whose ``$1`` is the command."""
        script = self.folder / program
        script.write_text(FAKE_ENGINE.format(program=program, log=self._log, then=then))
        script.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call, in their order; first the name of the program."""
        return _records(self._log)

    @property
    def variables(self) -> list[list[str]]:
        """``SOURCE_DATE_EPOCH`` and ``DOCKER_BUILDKIT`` of each call."""
        return _records(self._log.with_name("calls.variables"))

    @property
    def _log(self) -> Path:
        return self.folder.with_name("calls")


def _records(path: Path) -> list[list[str]]:
    if not path.exists():
        return []
    return [record.split("\0")[:-1] for record in path.read_text().split("\036")[:-1]]
