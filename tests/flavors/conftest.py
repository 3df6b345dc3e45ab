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
