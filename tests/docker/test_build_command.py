"""`flavorkit build-docker` and `flavorkit generate-dockerfile`, also as MLflow calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import flavorkit
from flavorkit import manifest
from flavorkit.cli import main
from flavorkit.docker.model import PackedModel
from flavorkit.errors import InvalidArgumentError

BILL = '{"bomFormat": "CycloneDX"}'
# Podman as far as a build goes: it keeps the context, and says how large the image is.
PODMAN = """
case "$1" in
build) for context; do :; done; echo building; /bin/cp -R "$context" 'KEPT';;
image) echo 123456789;;
run) printf '%s' 'BILL';;
esac
"""


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def succeeded(*arguments):
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done


def refused(*arguments, status=1):
    """The line of the error."""
    done = invoke(*arguments)
    assert done.exit_code == status, done.output
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    (line,) = lines
    if status == 1:
        assert done.stderr == f"{line}\n"
    return line


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder that nothing is in."""
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def podman(engines, tmp_path):
    """A stand-in for Podman."""
    engines.install("podman", PODMAN.replace("KEPT", str(tmp_path / "kept")).replace("BILL", BILL))
    return engines


@pytest.mark.parametrize("program", [(), ("--engine", "podman")])
def test_without_an_engine_the_error_says_what_to_do(engines, iris_folder, elsewhere, program):
    line = refused("build-docker", iris_folder, *program)
    assert "apt-get install podman" in line
    assert "`flavorkit generate-dockerfile`" in line
    assert list(elsewhere.iterdir()) == []


def test_a_dockerfile_needs_no_engine(engines, iris_folder, elsewhere):
    done = succeeded("generate-dockerfile", iris_folder)
    assert done.stdout == ""
    assert "docker build --tag NAME flavorkit-dockerfile" in done.stderr
    assert (elsewhere / "flavorkit-dockerfile" / "Dockerfile").is_file()
    line = refused("generate-dockerfile", iris_folder)
    assert "flavorkit-dockerfile: it is not empty; name another folder" in line


@pytest.mark.parametrize("flag", ["-d", "--output-directory"])
def test_a_dockerfile_goes_where_it_is_asked_for(iris_folder, elsewhere, flag):
    succeeded("generate-dockerfile", iris_folder, flag, "a/b")
    assert (elsewhere / "a" / "b" / "Dockerfile").is_file()


def test_the_command_that_builds_it_can_be_copied(iris_folder, elsewhere):
    done = succeeded("generate-dockerfile", iris_folder, "-d", "my files")
    assert done.stderr.endswith(" build it with: docker build --tag NAME 'my files'\n")
    (elsewhere / ".netrc").touch()
    done = succeeded("generate-dockerfile", iris_folder, "-d", "out", "--netrc", ".netrc")
    secret = '--secret "id=netrc,src=$HOME/.netrc"'
    assert done.stderr.endswith(f" docker build {secret} --tag NAME out\n")
    done = succeeded("generate-dockerfile", iris_folder, "-d", "two\nlines\x1b[2J")
    (line,) = done.stderr.splitlines()
    assert line.isprintable()


def test_a_dockerfile_says_what_was_asked_for(iris_folder, elsewhere):
    succeeded(
        *("generate-dockerfile", iris_folder, "-d", "out", "--platform", "linux/arm64"),
        *("--base-image", "registry.example.com/python:3.11", "--apt-package", "curl"),
        *("--env", "A=1", "--env", "B=2", "--label", "a.b=c", "--extra", "s3"),
        *("--index-url", "https://pypi.example.com/simple", "--torch-backend", "cpu"),
        *("--extra-index-url", "https://more.example.com/simple", "--install-python"),
    )
    text = (elsewhere / "out" / "Dockerfile").read_text()
    for part in (
        "FROM --platform=linux/arm64 registry.example.com/python:3.11\n",
        '"apt", "curl"]',
        'A="1" \\\n    B="2"',
        'a.b="c"',
        '"--default-index", "https://pypi.example.com/simple"',
        '"--index", "https://more.example.com/simple", "--torch-backend", "cpu"',
        "UV_PYTHON_INSTALL_DIR",
    ):
        assert part in text
    assert "s3fs" in (elsewhere / "out" / "flavorkit.txt").read_text()


def test_an_image_without_a_model_is_for_any(elsewhere, monkeypatch, iris_folder):
    monkeypatch.setenv("FLAVORKIT_MODEL_URI", str(iris_folder))  # which is for other commands
    succeeded("generate-dockerfile", "-d", "out")
    assert not (elsewhere / "out" / "model.tar").exists()


def test_a_build_takes_the_context_that_would_be_written(podman, iris_folder, tmp_path):
    options = ("--env", "A=1", "--platform", "linux/amd64")
    done = succeeded("build-docker", iris_folder, "-t", "team/iris:1", "-q", *options)
    assert done.stdout == ""
    assert "built team/iris:1, 123 MB, in " in done.stderr
    assert "try: podman run --rm --publish 8080:8080 team/iris:1" in done.stderr
    succeeded("generate-dockerfile", iris_folder, "-d", tmp_path / "out", *options)
    ours = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    assert kept == ours


def test_a_build_passes_on_what_was_asked_for(podman, iris_folder, elsewhere):
    (elsewhere / ".netrc").touch()
    seconds = int(PackedModel.fetch(str(iris_folder)).created.timestamp())
    options = ("--no-cache", "--pull", "--netrc", ".netrc", "--platform", "linux/arm64")
    succeeded("build-docker", iris_folder, "-t", "iris", "-q", *options)
    build, size = podman.calls
    context = build.pop()
    assert build == [
        *("podman", "build", "--tag", "iris", "--format", "docker", "--timestamp", str(seconds)),
        *("--platform", "linux/arm64", "--secret", f"id=netrc,src={elsewhere}/.netrc"),
        *("--no-cache", "--pull", "--"),
    ]
    assert not Path(context).exists()  # nothing of it stays in the temporary folder
    assert size[1:3] == ["image", "inspect"]
    assert podman.variables[0] == [str(seconds), ""]


@pytest.mark.parametrize("flag", ["-t", "-n", "--tag", "--name"])
def test_the_name_of_the_image_is_what_docker_and_mlflow_call_it(podman, iris_folder, flag):
    succeeded("build-docker", "-m", iris_folder, flag, "team/iris:1", "--quiet")
    assert podman.calls[0][:4] == ["podman", "build", "--tag", "team/iris:1"]


def test_an_image_has_a_name_when_nobody_gives_one(podman, iris_folder):
    succeeded("build-docker", iris_folder, "-q")
    assert podman.calls[0][:4] == ["podman", "build", "--tag", "flavorkit-model"]


def test_output_for_scripts_is_one_line_of_json(podman, iris_folder, capfd):
    done = succeeded("build-docker", iris_folder, "-t", "iris", "--json")
    assert done.stderr == ""
    assert capfd.readouterr().err == ""
    said = json.loads(done.stdout)
    assert said.pop("seconds") > 0
    assert said == {
        "image": "iris",
        "digest": manifest.verify(iris_folder).digest,
        "size_bytes": 123456789,
        "engine": "podman",
    }


def test_where_the_engine_does_not_say_the_size_it_is_left_out(engines, iris_folder):
    engines.install("buildah")
    done = succeeded("build-docker", iris_folder, "-q")
    assert "built flavorkit-model, in " in done.stderr
    assert json.loads(succeeded("build-docker", "--json").stdout)["size_bytes"] is None


def test_what_the_engine_says_is_shown_beside_the_output(podman, iris_folder, capfd):
    assert succeeded("build-docker", iris_folder).stdout == ""
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "building\n")


def test_the_variable_names_the_engine(podman, monkeypatch):
    podman.install("buildah")
    monkeypatch.setenv("FLAVORKIT_ENGINE", "buildah")
    succeeded("build-docker", "-q")
    assert podman.calls[0][0] == "buildah"
    monkeypatch.setenv("FLAVORKIT_ENGINE", "sh")
    assert "FLAVORKIT_ENGINE" in refused("build-docker", status=2)


def test_a_failing_engine_is_one_line_with_what_it_said(engines, iris_folder):
    engines.install("podman", "echo STEP 1; echo no space left >&2; exit 125")
    line = refused("build-docker", iris_folder, "--quiet", "--push")
    assert line == "Error: podman build failed with status 125: STEP 1 | no space left"
    assert len(engines.calls) == 1  # nothing is pushed


def test_an_image_is_pushed_when_that_is_asked_for(podman, iris_folder):
    succeeded("build-docker", iris_folder, "-t", "registry.example.com/iris:1", "-q")
    assert "push" not in [call[1] for call in podman.calls]
    succeeded("build-docker", iris_folder, "-t", "registry.example.com/iris:1", "-q", "--push")
    assert ["podman", "push", "--", "registry.example.com/iris:1"] in podman.calls


def test_the_bill_of_materials_is_written_too(podman, iris_folder, elsewhere):
    succeeded("build-docker", iris_folder, "--sbom", "sbom.json", "-q")
    assert (elsewhere / "sbom.json").read_text() == BILL


def test_no_bill_of_materials_is_overwritten(podman, iris_folder, elsewhere):
    (elsewhere / "sbom.json").write_text("mine")
    line = refused("build-docker", iris_folder, "--sbom", "sbom.json")
    assert "sbom.json: there is something already" in line
    assert (elsewhere / "sbom.json").read_text() == "mine"
    assert podman.calls == []


def test_a_folder_for_the_bill_that_is_not_there_is_said_before_the_build(podman, iris_folder):
    line = refused("build-docker", iris_folder, "--sbom", "gone/sbom.json")
    assert "gone" in line
    assert podman.calls == []


MLFLOWS = ("--env-manager", "local", "--mlflow-home", "x", "--install-mlflow", "--install-java")


def test_mlflows_commands_and_flags_do_as_well(podman, iris_folder, elsewhere, tmp_path):
    succeeded("models", "build-docker", "-m", iris_folder, "-n", "team/iris", *MLFLOWS, "-q")
    assert podman.calls[0][:4] == ["podman", "build", "--tag", "team/iris"]
    assert "default-jre-headless" in (tmp_path / "kept" / "Dockerfile").read_text()
    out = elsewhere / "out"
    succeeded("models", "generate-dockerfile", "-m", iris_folder, "-d", out, *MLFLOWS)
    assert "default-jre-headless" in (out / "Dockerfile").read_text()
    assert "mlflow" not in (out / "requirements.txt").read_text()


def test_mlflows_function_does_as_well(podman, iris_folder, tmp_path):
    base = "registry.example.com/python:3.11"
    flavorkit.models.build_docker(
        *(str(iris_folder), "team/iris", "local", "x"),
        install_java=True,
        install_mlflow=True,
        base_image=base,
    )
    assert podman.calls[0][:4] == ["podman", "build", "--tag", "team/iris"]
    text = (tmp_path / "kept" / "Dockerfile").read_text()
    assert f"FROM {base} AS dependencies" in text
    assert "default-jre-headless" in text


def test_mlflows_function_refuses_conda(podman, iris_folder):
    with pytest.raises(InvalidArgumentError, match=r"an image has no environment of conda"):
        flavorkit.models.build_docker(str(iris_folder), env_manager="conda")
    assert podman.calls == []


@pytest.mark.parametrize("command", ["build-docker", "generate-dockerfile"])
def test_conda_is_refused_with_the_reason(podman, iris_folder, elsewhere, command):
    line = refused("models", command, "-m", iris_folder, "--env-manager", "conda", status=2)
    assert "an image has no conda: its packages are installed by uv" in line
    assert podman.calls == []
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("command", ["build-docker", "generate-dockerfile"])
def test_one_model_is_named_at_most(podman, iris_folder, command):
    assert "name one model" in refused(command, iris_folder, "-m", iris_folder, status=2)
    assert "the model's path is empty" in refused(command, "", status=2)


def test_trust_is_the_callers(iris_copy, elsewhere):
    (iris_copy / "manifest.json").unlink()
    assert "nobody has signed it" in refused("generate-dockerfile", iris_copy)
    digest = manifest.verify(iris_copy).digest
    succeeded("generate-dockerfile", iris_copy, "--trust", digest)
    text = (elsewhere / "flavorkit-dockerfile" / "Dockerfile").read_text()
    assert f'FLAVORKIT_TRUST="{digest}"' in text


def test_requirements_with_urls_need_a_word(iris_copy, elsewhere):
    line = "six @ https://example.com/six.whl"
    (iris_copy / "requirements.txt").write_text(f"{line}\n")
    manifest.write(iris_copy, None)
    arguments = ("generate-dockerfile", iris_copy, "--trust", "all")
    assert "--allow-requirement-options" in refused(*arguments)
    succeeded(*arguments, "--allow-requirement-options")
    assert (elsewhere / "flavorkit-dockerfile" / "requirements.txt").read_text() == f"{line}\n"


def test_the_commands_are_those_of_the_program(iris_folder, elsewhere):
    """Once as a process, for all that a runner in this one does not show."""
    command = [sys.executable, "-P", "-m", "flavorkit", "generate-dockerfile", str(iris_folder)]
    environment = {**os.environ, "PATH": str(elsewhere)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("wrote flavorkit-dockerfile; build it with: ")
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith("Error: flavorkit-dockerfile: it is not empty")
    assert len(again.stderr.splitlines()) == 1
