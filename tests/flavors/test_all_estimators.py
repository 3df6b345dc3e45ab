"""All of scikit-learn: what docs/sklearn-estimators.md says is what happens."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_the_page_is_what_the_code_does(monkeypatch):
    """Every estimator is saved, loaded as data and compared with the original on the way."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import generate

    assert (ROOT / "docs" / "sklearn-estimators.md").read_text() == generate.estimators_page()
    assert "estimators" in sys.modules
