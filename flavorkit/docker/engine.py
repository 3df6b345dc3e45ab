"""The program that builds images: Docker, Podman or Buildah, whichever is there.

Each is called with a list of arguments, and names that could be taken for an option are refused
before (:mod:`flavorkit.docker.names`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from flavorkit.docker.names import Image
from flavorkit.errors import ImageBuildError, InvalidArgumentError, MissingDependencyError

Program = Literal["docker", "podman", "buildah"]
PROGRAMS: tuple[Program, ...] = get_args(Program)
# From this version on Docker's client chooses BuildKit by itself, if it has it.
_CHOOSES_BUILDKIT = 23
_LAST_LINES = 15
_STANDARD_ERROR = 2


@dataclass(frozen=True)
class Build:
    """One call of an engine.

    Args:
        folder: the context.
        image: what the image will be called.
        platform: what it is built for.
        netrc: a file that the build gets as a secret.
        seconds: the time that the image says it was made, since 1970.
        use_cache: whether layers of earlier builds are taken.
        pull: whether a newer base image is looked for.
    """

    folder: Path
    image: Image
    platform: str | None = None
    netrc: Path | None = None
    seconds: int = 0
    use_cache: bool = True
    pull: bool = False


@dataclass(frozen=True)
class Engine:
    """One of the programs, and where it is."""

    program: Program
    path: str

    def build_command(self, build: Build) -> list[str]:
        """The arguments that build an image.

        Raises:
            InvalidArgumentError: the path of the secret cannot be passed on.
        """
        command = [self.path, "build", "--tag", str(build.image)]
        if self.program != "docker":
            # OCI's own format has no HEALTHCHECK, and would drop it.
            command += ["--format", "docker", "--timestamp", str(build.seconds)]
        if build.platform is not None:
            command += ["--platform", build.platform]
        if build.netrc is not None:
            command += ["--secret", f"id=netrc,src={_plain(build.netrc)}"]
        if not build.use_cache:
            command += ["--no-cache"]
        if build.pull:
            command += ["--pull"]
        return [*command, "--", str(build.folder.absolute())]

    def build(self, build: Build, *, quiet: bool = False) -> None:
        """Build an image; what the engine says goes to standard error.

        Args:
            build: what.
            quiet: say nothing unless it fails.

        Raises:
            ImageBuildError: the engine fails; the message has its last lines if it was quiet.
            MissingDependencyError: it cannot keep a secret.
        """
        command = self.build_command(build)
        buildkit = self._buildkit()
        if build.netrc is not None and buildkit is None:
            raise MissingDependencyError(
                "passing a .netrc to a build",
                "BuildKit",
                install="install Docker's buildx (the package docker-buildx-plugin), or podman",
            )
        variables = {"SOURCE_DATE_EPOCH": str(build.seconds), **(buildkit or {})}
        self._run(command, variables, quiet=quiet)

    def push(self, image: Image, *, quiet: bool = False) -> None:
        """Send an image to the registry that its name names.

        Raises:
            ImageBuildError: the engine fails.
        """
        self._run([self.path, "push", "--", str(image)], {}, quiet=quiet)

    def read_file(self, image: Image, path: str) -> str:
        """The text of a file in an image.

        Raises:
            ImageBuildError: the engine fails.
        """
        script = "import sys; sys.stdout.write(open(sys.argv[1]).read())"
        python = ["/opt/venv/bin/python", "-c", script, path]
        if self.program != "buildah":
            run = ["run", "--rm", "--network=none", "--entrypoint", python[0]]
            return self._output([self.path, *run, str(image), *python[1:]])
        container = self._output([self.path, "from", "--", str(image)]).strip()
        try:
            return self._output([self.path, "run", container, "--", *python])
        finally:
            self._output([self.path, "rm", "--", container])

    def size_bytes(self, image: Image) -> int | None:
        """How large an image is; None where the engine does not say."""
        if self.program == "buildah":
            return None
        inspect = ["image", "inspect", "--format", "{{.Size}}", "--", str(image)]
        return int(self._output([self.path, *inspect]).strip())

    def _buildkit(self) -> dict[str, str] | None:
        """What makes Docker take its newer builder; None if it has none and takes the old one."""
        if self.program != "docker":
            return {}
        version = self._output([self.path, "version", "--format", "{{.Client.Version}}"])
        major = version.partition(".")[0].strip()
        if major.isdigit() and int(major) < _CHOOSES_BUILDKIT:
            return {"DOCKER_BUILDKIT": os.environ.get("DOCKER_BUILDKIT", "1")}
        buildx = subprocess.run([self.path, "buildx", "version"], capture_output=True, check=False)
        return {} if buildx.returncode == 0 else None

    def _run(self, command: Sequence[str], variables: dict[str, str], *, quiet: bool) -> None:
        done = subprocess.run(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            # By its number: in a notebook sys.stderr is no file.
            stdout=subprocess.PIPE if quiet else _STANDARD_ERROR,
            stderr=subprocess.STDOUT if quiet else None,
            check=False,
        )
        if done.returncode != 0:
            raise self._failure(command, done.returncode, done.stdout or b"")

    def _output(self, command: Sequence[str]) -> str:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise self._failure(command, done.returncode, done.stderr)
        return done.stdout.decode("utf-8", "replace")

    def _failure(self, command: Sequence[str], status: int, output: bytes) -> ImageBuildError:
        lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
        last = [line for line in lines if line][-_LAST_LINES:]
        said = f": {' | '.join(last)}" if last else "; what it said is above"
        return ImageBuildError(f"{self.program} {command[1]} failed with status {status}{said}")


def find_engine(wanted: str | None = None) -> Engine:
    """The engine of this name, or the first that is installed.

    Raises:
        InvalidArgumentError: no engine that is known has this name.
        MissingDependencyError: it is not installed, or none is.
    """
    if wanted is not None and wanted not in PROGRAMS:
        raise InvalidArgumentError(f"{wanted!r} is none of {', '.join(PROGRAMS)}")
    for program in PROGRAMS:
        path = shutil.which(program)
        if path is not None and wanted in {None, program}:
            return Engine(program, path)
    raise MissingDependencyError(
        "building an image",
        wanted or "docker, podman or buildah",
        install=(
            "install one (on Debian and Ubuntu: apt-get install podman; others:"
            " https://docs.docker.com/engine/install/), or write the files for a machine that has"
            " one with `flavorkit generate-dockerfile`"
        ),
    )


def _plain(path: Path) -> str:
    text = str(path.absolute())
    if not text.isprintable() or set(text) & set(',"'):
        raise InvalidArgumentError(f"{text!r} has characters that no engine takes in such a path")
    return text
