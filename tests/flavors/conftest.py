"""What tests of several flavors use."""

from __future__ import annotations

import textwrap

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes files of code under a scratch folder."""

    def files(**texts):
        for name, text in texts.items():
            path = tmp_path / "src" / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path / "src"

    return files


# Frameworks that take seconds to start or to train anything: `make check` leaves them to `make test`.
HEAVY = {
    "crate",
    "fastai",
    "h2o",
    "keras",
    "pytorch",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if any(mark.args[0] in HEAVY for mark in item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.slow)
