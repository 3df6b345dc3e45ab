"""A model becomes an image, or the folder that an image is built from."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from flavorkit.docker.context import write_context
from flavorkit.docker.engine import Build, find_engine
from flavorkit.docker.model import PackedModel
from flavorkit.docker.names import Image
from flavorkit.docker.plan import Options, recipe_of
from flavorkit.docker.recipe import SBOM, Recipe
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import InvalidArgumentError, NotFoundError, PathOccupiedError
from flavorkit.trust.policy import Trust

DEFAULT_NAME = "flavorkit-model"


@dataclass(frozen=True)
class Built:
    """An image that was built.

    Args:
        image: its name.
        digest: of the model in it; None if there is none.
        size_bytes: of all its layers; None where the engine does not say.
        seconds: that the build took.
        engine: that built it.
    """

    image: str
    digest: str | None
    size_bytes: int | None
    seconds: float
    engine: str


def generate_dockerfile(
    model_uri: str | None,
    folder: str | Path,
    *,
    trust: Trust = None,
    options: Options | None = None,
    allow_requirement_options: bool = False,
) -> None:
    """Write the folder that an image of a model is built from.

    Args:
        model_uri: the model's folder or URI; None for an image that is given one when it is
            started.
        folder: where to; it is empty or not there.
        trust: as in :func:`flavorkit.load_model`.
        options: what is asked of the image.
        allow_requirement_options: let the model's requirements name URLs, paths and pip's options.

    Raises:
        TrustError: ``trust`` does not let the model's packages and its code run.
        IntegrityError: a file of the model is not what was saved.
        RequirementError: a requirement smuggles something.
        InvalidArgumentError: an option is malformed.
        PathOccupiedError: ``folder`` has something in it.
    """
    options = options or Options()
    model, wheel, recipe = _planned(model_uri, trust, options, allow_requirement_options)
    write_context(Path(folder), recipe, wheel, model, options.wheels)


def build_image(
    model_uri: str | None,
    name: str = DEFAULT_NAME,
    *,
    trust: Trust = None,
    options: Options | None = None,
    engine: str | None = None,
    push: bool = False,
    sbom: str | Path | None = None,
    use_cache: bool = True,
    pull: bool = False,
    quiet: bool = False,
    allow_requirement_options: bool = False,
) -> Built:
    """Build an image of a model.

    Args:
        model_uri: the model's folder or URI; None for an image that is given one when it is
            started.
        name: of the image.
        trust: as in :func:`flavorkit.load_model`.
        options: what is asked of the image.
        engine: "docker", "podman" or "buildah"; the first that is installed if None.
        push: send it to the registry that its name names.
        sbom: where to write its bill of materials, too.
        use_cache: take layers of earlier builds.
        pull: look for a newer base image.
        quiet: say nothing of what the engine does.
        allow_requirement_options: let the model's requirements name URLs, paths and pip's options.

    Raises:
        MissingDependencyError: no engine is installed.
        ImageBuildError: the engine fails.
        InvalidArgumentError: a name or an option is malformed.
        TrustError: ``trust`` does not let the model's packages and its code run.
        IntegrityError: a file of the model is not what was saved.
        RequirementError: a requirement smuggles something.
        PathOccupiedError: there is something at ``sbom``.
        NotFoundError: there is no folder for ``sbom``.
    """
    begun = time.monotonic()
    options = options or Options()
    image = Image.parse(name)
    if image.digest is not None:
        raise InvalidArgumentError(f"{name!r} names a digest, which an image has once it is built")
    if sbom is not None:
        _refuse_to_write(Path(sbom))
    model, wheel, recipe = _planned(model_uri, trust, options, allow_requirement_options)
    builder = find_engine(engine)
    with tempfile.TemporaryDirectory(prefix="flavorkit-image-") as scratch:
        folder = Path(scratch, "context")
        write_context(folder, recipe, wheel, model, options.wheels)
        seconds = int(model.created.timestamp()) if model else 0
        build = Build(folder, image, recipe.platform, options.netrc, seconds, use_cache, pull)
        builder.build(build, quiet=quiet)
    if sbom is not None:
        Path(sbom).write_text(builder.read_file(image, SBOM), "utf-8")
    if push:
        builder.push(image, quiet=quiet)
    size = builder.size_bytes(image)
    return Built(str(image), recipe.digest, size, time.monotonic() - begun, builder.program)


def _refuse_to_write(file: Path) -> None:
    """Refuse what could not be written when a long build is over."""
    if file.exists():
        raise PathOccupiedError(file, "there is something already; name another file")
    if not file.parent.is_dir():
        raise NotFoundError(f"there is no folder {file.parent} to write {file.name} to; make it")


def _planned(
    model_uri: str | None, trust: Trust, options: Options, allow_requirement_options: bool
) -> tuple[PackedModel | None, OwnWheel, Recipe]:
    """What goes into an image, and its recipe."""
    model = None
    if model_uri is not None:
        model = PackedModel.fetch(model_uri, trust, allow_options=allow_requirement_options)
    wheel = OwnWheel.of_running()
    return model, wheel, recipe_of(model, wheel, options)
