"""The programs in ``examples/tracking`` do what they say, with flavorkit and with stock MLflow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import as_a_user_has_it, foreign_environment
from tests.tracking import served
from tests.tracking.workspace import ROOT

EXAMPLES = sorted((ROOT / "examples" / "tracking").glob("*.py"))
IMPORT = "import flavorkit as mlflow\n"


def run(program, folder, base=os.environ, **environment):
    env = as_a_user_has_it(base) | {
        "PYTHONPATH": str(ROOT),
        "FLAVORKIT_SPOOL_DIR": str(folder / "spool"),
    }
    env |= environment
    done = subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_with_flavorkit(example, tmp_path):
    assert example.read_text().startswith(IMPORT)
    assert run(example, tmp_path)
    assert (tmp_path / "flavorkit.db").exists()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_with_flavorkit_and_a_server(example, tmp_path, server_url):
    assert run(example, tmp_path, FLAVORKIT_TRACKING_URI=server_url)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_with_stock_mlflow_and_a_server_of_ours(example, tmp_path, server_url):
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    program = tmp_path / example.name
    program.write_text(example.read_text().replace(IMPORT, "import mlflow\n", 1))
    assert run(program, tmp_path, foreign_environment(), MLFLOW_TRACKING_URI=server_url)


@pytest.fixture
def server_url(tmp_path):
    """A server of ours, with nothing in it."""
    with served.thread(served.settings_in(tmp_path)) as url:
        yield url
