"""How engines are called: with lists of arguments, and with an error that says what they said."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from flavorkit.docker.engine import Build, Engine, find_engine
from flavorkit.docker.names import Image
from flavorkit.docker.recipe import SBOM
from flavorkit.errors import ImageBuildError, InvalidArgumentError, MissingDependencyError

IMAGE = Image.parse("registry.example.com/team/model:1")
FULL = Build(
    folder=Path("/context with spaces"),
    image=IMAGE,
    platform="linux/arm64",
    netrc=Path("/home/ada/.netrc"),
    seconds=7,
    use_cache=False,
    pull=True,
)


@pytest.mark.parametrize("program", ["docker", "podman", "buildah"])
def test_a_build_names_little_unless_more_is_asked_for(program):
    command = Engine(program, f"/bin/{program}").build_command(Build(Path("/context"), IMAGE))
    own = [] if program == "docker" else ["--format", "docker", "--timestamp", "0"]
    assert command == [f"/bin/{program}", "build", "--tag", str(IMAGE), *own, "--", "/context"]


@pytest.mark.parametrize("program", ["docker", "podman", "buildah"])
def test_a_build_passes_on_all_that_is_asked_for(program):
    command = Engine(program, program).build_command(FULL)
    own = [] if program == "docker" else ["--format", "docker", "--timestamp", "7"]
    assert command == [
        *(program, "build", "--tag", str(IMAGE), *own, "--platform", "linux/arm64"),
        *("--secret", "id=netrc,src=/home/ada/.netrc", "--no-cache", "--pull"),
        *("--", "/context with spaces"),
    ]


def test_a_relative_context_cannot_be_taken_for_an_option(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    command = Engine("podman", "podman").build_command(Build(Path("--help"), IMAGE))
    assert command[-2:] == ["--", f"{tmp_path}/--help"]


@pytest.mark.parametrize("name", ["a,src=b", 'a"b', "a\nb", "a\u2028b"])
@pytest.mark.parametrize("program", ["docker", "podman"])
def test_the_path_of_a_secret_that_could_say_more_is_refused(engines, program, name, tmp_path):
    engines.install(program)
    build = Build(tmp_path, IMAGE, netrc=tmp_path / name)
    with pytest.raises(InvalidArgumentError, match=r"characters that no engine takes"):
        find_engine().build(build, quiet=True)
    assert engines.calls == []


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_a_build_calls_the_engine_once(engines, program, tmp_path):
    engines.install(program)
    build = Build(tmp_path, IMAGE, seconds=7)
    engine = find_engine()
    engine.build(build, quiet=True)
    assert engines.calls == [[program, *engine.build_command(build)[1:]]]
    assert engines.variables == [["7", ""]]


DOCKER = """
case "$1" in
version) echo {version};;
buildx) exit {buildx};;
esac
"""


@pytest.mark.parametrize(
    ("version", "buildx", "said", "variable"),
    [
        ("20.10.24+dfsg1", 1, None, "1"),  # it has BuildKit, and does not choose it
        ("20.10.24+dfsg1", 1, "0", "0"),
        ("28.1.0", 0, None, ""),
        ("28.1.0", 1, None, ""),
        ("dev", 0, None, ""),
    ],
)
def test_docker_builds_with_buildkit_if_it_can(
    engines, monkeypatch, tmp_path, version, buildx, said, variable
):
    if said is not None:
        monkeypatch.setenv("DOCKER_BUILDKIT", said)
    engines.install("docker", DOCKER.format(version=version, buildx=buildx))
    find_engine().build(Build(tmp_path, IMAGE, seconds=7), quiet=True)
    assert engines.calls[0] == ["docker", "version", "--format", "{{.Client.Version}}"]
    assert engines.calls[-1][1] == "build"
    assert engines.variables[-1] == ["7", variable]


def test_a_docker_that_cannot_keep_a_secret_gets_none(engines, tmp_path):
    engines.install("docker", DOCKER.format(version="28.1.0", buildx=1))
    with pytest.raises(
        MissingDependencyError, match=r"passing a \.netrc to a build needs BuildKit"
    ):
        find_engine().build(Build(tmp_path, IMAGE, netrc=tmp_path / ".netrc"), quiet=True)
    assert "build" not in [call[1] for call in engines.calls]


def test_an_image_is_pushed_by_its_name(engines):
    engines.install("podman")
    find_engine().push(IMAGE, quiet=True)
    assert engines.calls == [["podman", "push", "--", str(IMAGE)]]


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_a_file_is_read_in_a_container_without_a_network(engines, program):
    engines.install(program, "printf 'what it holds'")
    assert find_engine().read_file(IMAGE, SBOM) == "what it holds"
    ((*run, code, path),) = engines.calls
    assert run == [
        *(program, "run", "--rm", "--network=none"),
        *("--entrypoint", "/opt/venv/bin/python", str(IMAGE), "-c"),
    ]
    assert "open(sys.argv[1])" in code
    assert path == SBOM


def test_buildah_leaves_no_container_behind(engines):
    engines.install("buildah", 'case "$1" in from) echo model-1;; run) exit 3;; esac')
    with pytest.raises(ImageBuildError, match=r"buildah run failed with status 3"):
        find_engine().read_file(IMAGE, SBOM)
    made, run, removed = engines.calls
    assert made == ["buildah", "from", "--", str(IMAGE)]
    assert run[:5] == ["buildah", "run", "model-1", "--", "/opt/venv/bin/python"]
    assert removed == ["buildah", "rm", "--", "model-1"]


def test_buildah_reads_a_file_too(engines):
    then = 'case "$1" in from) echo model-1;; run) printf text;; esac'
    engines.install("buildah", then)
    assert find_engine().read_file(IMAGE, SBOM) == "text"


def test_the_size_is_asked_for_where_the_engine_knows_it(engines):
    engines.install("docker", "echo 1234")
    assert find_engine().size_bytes(IMAGE) == 1234
    inspect = ["image", "inspect", "--format", "{{.Size}}", "--", str(IMAGE)]
    assert engines.calls == [["docker", *inspect]]
    assert Engine("buildah", "buildah").size_bytes(IMAGE) is None


def test_what_the_engine_said_last_is_in_the_error(engines, tmp_path):
    then = (
        'i=0; while [ $i -lt 40 ]; do echo "line $i"; echo; i=$((i + 1)); done; echo no >&2; exit 9'
    )
    engines.install("podman", then)
    with pytest.raises(ImageBuildError, match=r"podman build failed with status 9: ") as raised:
        find_engine().build(Build(tmp_path, IMAGE), quiet=True)
    assert raised.value.message.endswith("line 38 | line 39 | no")
    assert "line 25" not in raised.value.message


def test_what_was_shown_is_not_said_twice(engines, tmp_path, capfd):
    engines.install("podman", "echo on its output; echo on its error >&2; exit 1")
    with pytest.raises(ImageBuildError, match=r"status 1; what it said is above"):
        find_engine().build(Build(tmp_path, IMAGE))
    shown = capfd.readouterr()
    assert shown.out == ""  # which is for scripts
    assert shown.err.splitlines() == ["on its output", "on its error"]


def test_an_engine_can_talk_where_standard_error_is_no_file(engines, monkeypatch, capfd):
    """As in a notebook, or where a program has replaced it."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    engines.install("podman", "echo hello")
    find_engine().push(IMAGE)
    assert "hello" in capfd.readouterr().err


def test_the_first_engine_that_is_installed_is_taken(engines):
    engines.install("buildah")
    assert find_engine().program == "buildah"
    engines.install("podman")
    assert find_engine().program == "podman"
    engines.install("docker")
    assert find_engine() == Engine("docker", str(engines.folder / "docker"))
    assert find_engine("buildah").program == "buildah"
    assert engines.calls == []


@pytest.mark.parametrize("wanted", [None, "podman"])
def test_without_one_the_error_says_what_to_install_and_how_to_do_without(engines, wanted):
    engines.install("docker" if wanted else "nerdctl")
    with pytest.raises(MissingDependencyError, match=r"building an image needs") as raised:
        find_engine(wanted)
    assert (wanted or "docker, podman or buildah") in raised.value.message
    assert "apt-get install podman" in raised.value.message
    assert "`flavorkit generate-dockerfile`" in raised.value.message


def test_an_engine_that_nobody_knows_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"'sh' is none of docker, podman, buildah"):
        find_engine("sh")
