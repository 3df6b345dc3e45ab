"""The commands of each manager are lists of arguments in which a model chooses no option."""

from __future__ import annotations

from pathlib import Path

import pytest

from flavorkit.environment import managers
from flavorkit.environment.managers import Install, Place
from flavorkit.errors import RequirementError

PLACE = Place(Path("/envs/x"))
WHEEL = Path("/envs/x/flavorkit.whl")
INSTALL = Install(requirements=True, constraints=False, hashes=False, wheel=WHEEL)
LISTED = ["-r", "/envs/x/requirements.txt"]


def conda(env, python="3.12", install=INSTALL):
    return managers.conda_commands("conda", env, python, PLACE, install)


def test_conda_creates_and_leaves_the_rest_to_pip():
    env = {
        "name": "mlflow-env",
        "channels": ["conda-forge", "pytorch/label/nightly"],
        "dependencies": ["python=3.11.7", "pip<=24.0", "numpy >=1.26,<2", {"pip": ["six"]}],
    }
    create, install = conda(env)
    assert create == [
        *("conda", "create", "--yes", "--quiet", "--prefix", "/envs/x/env"),
        *("--override-channels", "--channel", "conda-forge"),
        *("--channel", "pytorch/label/nightly"),
        *("--", "python=3.11.7", "pip<=24.0", "numpy >=1.26,<2"),
    ]
    assert install[:5] == ["/envs/x/env/bin/python", "-I", "-m", "pip", "install"]
    assert install[-4:] == [*LISTED, "--", str(WHEEL)]


def test_conda_gets_python_and_pip_in_any_case():
    create, _ = conda({})
    assert create[-3:] == ["--", "python=3.12", "pip"]
    assert "--override-channels" not in create


@pytest.mark.parametrize(
    "env",
    [
        {"channels": ["http://evil/channel"]},
        {"channels": ["--override-channels"]},
        {"channels": "conda-forge"},
        {"channels": [3]},
        {"dependencies": ["--file=/etc/passwd"]},
        {"dependencies": ["http://evil/x.tar.bz2"]},
        {"dependencies": ["evil::numpy"]},
        {"dependencies": ["numpy[url=http://evil]"]},
        {"dependencies": ["numpy\n--file x"]},
        {"dependencies": ["$(id)"]},
        {"dependencies": "numpy"},
    ],
)
def test_conda_is_told_nothing_else(env):
    with pytest.raises(RequirementError, match=r"conda\.yaml: \w+ (may not hold|is not a list)"):
        conda(env)


def test_uv():
    create, install = managers.uv_commands(["uv"], "3.12", PLACE, INSTALL)
    assert create == [
        *("uv", "venv", "--quiet", "--no-project", "--python", "3.12", "--", "/envs/x/env")
    ]
    assert "--compile-bytecode" in install
    assert install[-4:] == [*LISTED, "--", str(WHEEL)]


def test_what_has_no_hash_comes_after_what_has():
    install = Install(requirements=True, constraints=True, hashes=True, wheel=WHEEL)
    limits = ["-c", "/envs/x/constraints.txt"]
    assert install.arguments(PLACE) == [
        ["--require-hashes", *LISTED, *limits],
        ["-c", "/envs/x/pins.txt", *limits, "--", str(WHEEL)],
    ]


@pytest.mark.parametrize(
    ("line", "pin"),
    [
        ("six==1.16.0", "six==1.16.0"),
        ("uvicorn[standard]>=0.30 --hash=sha256:" + "0" * 64, "uvicorn>=0.30"),
        ('six==1; python_version > "3"', 'six==1; python_version > "3"'),
        ("./local.whl", None),
    ],
)
def test_pins_have_neither_extras_nor_hashes(line, pin):
    assert managers.pin_of(line) == pin
