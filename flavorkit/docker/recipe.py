"""What an image is made of: everything that its Dockerfile says, and nothing that is not in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from flavorkit.docker.names import Image

MODEL_FOLDER = "/opt/ml/model"
"""Where a model is in the image; SageMaker puts those that it brings there too."""

SBOM = "/opt/flavorkit/sbom.cdx.json"
"""Where an image says what is in it."""

PORT = 8080
USER = 65532
"""Who the server runs as: an id that no base image gives to anybody."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sources:
    """Where packages come from while an image is built.

    Args:
        index: the URL of the package index in place of PyPI.
        extra_indexes: of further ones, which are asked first.
        has_wheels: whether a folder of wheels is in the context, and is looked into.
        is_offline: whether nothing but that folder is looked into.
        torch_backend: which build of PyTorch's packages uv takes, such as "cpu" or "cu128".
        has_netrc: whether the build is given a ``.netrc`` with the passwords of indexes.
    """

    index: str | None = None
    extra_indexes: tuple[str, ...] = ()
    has_wheels: bool = False
    is_offline: bool = False
    torch_backend: str | None = None
    has_netrc: bool = False


@dataclass(frozen=True)
class Needs:
    """The packages of an image.

    Args:
        model: what the model asks for, one requirement each.
        constraints: what limits the versions of the rest.
        pins: the model's once more, to hold what is installed after them; used with hashes.
        own: what flavorkit asks for.
        has_hashes: whether the model's name the hashes of their files.
        system: packages of Debian or Ubuntu.
    """

    model: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    has_hashes: bool = False
    system: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """An image, before anything is written.

    Args:
        python: the version of Python, such as "3.11".
        base: what it stands on.
        wheel: the file name of flavorkit's wheel.
        needs: its packages.
        sources: where those of Python come from.
        digest: of the model in it; None for an image that is given one when it is started.
        variables: of the environment, by name.
        labels: by key.
        platform: what it is built for; what the engine runs on if None.
        brings_python: whether Python itself is put into the image, for bases that have none.
    """

    python: str
    base: Image
    wheel: str
    needs: Needs = field(default_factory=Needs)
    sources: Sources = field(default_factory=Sources)
    digest: str | None = None
    variables: Pairs = ()
    labels: Pairs = ()
    platform: str | None = None
    brings_python: bool = False
