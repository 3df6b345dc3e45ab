"""Where a run comes from: whose it is, which program, at which commit."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flavorkit.tracking import actor, environ
from flavorkit.tracking.tags import (
    GIT_BRANCH,
    GIT_COMMIT,
    GIT_REPO_URL,
    SOURCE_NAME,
    SOURCE_TYPE,
    USER,
)
from flavorkit.tracking.values import texts

_GIT_SECONDS = 5
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


def tags(given: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The tags of a new run: what can be found out, and over that what the caller gives."""
    program = sys.argv[0] if sys.argv and sys.argv[0] else None
    return {
        USER: environ.text("TRACKING_USERNAME") or actor.current() or "unknown",
        SOURCE_NAME: program or "<console>",
        SOURCE_TYPE: "LOCAL",
        **(_of_repository(program, str(Path.cwd())) if program else {}),
        **texts(given),
    }


@cache
def _of_repository(program: str, working_folder: str) -> dict[str, str]:
    """The commit, the branch and the origin of the repository that a program is a part of."""
    path = Path(working_folder, program)
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir() or not any((at / ".git").exists() for at in (folder, *folder.parents)):
        return {}
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit or _git(folder, "check-ignore", "--quiet", "--", str(path)) is not None:
        return {}
    found = {GIT_COMMIT: commit}
    branch = _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if branch:
        found[GIT_BRANCH] = branch
    remote = (_git(folder, "remote") or "").partition("\n")[0]
    url = _git(folder, "config", "--get", f"remote.{remote}.url") if remote else None
    if url:
        found[GIT_REPO_URL] = _CREDENTIALS.sub("", url)
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails, is missing, or takes too long."""
    try:
        # A repository may name programs that git runs to watch its files; none is run for this.
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
