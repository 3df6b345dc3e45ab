"""What the source of a model version says, and what a logged model notes of its versions.

What a source says is read here; what it leads to is for each store to find out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError

VERSIONS_TAG = "mlflow.modelVersions"
"""The tag of a logged model that says, as JSON, under which names and numbers it is registered."""

_LOGGED_MODEL = re.compile(r"models:/+(?P<model_id>m-[0-9A-Za-z]+)/?\Z")
_VERSION = re.compile(r"models:/+(?P<name>[^/@]+)/(?P<version>[0-9]{1,9})/?\Z")
_RUN = re.compile(r"runs:/+(?P<run_id>[^/]+)/(?P<path>.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OfLoggedModel:
    """``models:/m-...``."""

    model_id: str


@dataclass(frozen=True, slots=True)
class OfVersion:
    """``models:/name/3``."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class OfRun:
    """``runs:/ID/name/...``: a model that the run logged under the name, or files of the run."""

    run_id: str
    name: str
    below: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The whole path below the run."""
        return (self.name, *self.below)


def parse(source: str) -> OfLoggedModel | OfVersion | OfRun | None:
    """What a source refers to; None if it is a place.

    Raises:
        InvalidArgumentError: its path leaves the run.
    """
    if match := _LOGGED_MODEL.match(source):
        return OfLoggedModel(match["model_id"])
    if match := _VERSION.match(source):
        return OfVersion(match["name"], int(match["version"]))
    if match := _RUN.match(source):
        name, *below = match["path"].rstrip("/").split("/")
        steps = {name, *below}
        if steps & {"", ".", ".."} or re.search(r"[\\?#]", match["path"]):
            raise InvalidArgumentError(f"{source!r} is no path below a run")
        return OfRun(match["run_id"], name, tuple(below))
    return None


def noted(before: str | None, name: str, version: str) -> str:
    """The value of the tag ``VERSIONS_TAG`` with one more version.

    Args:
        before: the value so far, whatever people have made of it.
        name: of the registered model.
        version: its number.
    """
    try:
        known = json.loads(before or "[]")
    except (ValueError, RecursionError):
        known = []
    known = [*(known if isinstance(known, list) else ())]
    return json.dumps([*known, {"name": name, "version": version}])
