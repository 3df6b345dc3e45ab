"""What differs between what a model lists and what is installed is said, and nothing else."""

from __future__ import annotations

import shutil
from importlib import metadata

import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.environment.mismatch import Mismatch, installed_version, mismatches
from flavorkit.errors import EnvironmentMismatchError, RequirementError

INSTALLED = {"numpy": "2.1.0", "torch": "2.13.0+cpu", "pre": "2.0rc1", "odd": "unknown"}


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==2.1.0",
        "numpy>=2,<3",
        "torch==2.13.0",
        "pre>=1",
        "numpy==2.1.0 --hash=sha256:" + "0" * 64,
        'gone==1; sys_platform == "nowhere"',
        "mlflow==3.17.2",
        "flavorkit==9",
        "--index-url https://mirror.example",
        "./local.whl",
    ],
)
def test_what_is_satisfied_is_not_mentioned(line):
    assert mismatches([line], INSTALLED.get) == []


@pytest.mark.parametrize(
    ("line", "package", "required", "installed"),
    [
        ("numpy==1.26.4", "numpy", "numpy==1.26.4", "2.1.0"),
        ("numpy==1.26 --hash=sha256:" + "0" * 64, "numpy", "numpy==1.26", "2.1.0"),
        ("torch==2.12.0", "torch", "torch==2.12.0", "2.13.0+cpu"),
        ("gone>=1", "gone", "gone>=1", None),
        ("odd==1", "odd", "odd==1", "unknown"),
    ],
)
def test_what_is_not_is_a_record(line, package, required, installed):
    assert mismatches(["numpy", line], INSTALLED.get) == [Mismatch(package, required, installed)]


def test_records_read_as_sentences():
    assert str(Mismatch("a", "a==1", "2")) == "a==1, but a 2 is installed"
    assert str(Mismatch("a", "a==1", None)) == "a==1, but a is not installed"


UNDEFINED = [
    'numpy; os_name ~= "posix"',
    'numpy; python_version ~= "a"',
    'numpy; "test" in dependency_groups',
]


@pytest.mark.parametrize("line", UNDEFINED)
def test_a_marker_that_means_nothing_is_refused(line):
    problem = r"'numpy; .*' has a marker that .*; correct it with `flavorkit models update-pip"
    with pytest.raises(RequirementError, match=problem):
        mismatches([line], INSTALLED.get)


@pytest.mark.parametrize("package", ["numpy", "PyYAML", "scikit_learn"])
def test_versions_are_those_of_the_installed_packages(package):
    assert installed_version(package) == metadata.version(package)
    assert installed_version("no-such-package-at-all") is None


@pytest.fixture
def older(iris_copy):
    """A model that lists other packages than are installed."""
    (iris_copy / "requirements.txt").write_text("six==1.0.0\nno-such-package==1\nnumpy\n")
    manifest.write(iris_copy, flavorkit.trust.signing_key(create=True))
    return iris_copy


def test_loading_warns_once_and_says_everything(older):
    with pytest.warns(UserWarning, match="saved with other packages") as caught:
        flavorkit.load_model(older)
    assert len(caught) == 1
    said = str(caught[0].message)
    assert f"six==1.0.0, but six {metadata.version('six')} is installed" in said
    assert "no-such-package==1, but no-such-package is not installed" in said
    assert "pip install six==1.0.0 no-such-package==1" in said
    assert "--env-manager uv" in said
    assert caught[0].filename == __file__


def test_a_strict_load_refuses(older):
    with pytest.raises(EnvironmentMismatchError, match=r"six==1\.0\.0, but six .*pip install six"):
        flavorkit.load_model(older, strict_env=True)


def test_a_strict_load_takes_what_fits(iris_folder):
    assert flavorkit.load_model(iris_folder, strict_env=True)


def test_a_folder_that_was_changed_is_not_compared(older):
    (older / "requirements.txt").write_text("six==1.0.0\n")
    with pytest.raises(flavorkit.exceptions.IntegrityError, match="requirements"):
        flavorkit.load_model(older, strict_env=True)


def test_a_list_that_cannot_be_read_is_refused_by_a_strict_load_only(iris_copy):
    (iris_copy / "requirements.txt").write_text("-r /etc/passwd\n")
    shutil.copy(iris_copy / "requirements.txt", iris_copy / "constraints.txt")
    manifest.write(iris_copy, flavorkit.trust.signing_key(create=True))
    assert flavorkit.load_model(iris_copy)
    with pytest.raises(RequirementError, match="reads another file"):
        flavorkit.load_model(iris_copy, strict_env=True)


@pytest.mark.parametrize("line", UNDEFINED)
def test_a_model_with_a_marker_that_means_nothing_loads_with_a_warning(iris_copy, line):
    (iris_copy / "requirements.txt").write_text(f"{line}\n")
    manifest.write(iris_copy, flavorkit.trust.signing_key(create=True))
    with pytest.warns(UserWarning, match=r"was not compared .*'numpy; .*' has a marker"):
        assert flavorkit.load_model(iris_copy)
    with pytest.raises(RequirementError, match=r"'numpy; .*' has a marker"):
        flavorkit.load_model(iris_copy, strict_env=True)
