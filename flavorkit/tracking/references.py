"""What the URIs of artifacts say.

=============================  ==============================================================
``runs:/ID/path``              an artifact of a run, or a model that the run logged
``models:/m-ID``               a logged model
``models:/name/3``             a version of a registered model
``models:/name/Production``    the newest version of a stage
``models:/name/latest``        the newest version
``models:/name@alias``         what an alias points at
``mlflow-artifacts:/path``     what a tracking server keeps
``s3://bucket/path`` ...       what an object store keeps
=============================  ==============================================================

All but the last two may go on with ``/path`` of a file in the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import names
from flavorkit.tracking.artifacts import choose
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_MODEL_ID = re.compile(r"m-[A-Za-z0-9_-]{1,62}")
_HEX_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class RunUri:
    """``runs:/ID/path``."""

    run_id: str
    path: ArtifactPath = ROOT


@dataclass(frozen=True, slots=True)
class LoggedModelUri:
    """``models:/m-ID``, perhaps with the path of a file in the model."""

    model_id: str
    path: ArtifactPath = ROOT


@dataclass(frozen=True, slots=True)
class RegisteredModelUri:
    """``models:/name/version``, ``/stage``, ``/latest`` or ``@alias``, perhaps with a path.

    At most one of version, stage and alias is set; none means the latest version.
    """

    name: str
    version: str | None = None
    stage: str | None = None
    alias: str | None = None
    path: ArtifactPath = ROOT


@dataclass(frozen=True, slots=True)
class PlaceUri:
    """A path, or the URI of a repository."""

    uri: str


ArtifactUri = RunUri | LoggedModelUri | RegisteredModelUri | PlaceUri


def parse(uri: str) -> ArtifactUri:
    """What a URI says. Nobody is asked whether it is there.

    Raises:
        InvalidArgumentError: it is malformed, or of a scheme that artifacts are not kept under.
    """
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match else ""
    if scheme == "runs":
        run_id, path = _first(_rest(uri, scheme))
        return RunUri(names.identifier(run_id, "a run"), path)
    if scheme == "models":
        return _parse_model(uri, _rest(uri, scheme))
    if not choose.is_known(uri):
        raise InvalidArgumentError(
            f"{uri!a} is no place of artifacts: write a path or runs:/, models:/,"
            " mlflow-artifacts:/, s3://, gs://, abfs(s)://"
        )
    return PlaceUri(uri)


def _parse_model(uri: str, rest: str) -> ArtifactUri:
    first, path = _first(rest)
    if _HEX_MODEL_ID.fullmatch(first) or (path == ROOT and _MODEL_ID.fullmatch(first)):
        return LoggedModelUri(first, path)
    name, at, alias = first.rpartition("@")
    if at and (path == ROOT or not _is_stage(path)):
        return RegisteredModelUri(names.model_name(name), alias=names.alias(alias), path=path)
    if path == ROOT:
        raise InvalidArgumentError(
            f"{uri!a} does not say which version: write models:/name/3, models:/name/latest,"
            " models:/name@alias, or models:/m-... for a logged model"
        )
    name, which, below = names.model_name(first), path.segments[0], ArtifactPath(path.segments[1:])
    if which.isascii() and which.isdecimal():
        return RegisteredModelUri(name, str(names.version_number(which)), path=below)
    if which.lower() == "latest":
        return RegisteredModelUri(name, path=below)
    return RegisteredModelUri(name, stage=names.stage(which), path=below)


def _is_stage(path: ArtifactPath) -> bool:
    """Whether what follows a name is a version of it, so that its ``@`` is a part of the name."""
    which = path.segments[0].lower()
    known = {"latest", *(stage.lower() for stage in names.STAGES)}
    return which in known or (which.isascii() and which.isdecimal())


def _rest(uri: str, scheme: str) -> str:
    rest = uri[len(scheme) + 1 :]
    if not rest.startswith("/") or rest.startswith("//"):
        raise InvalidArgumentError(f"{uri!a} is malformed: write {scheme}:/...")
    return rest[1:]


def _first(rest: str) -> tuple[str, ArtifactPath]:
    """The first segment, and the path after it."""
    first, _, path = rest.partition("/")
    return first, ArtifactPath.parse_folder(path.removesuffix("/"))
