"""Write golden folders: one small saved model of each flavor and format, and what it predicts.

    python tests/data/make_golden.py [FLAVOR ...]

They are written once and then stay: every later version must load what an earlier one has saved.
Give the flavors whose folders are to be made; without any, those that have none yet.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MODELS = Path(__file__).parent / "models"


def formats(case):
    """One model of each way of saving, by a name for the folder."""
    found = {}
    for model in case.models:
        words = [str(value) for value in model.options.values() if isinstance(value, str)]
        found.setdefault("-".join([case.flavor, *words]), model)
    return found


def write(case) -> None:
    from flavorkit.serving import answers
    from flavorkit.testing import rows_of

    for name, model in formats(case).items():
        folder = MODELS / name
        model.save(folder / "model", flavor=case.flavor, overwrite=True)
        given = rows_of(model.data, 0, model.example_rows)
        answer = model.answer(given)
        (folder / "expected.json").write_bytes(answers.encode(answer) + b"\n")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{name}: {size // 1000} kB")


def main() -> None:
    sys.path.insert(0, str(ROOT))
    # The folders are signed by a key that nobody keeps.
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
    from tests.flavors.cases import all_cases

    wanted = sys.argv[1:]
    warnings.simplefilter("ignore")
    for case in all_cases():
        missing = not any((MODELS / name).exists() for name in formats(case))
        if case.flavor in wanted or (missing and not wanted):
            write(case)


if __name__ == "__main__":
    main()
