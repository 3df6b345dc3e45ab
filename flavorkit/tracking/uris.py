"""Where ``runs:``, ``models:`` and the like lead to, and the files that are there."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking import defaults
from flavorkit.tracking.artifacts import choose, transfer
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from flavorkit.tracking.artifacts.repository import ArtifactRepository
from flavorkit.tracking.artifacts.transfer import Progress
from flavorkit.tracking.entities import LoggedModel
from flavorkit.tracking.references import (
    LoggedModelUri,
    PlaceUri,
    RegisteredModelUri,
    RunUri,
    parse,
)
from flavorkit.tracking.store import RegistryStore, Store

MAX_STEPS = 8


@dataclass(frozen=True)
class Located:
    """Where artifacts are.

    Args:
        repository: that has them.
        path: of the file or folder in it.
    """

    repository: ArtifactRepository
    path: ArtifactPath

    @property
    def local(self) -> Path | None:
        """The file or folder itself, if it is on this machine and no link leads to it."""
        if not isinstance(self.repository, LocalArtifactRepository):
            return None
        if self.repository.stat(self.path) is None or not self.repository.folder.is_dir():
            return None
        return self.repository.folder.joinpath(*self.path.segments)


def locate(uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Located:
    """Where the artifacts of a URI are, after asking the stores.

    Args:
        uri: as :func:`flavorkit.tracking.references.parse` reads it.
        tracking_uri: of the store of runs and logged models; the one of this process if None.
        registry_uri: of the store of registered models; the one of this process if None.

    Raises:
        NotFoundError: there is no such run, model, version, alias, file of this machine.
        InvalidArgumentError: the URI is malformed, or leads in a circle.
    """
    tracking_uri = tracking_uri or defaults.tracking_uri()
    resolver = _Resolver(tracking_uri, registry_uri or defaults.registry_uri(tracking_uri))
    return resolver.locate(uri)


def download(
    uri: str,
    dst: Path | None = None,
    *,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """The file or folder that a URI names, on this machine.

    Args:
        uri: as :func:`flavorkit.tracking.references.parse` reads it.
        dst: what it will be called here. If None, what is on this machine already is used where it
            is, and what is not goes to a folder that is deleted when the process ends.
        tracking_uri: of the store of runs and logged models.
        registry_uri: of the store of registered models.
        progress: is told how far it has come.

    Raises:
        NotFoundError: there is nothing there.
        PathOccupiedError: ``dst`` is taken.
        IntegrityError: a file of a model is not what its manifest says.
    """
    located = locate(uri, tracking_uri, registry_uri)
    local = located.local
    if dst is None and local is not None:
        return local
    name = located.path.name or "artifacts"
    target = dst if dst is not None else _scratch_folder() / name
    return transfer.download(located.repository, located.path, target, progress)


def fetch(uri: str, dst: Path | None) -> Path:
    """The folder of a model, for :mod:`flavorkit.uris`."""
    folder = download(uri, dst)
    if not folder.is_dir():
        raise NotFoundError(f"{uri} is a file, not the folder of a model")
    return folder


class _Resolver:
    """Follows references until one names a place.

    Whoever gave a reference keeps what is at ``mlflow-artifacts:``.
    """

    def __init__(self, tracking_uri: str, registry_uri: str) -> None:
        self._tracking_uri, self._registry_uri = tracking_uri, registry_uri

    def locate(self, uri: str) -> Located:
        parsed = parse(uri)
        if isinstance(parsed, PlaceUri):
            return _place(uri, self._tracking_uri)
        path, seen, given_by = ROOT, [uri], self._tracking_uri
        while not isinstance(parsed, PlaceUri):
            if isinstance(parsed, RunUri):
                found = self._of_run(parsed, path)
                if isinstance(found, Located):
                    return found
                uri, path = found
            elif isinstance(parsed, LoggedModelUri):
                uri, path = self._location(parsed.model_id), parsed.path / path
                given_by = self._tracking_uri
            else:
                uri, path = self._source(parsed), parsed.path / path
                given_by = self._registry_uri
            if uri in seen or len(seen) >= MAX_STEPS:
                raise InvalidArgumentError(
                    f"{seen[0]} leads in a circle: {' -> '.join([*seen, uri])}"
                )
            seen.append(uri)
            parsed = parse(uri)
        return Located(choose.repository(uri, given_by), path)

    def _of_run(self, uri: RunUri, path: ArtifactPath) -> Located | tuple[str, ArtifactPath]:
        """An artifact of a run; where there is none, the model of that name that it logged."""
        run = self._run_store.get_run(uri.run_id)
        wanted = uri.path / path
        repository = choose.repository(run.info.artifact_uri, self._tracking_uri)
        if wanted == ROOT or _is_there(repository, wanted):
            return Located(repository, wanted)
        name, rest = wanted.segments[0], ArtifactPath(wanted.segments[1:])
        model = self._logged_by(run.info.experiment_id, uri.run_id, name)
        if model is None:
            raise NotFoundError(
                f"the run {uri.run_id} has no artifact at {wanted}, nor has it logged a model"
                f" {name!r}"
            )
        return f"models:/{model.model_id}", rest

    def _logged_by(self, experiment_id: str, run_id: str, name: str) -> LoggedModel | None:
        token: str | None = None
        while True:
            page = self._run_store.search_logged_models(
                [experiment_id], _named(name), page_token=token
            )
            for model in page:
                if model.source_run_id == run_id and model.name == name:
                    return model
            token = page.token
            if not token:
                return None

    def _location(self, model_id: str) -> str:
        return self._run_store.get_logged_model(model_id).artifact_location

    def _source(self, uri: RegisteredModelUri) -> str:
        version = version_meant(self._registry, uri)
        if version is None:
            which = "" if uri.stage is None else f" in the stage {uri.stage}"
            raise NotFoundError(f"the model {uri.name!r} has no version{which}")
        return self._registry.get_model_version_download_uri(uri.name, version)

    @property
    def _run_store(self) -> Store:
        return defaults.store(self._tracking_uri)

    @property
    def _registry(self) -> Store:
        return defaults.store(self._registry_uri)


def version_meant(registry: RegistryStore, uri: RegisteredModelUri) -> str | None:
    """The number of the version that a URI means now; None if there is none.

    One that the URI names by its number is not looked for.

    Raises:
        NotFoundError: there is no such registered model, or no such alias.
    """
    if uri.version is not None:
        return uri.version
    if uri.alias is not None:
        return registry.get_model_version_by_alias(uri.name, uri.alias).version
    found = registry.get_latest_versions(uri.name, None if uri.stage is None else [uri.stage])
    return max((version.version for version in found), key=int, default=None)


def settled(registry: RegistryStore, uri: RegisteredModelUri) -> str | None:
    """The URI with the number of the version that it means now; None if there is none.

    Raises:
        NotFoundError: there is no such registered model, or no such alias.
    """
    number = version_meant(registry, uri)
    if number is None:
        return None
    return "/".join((f"models:/{uri.name}/{number}", *uri.path.segments))


def _place(uri: str, tracking_uri: str) -> Located:
    """What a path or the URI of a repository names, be it a file."""
    folder = choose.local_folder(uri)
    if folder is not None:
        if folder.is_dir():
            return Located(LocalArtifactRepository(folder), ROOT)
        if folder.is_file():
            return Located(LocalArtifactRepository(folder.parent), ArtifactPath((folder.name,)))
        raise NotFoundError(f"there is nothing at {uri}")
    whole = choose.repository(uri, tracking_uri)
    parent, _, name = uri.rstrip("/").rpartition("/")
    if not parent or parent.endswith("/"):  # a bucket, or all that a server keeps
        return Located(whole, ROOT)
    return Located(choose.repository(parent, tracking_uri), ArtifactPath.parse(name))


def _is_there(repository: ArtifactRepository, path: ArtifactPath) -> bool:
    return repository.stat(path) is not None


def _named(name: str) -> str | None:
    """A filter for a name; None for one that no filter can hold, and so for all names."""
    for quote in "'\"":
        if quote not in name:
            return f"name = {quote}{name}{quote}"
    return None


def _scratch_folder() -> Path:
    """A folder that is removed when this process ends; not by one that was forked from it."""
    folder, owner = Path(tempfile.mkdtemp(prefix="flavorkit-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)

    atexit.register(remove)
    return folder
