"""Environments are slow to make, so the tests share one root, across processes too."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from flavorkit.environment import cache
from flavorkit.environment.create import Spec, prepare

MANAGERS = ["uv", pytest.param("virtualenv", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    return base / "environments"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder for environments of the test's own."""
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def model(tmp_path):
    """As much of a saved model as an environment is made from."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six==1.16.0\n")
    return folder


@pytest.fixture(params=MANAGERS)
def environment(request, shared_root, model, monkeypatch):
    """A real one, made by each manager, with the model's requirements in it."""
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(shared_root))
    made = prepare(Spec.of(model, request.param), lambda line: None)
    yield made
    made.release()


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


@pytest.fixture
def fake_uv(tmp_path, monkeypatch):
    fake = FakeUv(tmp_path / "fake")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=os.pathsep)
    return fake


def names(root: Path) -> list[str]:
    """The environments in ``root``, complete or not."""
    assert cache.root() == root
    return [one.name for one in cache.cached()]
