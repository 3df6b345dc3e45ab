"""The Dockerfile of an image, written from typed fields.

Commands are arrays of JSON, which no shell reads, and name files of the context; requirements stand
in those files and not here. The values of variables and labels are quoted as Docker's parser
unquotes them (https://docs.docker.com/reference/dockerfile/#environment-replacement).

Two stages install: the first what the model and flavorkit need, the second flavorkit itself. What
changes more often comes later, so that a new model rebuilds its own layer and no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from flavorkit.docker.recipe import PORT, USER, Needs, Recipe, Sources

UV = "uv==0.13.9"
INSTALL = "install.py"
_UV = "/opt/uv/bin/uv"
_VENV = "/opt/venv"
_PYTHON = f"{_VENV}/bin/python"
_CONTEXT = "/build"

# The packages are arguments of the script, and no part of it. The folder is all that a Java runtime
# of Debian wants of a base image from which the manuals were removed.
_APT = (
    "mkdir -p /usr/share/man/man1; "
    'set -e; apt-get update; apt-get install --yes --no-install-recommends -- "$@";'
    " rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log"
)
_INTO_VENV = ("--python", _PYTHON, "--no-cache")
_PIP = ("python3", "-m", "pip", "install", "--no-cache-dir", "--root-user-action=ignore")


def dockerfile(recipe: Recipe) -> str:
    """The text of the Dockerfile; equal recipes have equal ones."""
    blocks = [
        ["# Written by flavorkit. The files it copies are beside it."],
        [*_dependencies(recipe)],
        [*_flavorkit(recipe)],
        [*_image(recipe)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _dependencies(recipe: Recipe) -> Iterator[str]:
    """The stage with the packages of the model and of flavorkit."""
    needs, sources = recipe.needs, recipe.sources
    yield _from(_builder_of(recipe), recipe.platform, "dependencies")
    if sources.has_wheels:
        yield _words("COPY", ["wheels/", f"{_CONTEXT}/wheels/"])
    if recipe.brings_python:
        yield _pairs("ENV", [("UV_PYTHON_INSTALL_DIR", "/opt/python")])
    yield _words("COPY", [INSTALL, *_requirement_files(needs), f"{_CONTEXT}/"])
    where = "--managed-python" if recipe.brings_python else "--no-python-downloads"
    commands = [
        [*_PIP, *_pip_sources(sources), "--target", "/opt/uv", UV],
        [_UV, "venv", "--no-project", "--python", recipe.python, where, _VENV],
        *([*_uv_install(sources), *arguments] for arguments in _installs(needs)),
    ]
    steps = [word for command in commands for word in ("--", *command)]
    yield _run(["python3", f"{_CONTEXT}/{INSTALL}", _VENV, *steps], sources)


def _flavorkit(recipe: Recipe) -> Iterator[str]:
    """The stage with flavorkit, in a folder of its own."""
    yield "FROM dependencies AS flavorkit"
    yield _words("COPY", [recipe.wheel, f"{_CONTEXT}/"])
    wheel = f"{_CONTEXT}/{recipe.wheel}"
    alone = ["--offline", "--no-deps", "--compile-bytecode", "--target", "/opt/flavorkit", wheel]
    yield _run([_UV, "pip", "install", *_INTO_VENV, *alone])


def _image(recipe: Recipe) -> Iterator[str]:
    """The image itself: what was installed, the model, and how it is run."""
    yield _from(str(recipe.base), recipe.platform)
    if recipe.needs.system:
        yield _run(["/bin/sh", "-c", _APT, "apt", *recipe.needs.system])
    if recipe.brings_python:
        yield _words("COPY --from=dependencies", ["/opt/python", "/opt/python"])
    yield _words("COPY --from=dependencies", [_VENV, _VENV])
    packages = f"{_VENV}/lib/python{recipe.python}/site-packages/"
    yield _words("COPY --from=flavorkit", ["/opt/flavorkit/", packages])
    yield "ENV PATH=/opt/venv/bin:$PATH"
    yield f"EXPOSE {PORT}"
    # Where Python puts temporary files if no other place can be written to: it is memory, and
    # writable in a container whose root is not.
    yield "WORKDIR /dev/shm"
    yield "STOPSIGNAL SIGTERM"
    check = json.dumps([_PYTHON, "-m", "flavorkit.docker.health"])
    yield f"HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 CMD {check}"
    yield _words("ENTRYPOINT", [_PYTHON, "-m", "flavorkit"])
    yield _words("CMD", ["serve"])
    if recipe.digest is not None:
        # The engine unpacks it with the times that it holds, where COPY would make up new ones.
        yield _words("ADD", ["model.tar", "/"])
    yield _pairs("ENV", recipe.variables)
    yield _run([_PYTHON, "-m", "flavorkit.docker.seal", *filter(None, [recipe.digest])])
    yield _pairs("LABEL", recipe.labels)
    yield f"USER {USER}:{USER}"


def _builder_of(recipe: Recipe) -> str:
    """What packages are installed on: the base itself, where it has Python."""
    return f"python:{recipe.python}-slim" if recipe.brings_python else str(recipe.base)


def _requirement_files(needs: Needs) -> list[str]:
    files = ["requirements.txt", "constraints.txt", "flavorkit.txt"]
    return [*files, "pins.txt"] if needs.has_hashes else files


def _installs(needs: Needs) -> list[list[str]]:
    """What comes behind ``uv pip install``, for each call of it.

    Where the model's requirements have hashes, all that is installed with them must have some.
    """
    model, own = ["-r", f"{_CONTEXT}/requirements.txt"], ["-r", f"{_CONTEXT}/flavorkit.txt"]
    limits = ["-c", f"{_CONTEXT}/constraints.txt"]
    if not needs.has_hashes:
        return [[*model, *own, *limits]]
    return [
        ["--require-hashes", *model, *limits],
        [*own, *limits, "-c", f"{_CONTEXT}/pins.txt"],
    ]


def _uv_install(sources: Sources) -> list[str]:
    indexes = ["--default-index", sources.index] if sources.index else []
    for url in sources.extra_indexes:
        indexes += ["--index", url]
    if sources.has_wheels:
        indexes += ["--find-links", f"{_CONTEXT}/wheels"]
    if sources.is_offline:
        indexes += ["--no-index"]
    if sources.torch_backend:
        indexes += ["--torch-backend", sources.torch_backend]
    return [_UV, "pip", "install", *_INTO_VENV, *indexes]


def _pip_sources(sources: Sources) -> list[str]:
    """Where pip finds uv."""
    options = ["--index-url", sources.index] if sources.index else []
    if sources.has_wheels:
        options += ["--find-links", f"{_CONTEXT}/wheels"]
    return [*options, "--no-index"] if sources.is_offline else options


def _from(image: str, platform: str | None, stage: str | None = None) -> str:
    only = f"--platform={platform} " if platform else ""
    return f"FROM {only}{image}{f' AS {stage}' if stage else ''}"


def _run(command: Sequence[str], sources: Sources | None = None) -> str:
    mount = ""
    if sources is not None and sources.has_netrc:
        mount = "--mount=type=secret,id=netrc,target=/root/.netrc "
    return f"RUN {mount}{json.dumps(list(command))}"


def _words(instruction: str, words: Sequence[str]) -> str:
    return f"{instruction} {json.dumps(list(words))}"


def _pairs(instruction: str, pairs: Iterable[tuple[str, str]]) -> str:
    """``KEY="value"`` for each, one a line."""
    return f"{instruction} " + " \\\n    ".join(f"{key}={_quoted(value)}" for key, value in pairs)


def _quoted(value: str) -> str:
    for character in '\\"$':
        value = value.replace(character, f"\\{character}")
    return f'"{value}"'
