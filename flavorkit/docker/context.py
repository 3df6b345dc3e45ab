"""The folder that an image is built from: the Dockerfile and every file that it copies."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from flavorkit.docker.dockerfile import INSTALL, UV, dockerfile
from flavorkit.docker.model import PackedModel
from flavorkit.docker.recipe import SBOM, Recipe
from flavorkit.environment.files import write_lines
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import InvalidArgumentError, PathOccupiedError

_WHEELS = "wheels"
_README = """\
# An image of a model

Written by flavorkit. `Dockerfile` says what is in the image, and copies nothing but the files
beside it.

    {build}
    docker run --rm --publish 8080:8080 --read-only --tmpfs /tmp NAME

| file | what it is |
|---|---|
{files}

With Podman and Buildah add `--format docker`, or the image has no health check.

{model} The image's bill of materials, in CycloneDX, is its file `{sbom}`.
"""
_WITH_MODEL = """\
The build checks the model against its digest `{digest}`, and
so does the server whenever it starts."""
_WITHOUT_MODEL = """\
There is no model in it: mount one at `/opt/ml/model`, or name
its URI in the variable `FLAVORKIT_MODEL_URI`."""


def write_context(
    folder: Path, recipe: Recipe, wheel: OwnWheel, model: PackedModel | None, wheels: Path | None
) -> None:
    """Write all of it into ``folder``, which is empty or not there.

    Args:
        folder: where to.
        recipe: of the image.
        wheel: flavorkit itself.
        model: that goes into the image.
        wheels: a folder whose wheels go along.

    Raises:
        PathOccupiedError: ``folder`` has something in it.
        IntegrityError: a file of the model has changed since it was checked.
        InvalidArgumentError: there are no wheels in ``wheels``, or none of uv for an offline build.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PathOccupiedError(folder, "it is not empty; name another folder, or empty it")
    brought = _wheels_in(wheels, is_offline=recipe.sources.is_offline) if wheels else []
    copied = _files(recipe)
    with _all_or_nothing(folder):
        if brought:
            (folder / _WHEELS).mkdir()
        for path in brought:
            shutil.copyfile(path, folder / _WHEELS / path.name, follow_symlinks=False)
        write_lines(folder / "requirements.txt", recipe.needs.model)
        write_lines(folder / "constraints.txt", recipe.needs.constraints)
        write_lines(folder / "flavorkit.txt", recipe.needs.own)
        if recipe.needs.has_hashes:
            write_lines(folder / "pins.txt", recipe.needs.pins)
        shutil.copyfile(Path(__file__).with_name(INSTALL), folder / INSTALL)
        wheel.write(folder)
        if model is not None:
            model.write_archive(folder / "model.tar")
        (folder / "Dockerfile").write_text(dockerfile(recipe), "utf-8")
        # Nothing that somebody puts beside these files goes to the engine.
        write_lines(folder / ".dockerignore", ["*", *(f"!{name}" for name in copied)])
        (folder / "README.md").write_text(_readme(recipe, copied), "utf-8")


@contextlib.contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """Leave an empty folder empty, and a new one not there, if the block fails.

    It is not replaced by another, since it may be mounted, or be where somebody works.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if is_new:
            folder.rmdir()
        raise


def _files(recipe: Recipe) -> dict[str, str]:
    """What the Dockerfile copies, and what each is."""
    files = {
        "requirements.txt": "what the model needs",
        "constraints.txt": "what limits the versions of the rest",
        "flavorkit.txt": "what flavorkit needs",
        INSTALL: "installs all that, and removes the tests that packages bring along",
        recipe.wheel: "flavorkit itself",
    }
    if recipe.needs.has_hashes:
        files["pins.txt"] = "what the model needs once more, without hashes"
    if recipe.digest is not None:
        files["model.tar"] = "the model, with fixed times and owners: its layer is always the same"
    if recipe.sources.has_wheels:
        files[_WHEELS] = "packages that were given to the build"
    return files


def _readme(recipe: Recipe, copied: Mapping[str, str]) -> str:
    model = _WITHOUT_MODEL
    if recipe.digest is not None:
        model = _WITH_MODEL.format(digest=recipe.digest)
    listed = "\n".join(f"| `{name}` | {what} |" for name, what in copied.items())
    command = build_command(".", has_netrc=recipe.sources.has_netrc)
    return _README.format(build=command, files=listed, model=model, sbom=SBOM)


def build_command(folder: str, *, has_netrc: bool) -> str:
    """How somebody builds the image of a context."""
    netrc = '--secret "id=netrc,src=$HOME/.netrc" ' if has_netrc else ""
    return f"docker build {netrc}--tag NAME {shlex.quote(folder)}"


def _wheels_in(source: Path, *, is_offline: bool) -> list[Path]:
    if not source.is_dir():
        raise InvalidArgumentError(f"there is no folder of wheels at {source}")
    # A link could bring any file of this machine into the image.
    found = sorted(
        path for path in source.glob("*.whl") if path.is_file() and not path.is_symlink()
    )
    if not found:
        raise InvalidArgumentError(f"there are no wheels in {source}")
    if is_offline and not any(path.name.startswith("uv-") for path in found):
        raise InvalidArgumentError(
            f"{source} has no wheel of uv, which installs the others: pip download --dest"
            f" {source} {UV}"
        )
    return found
