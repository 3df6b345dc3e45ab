"""Modules that a model folder brings: under which names they are known, and where those may appear."""

from __future__ import annotations

import pytest

from flavorkit.errors import UnreadableModelError
from flavorkit.pyfunc import save_model

MISSING = {
    "import package.gone": r"it uses the module 'package\.gone', which is not installed",
    "from package import gone": r"ImportError: cannot import name 'gone' from 'package'",
    "from package.gone import x": r"it uses the module 'package\.gone', which is not installed",
}


@pytest.mark.parametrize(("line", "problem"), MISSING.items())
@pytest.mark.parametrize("entry", ["code_model", "loader"])
def test_what_is_missing_has_the_name_that_the_code_gives_it(tmp_path, write, entry, line, problem):
    src = write(**{entry: line, "package__in____init__": ""})
    if entry == "loader":
        options = {"loader_module": "loader", "code_paths": [src / "package", src / "loader.py"]}
    else:
        options = {"python_model": src / "code_model.py", "code_paths": [src / "package"]}
    with pytest.raises(UnreadableModelError, match=problem) as caught:
        save_model(tmp_path / "m", **options)
    assert "_flavorkit_model_code_" not in str(caught.value)
