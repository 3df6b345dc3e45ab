"""The folder that an image is built from: all that the Dockerfile copies, and nothing else."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from flavorkit import manifest
from flavorkit.docker.build import generate_dockerfile
from flavorkit.docker.plan import Options
from flavorkit.errors import IntegrityError, InvalidArgumentError, PathOccupiedError
from flavorkit.version import __version__

WHEEL = f"flavorkit-{__version__}-py3-none-any.whl"
ALWAYS = {
    *("Dockerfile", ".dockerignore", "README.md", "install.py", WHEEL),
    *("requirements.txt", "constraints.txt", "flavorkit.txt"),
}


def written(folder: Path, model: Path | None, trust: str | None = None, **options) -> set[str]:
    """Write a context; the paths of its files."""
    uri = None if model is None else str(model)
    generate_dockerfile(uri, folder, trust=trust, options=Options(**options))
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in files}


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels-here"
    folder.mkdir()
    for name in ("six-1.16.0-py2.py3-none-any.whl", "uv-0.13.9-py3-none-linux_x86_64.whl"):
        (folder / name).write_text(name)
    return folder


def copied(folder: Path) -> set[str]:
    """What the Dockerfile takes out of the context."""
    found: set[str] = set()
    for line in (folder / "Dockerfile").read_text().splitlines():
        instruction, _, words = line.partition(" ")
        if instruction in {"COPY", "ADD"} and not words.startswith("--from"):
            found |= set(json.loads(words)[:-1])
    return found


def let_through(folder: Path) -> set[str]:
    first, *rest = (folder / ".dockerignore").read_text().splitlines()
    assert first == "*"
    assert all(line.startswith("!") for line in rest)
    return {line[1:] for line in rest}


def test_it_holds_what_the_dockerfile_copies(iris_folder, tmp_path):
    folder = tmp_path / "new" / "context"
    assert written(folder, iris_folder) == {*ALWAYS, "model.tar"}
    assert copied(folder) == let_through(folder)
    assert copied(folder) == {
        *(ALWAYS - {"Dockerfile", ".dockerignore", "README.md"}),
        "model.tar",
    }
    requirements = (folder / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("scikit-learn==") for line in requirements)
    assert (folder / "flavorkit.txt").read_text()
    with zipfile.ZipFile(folder / WHEEL) as wheel:
        assert wheel.testzip() is None
        assert (folder / "install.py").read_bytes() == wheel.read("flavorkit/docker/install.py")


def test_without_a_model_there_is_none(tmp_path):
    assert written(tmp_path / "context", None) == ALWAYS
    assert (tmp_path / "context" / "requirements.txt").read_text() == ""
    assert "mount one at `/opt/ml/model`" in (tmp_path / "context" / "README.md").read_text()


def test_what_has_hashes_has_pins(iris_copy, tmp_path):
    line = f"six==1.16.0 --hash=sha256:{'0' * 64}"
    (iris_copy / "requirements.txt").write_text(f"{line}\n-c constraints.txt\n")
    (iris_copy / "constraints.txt").write_text("numpy<3\n")
    manifest.write(iris_copy, None)
    folder = tmp_path / "context"
    assert written(folder, iris_copy, "all") == {*ALWAYS, "model.tar", "pins.txt"}
    assert (folder / "requirements.txt").read_text() == f"{line}\n"
    assert (folder / "pins.txt").read_text() == "six==1.16.0\n"
    assert (folder / "constraints.txt").read_text() == "numpy<3\n"
    assert copied(folder) == let_through(folder)


def test_wheels_go_along(iris_folder, wheels, tmp_path):
    (wheels / "notes.txt").write_text("no wheel")
    files = written(tmp_path / "context", iris_folder, wheels=wheels)
    assert {path for path in files if path.startswith("wheels/")} == {
        "wheels/six-1.16.0-py2.py3-none-any.whl",
        "wheels/uv-0.13.9-py3-none-linux_x86_64.whl",
    }
    assert {"wheels/"} == copied(tmp_path / "context") - let_through(tmp_path / "context")
    assert "wheels" in let_through(tmp_path / "context")


def test_a_link_among_the_wheels_is_not_followed(iris_folder, wheels, tmp_path):
    (tmp_path / "id_ed25519").write_text("a secret")
    (wheels / "evil-1-py3-none-any.whl").symlink_to(tmp_path / "id_ed25519")
    (wheels / "folder-1-py3-none-any.whl").mkdir()
    files = written(tmp_path / "context", iris_folder, wheels=wheels, offline=True)
    assert not any("evil" in path or "folder-1" in path for path in files)


@pytest.mark.parametrize(
    ("names", "offline", "problem"),
    [
        (None, False, r"there is no folder of wheels at"),
        ([], False, r"there are no wheels in"),
        (["six.tar.gz"], False, r"there are no wheels in"),
        (["six-1.whl"], True, r"has no wheel of uv, .*: pip download --dest \S+ uv==\S+$"),
    ],
)
def test_wheels_that_do_not_do_are_refused(iris_folder, tmp_path, names, offline, problem):
    wheels = tmp_path / "some"
    if names is not None:
        wheels.mkdir()
        for name in names:
            (wheels / name).touch()
    with pytest.raises(InvalidArgumentError, match=problem):
        written(tmp_path / "context", iris_folder, wheels=wheels, offline=offline)
    assert not (tmp_path / "context").exists()


def test_a_folder_with_something_in_it_is_refused(iris_folder, tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "mine").write_text("mine")
    with pytest.raises(PathOccupiedError, match=r"context: .*not empty"):
        written(tmp_path / "context", iris_folder)
    assert [path.name for path in (tmp_path / "context").iterdir()] == ["mine"]


def test_a_file_is_no_folder(iris_folder, tmp_path):
    (tmp_path / "context").write_text("mine")
    with pytest.raises(PathOccupiedError, match=r"context: "):
        written(tmp_path / "context", iris_folder)
    assert (tmp_path / "context").read_text() == "mine"


def test_an_empty_folder_will_do_and_stays_the_same(iris_folder, tmp_path):
    """It may be mounted, or be where somebody works."""
    (tmp_path / "context").mkdir()
    before = (tmp_path / "context").stat().st_ino
    assert "Dockerfile" in written(tmp_path / "context", iris_folder)
    assert (tmp_path / "context").stat().st_ino == before


@pytest.mark.parametrize("is_there", [True, False])
def test_a_failure_leaves_nothing_half_written(iris_copy, tmp_path, monkeypatch, wheels, is_there):
    from flavorkit.docker import build

    fetched = build.PackedModel.fetch

    def fetch(*arguments, **options):
        model = fetched(*arguments, **options)
        (iris_copy / "requirements.txt").write_text("evil\n")
        return model

    monkeypatch.setattr(build.PackedModel, "fetch", fetch)
    folder = tmp_path / "context"
    if is_there:
        folder.mkdir()
    with pytest.raises(IntegrityError, match=r"requirements\.txt was altered"):
        written(folder, iris_copy, wheels=wheels)
    assert folder.exists() == is_there
    assert not is_there or not any(folder.iterdir())


def test_two_contexts_of_one_model_are_equal_byte_for_byte(iris_folder, wheels, tmp_path):
    copy = Path(shutil.copytree(iris_folder, tmp_path / "copy"))
    options = {"wheels": wheels, "labels": ("a=1", "b=2"), "env": ("B=1", "A=2")}
    ours = written(tmp_path / "ours", iris_folder, **options)
    options |= {"labels": ("b=2", "a=1"), "env": ("A=2", "B=1")}
    assert written(tmp_path / "theirs", copy, **options) == ours
    for name in ours:
        assert (tmp_path / "theirs" / name).read_bytes() == (tmp_path / "ours" / name).read_bytes()


def test_the_readme_says_what_is_there_and_how_to_build_it(iris_folder, tmp_path):
    written(tmp_path / "context", iris_folder)
    readme = (tmp_path / "context" / "README.md").read_text()
    assert manifest.verify(iris_folder).digest in readme
    assert f"`{WHEEL}`" in readme
    assert "    docker build --tag NAME .\n" in readme
    assert "{" not in readme


def test_the_readme_passes_on_the_secret_of_the_index(iris_folder, tmp_path):
    (tmp_path / "lovelace.netrc").touch()
    written(tmp_path / "context", iris_folder, netrc=tmp_path / "lovelace.netrc")
    readme = (tmp_path / "context" / "README.md").read_text()
    assert 'docker build --secret "id=netrc,src=$HOME/.netrc" --tag NAME .' in readme
    assert "lovelace" not in readme + (tmp_path / "context" / "Dockerfile").read_text()
