"""The commands that make environments, run in them, and remove them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import flavorkit
from flavorkit import manifest
from flavorkit.cli import main
from flavorkit.errors import PredictionError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_ENV_ROOT", str(tmp_path / "root"))

    def invoke(*args, **kwargs):
        return CliRunner().invoke(main, [str(arg) for arg in args], **kwargs)

    return invoke


class Replaced(Exception):
    """What stands for the end of this process."""


@pytest.fixture
def replaced(monkeypatch):
    """The arguments that the process would have been replaced with."""
    seen = []

    def execve(path, arguments, variables):
        seen.append((path, arguments, variables))
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)
    return seen


def unsign(folder):
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("spelled", [["--env-manager", "uv"], ["--env-manager=uv"]])
def test_serve_starts_anew_in_the_environment(run, fake_uv, replaced, iris_folder, spelled):
    fake_uv.install()
    given = ["-m", str(iris_folder), *spelled, "-p", "0", "--strict-env"]
    run("serve", *given)
    ((path, arguments, variables),) = replaced
    assert Path(path).parts[-3:] == ("env", "bin", "python")
    assert arguments == [
        *(path, "-P", "-m", "flavorkit", "serve", *given, "--env-manager", "local")
    ]
    assert variables["PATH"].startswith(f"{Path(path).parent}{os.pathsep}")
    assert "PYTHONPATH" not in variables


ANEW = """
import os, sys
os.execve = lambda *_: (print(*sys.modules), sys.stdout.flush(), os._exit(0))
from flavorkit.cli import main
from flavorkit.errors import PredictionError
main(["serve", sys.argv[1], "--env-manager", "uv"])
"""


def test_starting_anew_imports_nothing_heavy(run, fake_uv, iris_folder):
    fake_uv.install()
    command = [sys.executable, "-c", ANEW, str(iris_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "pandas", "sklearn", "starlette", "rich"}


def test_options_end_where_they_ended(run, fake_uv, replaced, iris_folder):
    fake_uv.install()
    run("models", "predict", "--env-manager", "uv", "--", iris_folder)
    assert replaced[0][1][-5:] == ["uv", "--env-manager", "local", "--", str(iris_folder)]


def test_the_environment_is_kept_for_what_runs_in_it(run, fake_uv, replaced, iris_folder):
    fake_uv.install()
    run("serve", iris_folder, "--env-manager", "uv")
    # The lock was handed over to the program that this process would have become.
    assert json.loads(run("envs", "--prune-all", "--json").output)["removed"] == []


def test_no_conda_is_local(run, replaced, iris_folder):
    request = iris_folder / "serving_input_example.json"
    done = run("predict", iris_folder, "--env-manager", "uv", "--no-conda", "-i", request)
    assert json.loads(done.output) == {"predictions": [0, 0, 0]}
    assert replaced == []


@pytest.mark.parametrize("command", ["serve", "predict", "prepare-env"])
def test_nothing_is_made_for_a_model_of_nobodys(run, fake_uv, replaced, iris_copy, command):
    """Data loads from anyone; packages that it names are not installed for anyone."""
    fake_uv.install()
    unsign(iris_copy)
    done = run(command, "-m", iris_copy, "--env-manager", "uv")
    assert done.exit_code == 1
    assert "its environment is made of packages that it names, which can run code" in done.output
    assert "--trust sha256:" in done.output
    assert not fake_uv.log.exists()
    assert replaced == []
    run(command, "-m", iris_copy, "--env-manager", "uv", "--trust", "all")
    assert fake_uv.calls == ["venv", "install"]


def test_nothing_is_made_for_a_folder_that_was_changed(run, fake_uv, iris_copy):
    fake_uv.install()
    (iris_copy / "requirements.txt").write_text("evil\n")
    done = run("serve", iris_copy, "--env-manager", "uv")
    assert done.exit_code == 1
    assert "requirements.txt has 5 bytes" in done.output
    assert not fake_uv.log.exists()


@pytest.fixture
def indexed(iris_model, tmp_path):
    """A model that was saved with an option of pip among its requirements."""
    lines = ["--extra-index-url https://index.example/simple", "packaging"]
    flavorkit.save_model(
        iris_model, tmp_path / "m", pip_requirements=lines, allow_requirement_options=True
    )
    return tmp_path / "m"


@pytest.mark.parametrize("command", ["serve", "predict", "prepare-env"])
def test_options_among_the_requirements_are_followed_if_the_caller_says_so(
    run, fake_uv, replaced, indexed, command
):
    fake_uv.install()
    given = [command, str(indexed), "--env-manager", "uv"]
    refused = run(*given)
    assert refused.exit_code == 1
    assert "is an option, which can change where packages come from" in refused.output
    assert "--allow-requirement-options" in refused.output
    assert not fake_uv.log.exists()
    run(*given, "--allow-requirement-options")
    assert fake_uv.calls == ["venv", "install"]
    (listed,) = (fake_uv.folder.parent / "root").glob("*/requirements.txt")
    assert "--extra-index-url https://index.example/simple\n" in listed.read_text()


def test_what_starts_anew_takes_the_flag_too(run, iris_folder, indexed):
    given = ["predict", indexed, "--allow-requirement-options", "--env-manager", "local"]
    done = run(*given, "-i", iris_folder / "serving_input_example.json")
    assert json.loads(done.stdout) == {"predictions": [0, 0, 0]}


def test_the_functions_for_it_take_the_argument_that_they_name(
    run, fake_uv, iris, indexed, tmp_path
):
    fake_uv.install(then="echo followed; exit 1")
    root = {"extra_envs": {"FLAVORKIT_ENV_ROOT": str(tmp_path / "root")}}
    predict, X = flavorkit.models.predict, iris[0][:1]
    with pytest.raises(PredictionError, match=r"allow_requirement_options=True"):
        predict(indexed, X, **root)
    with pytest.raises(PredictionError, match=r"failed with status 1: followed"):
        predict(indexed, X, allow_requirement_options=True, **root)


def test_prepare_env_prints_its_python(run, fake_uv, iris_folder, tmp_path):
    fake_uv.install()
    first = run("prepare-env", "-m", iris_folder).output
    assert Path(first.strip()).is_relative_to(tmp_path / "root")
    assert run("models", "prepare-env", "-m", iris_folder, "--env-manager", "uv").output == first
    assert fake_uv.calls == ["venv", "install"]


def test_a_failure_is_one_line(run, fake_uv, iris_folder):
    fake_uv.install(then="echo first; echo second; exit 1")
    done = run("prepare-env", iris_folder)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "failed with status 1: first | second; see that" in done.output


def test_envs_shows_and_prunes(run, fake_uv, iris_folder, tmp_path):
    fake_uv.install()
    assert run("envs").output == ""
    name = Path(run("prepare-env", iris_folder).output).parts[-4]
    assert f"{name}  Python 3." in run("envs").output
    (facts,) = json.loads(run("envs", "--json").output)["kept"]
    assert (facts["name"], facts["manager"], facts["complete"]) == (name, "uv", True)
    assert any(line.startswith("numpy==") for line in facts["requirements"])
    assert name in run("envs", "--prune", "1").output
    (tmp_path / "root" / name / "complete.json").unlink()
    assert run("envs").output == f"{name}  incomplete\n"
    assert run("envs", "--prune-all").output == f"removed {name}\n"
    assert "not both" in run("envs", "--prune-all", "--prune", "1").output


def test_strict_env_refuses(run, iris_copy):
    (iris_copy / "requirements.txt").write_text("six==1.0.0\n")
    manifest.write(iris_copy, flavorkit.trust.signing_key(create=True))
    request = iris_copy / "serving_input_example.json"
    done = run("predict", iris_copy, "--strict-env", "-i", request)
    assert done.exit_code == 1
    assert "six==1.0.0, but six" in done.output
    command = [
        sys.executable,
        "-W",
        "default",
        "-m",
        "flavorkit",
        "predict",
        iris_copy,
        "-i",
        request,
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == {"predictions": [0, 0, 0]}
    (line,) = shown.stderr.splitlines()
    assert line.startswith(f"Warning: {iris_copy} was saved with other packages")


@pytest.mark.slow
def test_a_model_is_served_from_its_own_environment(iris_copy, tmp_path, shared_environments):
    """For real: with a package that is not installed here, and another version of one that is."""
    model = iris_copy
    flavorkit.models.update_model_requirements(model, "add", ["joblib==1.4.2", "cowsay==6.1"])
    variables = {**os.environ, "FLAVORKIT_ENV_ROOT": str(shared_environments)}
    command = [sys.executable, "-m", "flavorkit"]
    request = (model / "serving_input_example.json").read_bytes()
    options = ["-m", str(model), "--env-manager", "uv", "--strict-env"]
    done = subprocess.run(
        [*command, "predict", *options],
        input=request,
        env=variables,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"predictions": [0, 0, 0]}
    server = subprocess.Popen(
        [*command, "serve", *options, "-p", "0"], env=variables, stderr=subprocess.PIPE, text=True
    )
    url = next(line.split()[-1] for line in server.stderr if line.startswith("serving "))
    call = urllib.request.Request(
        f"{url}/invocations", request, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as answer:
        assert json.load(answer) == {"predictions": [0, 0, 0]}
    server.send_signal(signal.SIGTERM)
    server.communicate()
    assert server.returncode == 0


@pytest.fixture(scope="session")
def shared_environments(tmp_path_factory):
    return tmp_path_factory.mktemp("environments")


def update(run, folder, *args):
    return run("models", "update-pip-requirements", "-m", folder, *args)


def test_requirements_of_a_saved_model_are_changed_everywhere(run, iris_copy):
    before = manifest.verify(iris_copy).digest
    done = update(run, iris_copy, "add", "Six==1.16.0", "numpy>=2")
    assert done.exit_code == 0, done.output
    lines = (iris_copy / "requirements.txt").read_text().splitlines()
    assert done.output.split() == lines
    assert {"Six==1.16.0", "numpy>=2"} <= set(lines)
    assert not any(line.startswith("numpy==") for line in lines)
    conda = yaml.safe_load((iris_copy / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": lines}
    assert conda["dependencies"][0].startswith("python=")
    checked = manifest.verify(iris_copy)
    assert checked.digest != before
    assert checked.key == flavorkit.trust.signing_key(create=False).public_key
    assert update(run, iris_copy, "remove", "six").exit_code == 0
    assert "Six" not in (iris_copy / "requirements.txt").read_text()
    assert [path.name for path in iris_copy.parent.iterdir() if path.name.startswith(".")] == []


def test_options_among_requirements_are_changed_if_the_caller_says_so(run, indexed):
    refused = update(run, indexed, "add", "packaging>=20")
    assert refused.exit_code == 1
    assert "--allow-requirement-options" in refused.output
    flag = "--allow-requirement-options"
    assert update(run, indexed, "add", "packaging>=20", flag).exit_code == 0
    assert update(run, indexed, "add", flag, "--", "--pre").exit_code == 0
    lines = {"--extra-index-url https://index.example/simple", "--pre", "packaging>=20"}
    assert set((indexed / "requirements.txt").read_text().splitlines()) == lines


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["remove", "gone"], "the model does not list gone"),
        (["add", "--", "--index-url=http://evil"], "is an option"),
        (["add", "$(id)"], "is not a requirement"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(run, iris_copy, args, problem):
    before = manifest.verify(iris_copy).digest
    done = update(run, iris_copy, *args)
    assert done.exit_code == 1
    assert problem in done.output
    assert manifest.verify(iris_copy).digest == before


def test_nobody_signs_what_they_do_not_trust(run, iris_copy):
    unsign(iris_copy)
    done = update(run, iris_copy, "add", "six")
    assert done.exit_code == 1
    assert "would put your signature under it" in done.output
    assert update(run, iris_copy, "add", "six", "--trust", "all").exit_code == 0
    assert manifest.verify(iris_copy).is_recorded


def test_a_folder_that_was_changed_is_not_signed_anew(run, iris_copy):
    (iris_copy / "model.skops").write_bytes(b"other")
    done = update(run, iris_copy, "add", "six", "--trust", "all")
    assert done.exit_code == 1
    assert "model.skops has 5 bytes" in done.output


def test_a_model_behind_a_link_is_changed_where_it_is(run, iris_copy, tmp_path):
    (tmp_path / "link").symlink_to(iris_copy)
    assert update(run, tmp_path / "link", "add", "six").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert "six\n" in (iris_copy / "requirements.txt").read_text()


def test_where_the_dependencies_are_listed(iris_copy):
    listed = flavorkit.pyfunc.get_model_dependencies
    assert listed(iris_copy) == str(iris_copy / "requirements.txt")
    assert listed(str(iris_copy), format="conda") == str(iris_copy / "conda.yaml")
    with pytest.raises(ValueError, match="format must be 'pip' or 'conda', not 'poetry'"):
        listed(iris_copy, format="poetry")
    (iris_copy / "conda.yaml").unlink()
    unsign(iris_copy)
    with pytest.raises(flavorkit.exceptions.NotFoundError, match=r"has no conda\.yaml"):
        listed(iris_copy, "conda")
    shutil.rmtree(iris_copy)
