"""A stand-in for uv, for tests of what happens around an installation."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

FAKE_UV = """\
#!/bin/sh
for last; do :; done
if [ "$1" = venv ]; then
  mkdir -p "$last/bin" && ln -s {python} "$last/bin/python" && echo venv >> {log}
  exit
fi
echo install >> {log}
echo "$@" >> {log}.arguments
env > {log}.variables
if [ -p {gate} ]; then echo begun > {begun}; read line < {gate}; fi
{then}
"""


class FakeUv:
    """A ``uv`` that is first on the path, installs nothing, and can be held up while it does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.gate, self.begun = (folder / name for name in ("log", "gate", "begun"))

    def install(self, then: str = "exit 0") -> None:
        self.folder.mkdir()
        script = self.folder / "uv"
        paths = {"log": self.log, "gate": self.gate, "begun": self.begun}
        script.write_text(FAKE_UV.format(python=sys.executable, then=then, **paths))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def hold_up(self) -> None:
        """Let the next installation begin, and wait."""
        os.mkfifo(self.gate)
        os.mkfifo(self.begun)

    def wait_until_begun(self) -> None:
        assert self.begun.read_text() == "begun\n"

    def let_go(self) -> None:
        """Let the installation that waits come to its end."""
        with self.gate.open("w") as gate:
            self.gate.unlink()
            gate.write("go\n")

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().split()
