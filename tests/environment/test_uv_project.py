"""A model that is saved in a project of uv needs what the project's lock pins."""

from __future__ import annotations

import warnings

import pytest
import yaml

import flavorkit
from flavorkit import manifest
from flavorkit.environment import files, uv_project
from flavorkit.environment.create import Spec, prepare
from flavorkit.environment.requirements import Requirements

SIX = (
    "six==1.16.0",
    "--hash=sha256:1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926",
    "--hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254",
)
PYPROJECT = """\
[project]
name = "training"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["six==1.16.0"]
"""
PACKAGE = """
[[package]]
name = "six"
version = "1.16.0"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://files.pythonhosted.org/packages/six-1.16.0.tar.gz", hash = "{}" }}
wheels = [
    {{ url = "https://files.pythonhosted.org/packages/six-1.16.0-py2.py3-none-any.whl", hash = "{}" }},
]
"""
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
OWN = """
[[package]]
name = "training"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "six" }]

[package.metadata]
requires-dist = [{ name = "six", specifier = "==1.16.0" }]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of uv with one dependency, which is the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    hashes = [part.removeprefix("--hash=") for part in SIX[1:]]
    (folder / "uv.lock").write_text(HEAD + PACKAGE.format(*hashes) + OWN)
    (folder / ".python-version").write_text("3.11\n")
    monkeypatch.chdir(folder)
    return folder


def save(model, path, **options):
    with warnings.catch_warnings():
        # The project of the test does not list what the model needs.
        warnings.filterwarnings("ignore", "the lock of the uv project does not hold")
        flavorkit.save_model(model, path, **options)
    return path


def test_the_lock_is_exported_with_hashes(project):
    found = uv_project.detect(project)
    assert found.requirements.lines == (" ".join(SIX),)


def test_a_save_takes_requirements_from_the_lock_and_copies_it(project, iris_model, tmp_path):
    folder = save(iris_model, tmp_path / "m")
    assert (folder / "requirements.txt").read_text() == " ".join(SIX) + "\n"
    conda = yaml.safe_load((folder / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": [" ".join(SIX)]}
    for name in ("uv.lock", "pyproject.toml", ".python-version"):
        assert (folder / name).read_bytes() == (project / name).read_bytes()
    assert "uv.lock" in {file.path for file in manifest.verify(folder).files}
    assert files.read(folder).lines == (" ".join(SIX),)
    with pytest.warns(UserWarning, match=r"six==1\.16\.0, but six"):
        assert flavorkit.load_model(folder).flavor.name == "sklearn"


def test_what_the_lock_does_not_hold_is_said(project, iris_model, tmp_path):
    with pytest.warns(UserWarning, match="does not hold numpy, scikit-learn, skops"):
        flavorkit.save_model(iris_model, tmp_path / "m")


def test_what_is_given_comes_first(project, iris_model, tmp_path):
    folder = save(iris_model, tmp_path / "m", pip_requirements=["six"])
    assert (folder / "requirements.txt").read_text() == "six\n"
    assert not (folder / "uv.lock").exists()


def test_an_addition_without_a_hash_drops_them(project, iris_model, tmp_path):
    folder = save(iris_model, tmp_path / "m", extra_pip_requirements=["idna"])
    assert (folder / "requirements.txt").read_text() == "idna\nsix==1.16.0\n"


@pytest.mark.parametrize("variable", ["FLAVORKIT_UV_AUTO_DETECT", "MLFLOW_UV_AUTO_DETECT"])
def test_it_can_be_turned_off(project, monkeypatch, variable):
    monkeypatch.setenv(variable, "False")
    assert uv_project.detect(project) is None
    monkeypatch.setenv(variable, "true")
    assert uv_project.detect(project) is not None


def test_without_a_lock_it_is_no_project(project):
    (project / "uv.lock").unlink()
    assert uv_project.detect(project) is None


def test_without_uv_requirements_are_found_out(project, iris_model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.warns(UserWarning, match=r"uv\.lock was not used.*: uv is not installed"):
        flavorkit.save_model(iris_model, tmp_path / "m")
    assert "scikit-learn==" in (tmp_path / "m" / "requirements.txt").read_text()
    assert not (tmp_path / "m" / "uv.lock").exists()


@pytest.mark.parametrize("variable", ["UV_PROJECT", "UV_WORKING_DIRECTORY"])
def test_no_variable_leads_to_another_project(project, tmp_path, monkeypatch, variable):
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text(PYPROJECT.replace('"six==1.16.0"', ""))
    (other / "uv.lock").write_text(HEAD + OWN.partition("dependencies")[0])
    monkeypatch.setenv(variable, str(other))
    assert uv_project.detect(project).requirements.lines == (" ".join(SIX),)


def test_code_in_the_project_does_not_run_as_uv(project, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")  # so that uv is called as a module
    (project / "uv.py").write_text("raise SystemExit('the planted code ran')")
    assert uv_project.detect(project).requirements.lines == (" ".join(SIX),)


def test_a_lock_that_cannot_be_read_is_said(project):
    (project / "uv.lock").write_text("nonsense")
    with pytest.warns(UserWarning, match=r"uv export failed: .*nonsense"):
        assert uv_project.detect(project) is None


def test_a_dependency_that_is_a_path_is_said(project, fake_uv):
    fake_uv.install(then="echo ./local; echo six==1.16.0")
    with pytest.warns(UserWarning, match="'./local' is a URL or a path"):
        assert uv_project.detect(project) is None
    found = uv_project.detect(project, allow_options=True)
    assert found.requirements.lines == ("./local", "six==1.16.0")


def test_flavorkit_itself_is_not_listed(project, fake_uv):
    fake_uv.install(then="echo flavorkit==0.1.0; echo six==1.16.0")
    assert uv_project.detect(project).requirements == Requirements(("six==1.16.0",))


def test_hashes_are_installed_from(project, model, shared_root, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(shared_root))
    (model / "requirements.txt").write_text(" ".join(SIX) + "\n")
    made = prepare(Spec.of(model, "uv"), lambda line: None)
    assert (made.place.prefix / "lib").exists()
    made.release()
