"""What is asked of an image, and the recipe that follows from that and from the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flavorkit.docker import names, system
from flavorkit.docker.labels import labels_of
from flavorkit.docker.model import PackedModel
from flavorkit.docker.names import Image
from flavorkit.docker.recipe import MODEL_FOLDER, PORT, Needs, Pairs, Recipe, Sources
from flavorkit.environment.managers import pins_of, running_version
from flavorkit.environment.requirements import have_hashes, name_of
from flavorkit.environment.wheel import OwnWheel, needs_of_running
from flavorkit.errors import InvalidArgumentError

# NVIDIA's images have no Python. PyTorch's packages bring CUDA's libraries, TensorFlow's do not.
_CUDA = "12.8.1"
_CUDA_BASES = {
    "tensorflow": f"nvidia/cuda:{_CUDA}-cudnn-runtime-ubuntu24.04",
    "torch": f"nvidia/cuda:{_CUDA}-base-ubuntu24.04",
}
_TORCH_BACKENDS = ("cpu", "cu118", "cu126", "cu128", "cu129", "cu130", "rocm6.4", "xpu")


@dataclass(frozen=True)
class Options:
    """What a caller asks of an image; text is checked when the recipe is made of it.

    Args:
        base_image: what it stands on; ``python:X.Y-slim`` of the model's Python if None.
        platform: what it is built for, such as "linux/arm64"; what the engine runs on if None.
        index_url: of the package index in place of PyPI.
        extra_index_urls: of further ones.
        wheels: a folder of wheels to look into as well.
        offline: look into that folder only.
        apt_packages: packages of the base's Debian or Ubuntu.
        env: variables, each as ``NAME=VALUE``.
        labels: each as ``KEY=VALUE``.
        cuda: stand on NVIDIA's image, for PyTorch and TensorFlow.
        torch_backend: which build of PyTorch's packages, such as "cpu".
        netrc: a file with the passwords of package indexes, given to the build alone.
        install_java: put a Java runtime into the image.
        install_python: put Python into the image, for a base that has none.
        extras: of flavorkit, beside its core.
    """

    base_image: str | None = None
    platform: str | None = None
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    wheels: Path | None = None
    offline: bool = False
    apt_packages: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    cuda: bool = False
    torch_backend: str | None = None
    netrc: Path | None = None
    install_java: bool = False
    install_python: bool = False
    extras: tuple[str, ...] = ()


def recipe_of(model: PackedModel | None, wheel: OwnWheel, options: Options) -> Recipe:
    """The recipe of an image.

    Args:
        model: that goes into it; None for an image that is given one when it is started.
        wheel: of the running flavorkit.
        options: what is asked of it.

    Raises:
        InvalidArgumentError: an option is malformed, or contradicts another.
        RequirementError: flavorkit has no such extra.
    """
    python = model.spec.python if model else running_version()
    needs = _needs(model, python, options)
    base = _base_of(model, needs, python, options)
    return Recipe(
        python=python,
        base=base,
        wheel=wheel.filename,
        needs=needs,
        sources=_sources(options),
        digest=model.files.digest if model else None,
        variables=_variables(model, options),
        labels=_labels(model, base, options),
        platform=None if options.platform is None else names.platform(options.platform),
        brings_python=options.install_python or options.cuda,
    )


def _base_of(model: PackedModel | None, needs: Needs, python: str, options: Options) -> Image:
    if options.base_image is not None and options.cuda:
        raise InvalidArgumentError("name a base image, or ask for CUDA's, not both")
    if options.base_image is not None:
        return Image.parse(options.base_image)
    if not options.cuda:
        return Image.parse(f"python:{python}-slim")
    return Image.parse(_cuda_base(model, needs))


def _cuda_base(model: PackedModel | None, needs: Needs) -> str:
    packages = set(map(name_of, needs.model if model else needs.own))
    for package, base in _CUDA_BASES.items():
        if package in packages:
            return base
    asked = "this model needs" if model else "these extras bring"
    raise InvalidArgumentError(
        f"CUDA is for {' and '.join(_CUDA_BASES)}, and {asked} neither; name an image with"
        " --base-image, or an --extra such as pytorch for an image without a model"
    )


def _needs(model: PackedModel | None, python: str, options: Options) -> Needs:
    flavors = [*(model.flavors if model else ()), *options.extras]
    apt = {*system.packages_of(flavors), *map(names.apt_package, options.apt_packages)}
    if options.install_java or (model is not None and model.runs_java):
        apt.add(system.JAVA)
    own = needs_of_running(options.extras, python=python)
    if model is None:
        return Needs(own=own, system=tuple(sorted(apt)))
    lines = model.requirements
    return Needs(
        model=lines,
        constraints=model.spec.requirements.constraints,
        pins=tuple(pins_of(lines)),
        own=own,
        has_hashes=have_hashes(lines),
        system=tuple(sorted(apt)),
    )


def _sources(options: Options) -> Sources:
    if options.netrc is not None and not options.netrc.is_file():
        raise InvalidArgumentError(f"there is no file {options.netrc} to take passwords from")
    if options.offline and options.wheels is None:
        raise InvalidArgumentError("an offline build needs a folder of wheels: --wheels DIR")
    backend = options.torch_backend
    if backend is not None and backend not in _TORCH_BACKENDS:
        raise InvalidArgumentError(
            f"{backend!r} is no build of PyTorch; take one of {', '.join(_TORCH_BACKENDS)}"
        )
    return Sources(
        index=None if options.index_url is None else names.index_url(options.index_url),
        extra_indexes=tuple(map(names.index_url, options.extra_index_urls)),
        has_wheels=options.wheels is not None,
        is_offline=options.offline,
        torch_backend=backend,
        has_netrc=options.netrc is not None,
    )


def _variables(model: PackedModel | None, options: Options) -> Pairs:
    variables = {
        "FLAVORKIT_HOST": "0.0.0.0",  # noqa: S104 - the container's own network
        "FLAVORKIT_MODEL_URI": MODEL_FOLDER,
        "FLAVORKIT_PORT": str(PORT),
        # What frameworks want to write to is nobody's home, and may be mounted.
        "HOME": "/tmp",  # noqa: S108
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
    }
    if model is not None:
        variables["FLAVORKIT_TRUST"] = model.files.digest
        if model.origin.name:
            name = names.printable(model.origin.name, "the name of the model")
            variables["FLAVORKIT_MODEL_NAME"] = name
    given = dict(map(names.variable, options.env))
    for name in ("FLAVORKIT_MODEL_URI", "FLAVORKIT_TRUST"):
        if model is not None and name in given:
            raise InvalidArgumentError(
                f"{name} says which model is in the image, and cannot be set to anything else"
            )
    return tuple(sorted((variables | given).items()))


def _labels(model: PackedModel | None, base: Image, options: Options) -> Pairs:
    given = dict(map(names.label, options.labels))
    return tuple(sorted((dict(labels_of(model, str(base))) | given).items()))
