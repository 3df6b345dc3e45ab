"""All of scikit-learn: what docs/sklearn-estimators.md says is what happens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

# In a process that nothing else has set anything in, as `make docs` is.
PAGE = "import sys, generate; sys.stdout.buffer.write(generate.estimators_page().encode())"


@pytest.mark.slow
def test_the_page_is_what_the_code_does():
    """Every estimator is saved, loaded as data and compared with the original on the way."""
    written = (ROOT / "docs" / "sklearn-estimators.md").read_text().splitlines()
    command = [sys.executable, "-c", PAGE]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "docs")
    found = done.stdout.splitlines()
    assert [line for line in written if line not in found] == []
    assert found == written
