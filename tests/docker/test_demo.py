"""The demo with a container, as ``make demo-docker`` runs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT, as_a_user_has_it
from tests.docker.conftest import output


@pytest.mark.slow
@pytest.mark.xdist_group("docker")
def test_the_champion_is_built_run_and_called(docker):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo_docker.py"],
        env=as_a_user_has_it(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "io.flavorkit.model.name diabetes" in done.stdout
    assert '{"predictions":["slow","fast"]}' in done.stdout
    assert "stopped by SIGTERM when all was answered, exit status 0" in done.stdout
    output(docker.path, "image", "rm", "--force", "flavorkit-demo:1")
