"""The command of a container engine, docker or podman, always as a list of arguments."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from flavorkit.errors import DeploymentError, MissingDependencyError

ENGINES = ("docker", "podman")
_SECONDS = 120.0


@dataclass(frozen=True)
class Engine:
    """An engine that is installed.

    Args:
        name: docker or podman.
        path: of its command.
    """

    name: str
    path: str

    @classmethod
    def of(cls, *names: str) -> Engine:
        """The first of these that is installed.

        Raises:
            MissingDependencyError: none is.
        """
        for name in names:
            path = shutil.which(name)
            if path is not None:
                return cls(name, path)
        raise MissingDependencyError(
            "a container", " or ".join(names), install="https://docs.docker.com/engine/install/"
        )

    def run(self, *arguments: str, seconds: float = _SECONDS) -> str:
        """What the command writes.

        Raises:
            DeploymentError: it fails, and the message is what it says; or it takes too long.
        """
        done = self._done(*arguments, seconds=seconds)
        if done.returncode:
            raise DeploymentError(f"{self.name} {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def look(self, *arguments: str) -> str:
        """What the command writes, also when it fails since something has gone in the meantime."""
        return self._done(*arguments, seconds=_SECONDS).stdout

    def said(self, container: str, lines: int) -> str:
        """The last lines that a container has written to either of its streams."""
        done = self._done("logs", f"--tail={lines}", "--", container, seconds=_SECONDS)
        return f"{done.stdout}{done.stderr}"

    def containers(self, label: str) -> list[dict[str, Any]]:
        """All that is known of each container with a label, ``key`` or ``key=value``."""
        chosen = ("--all", "--no-trunc", f"--filter=label={label}", "--format={{.ID}}")
        found = self.run("ps", *chosen).split()
        return self.described(*found) if found else []

    def described(self, *containers: str) -> list[dict[str, Any]]:
        """All that is known of some containers; nothing of those that have gone."""
        try:
            return list(json.loads(self.look("inspect", "--type=container", "--", *containers)))
        except ValueError as exc:
            raise DeploymentError(f"{self.name} inspect wrote no JSON: {exc}") from None

    def _done(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.path, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DeploymentError(
                f"{self.name} {arguments[0]} has not ended after {seconds:g} seconds"
            ) from None
