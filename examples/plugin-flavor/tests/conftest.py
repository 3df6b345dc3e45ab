"""Failures that can be read, and keys that belong to the tests."""

from __future__ import annotations

import os
import tempfile

import pytest

pytest.register_assert_rewrite("flavorkit.testing.contract", "flavorkit.testing.cases")

# Saving signs with the user's key. Set before anything reads it, and inherited by every process.
_home = tempfile.TemporaryDirectory(prefix="scorecard-tests-")
os.environ["XDG_CONFIG_HOME"] = _home.name


def pytest_sessionfinish():
    _home.cleanup()
