"""The files of runs and logged models, by a client."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flavorkit.errors import NotFoundError
from flavorkit.tracking import defaults
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.client.progress import Progress
from flavorkit.tracking.entities import FileInfo

if TYPE_CHECKING:
    from flavorkit.tracking.artifacts.paths import ArtifactPath
    from flavorkit.tracking.artifacts.repository import ArtifactRepository
    from flavorkit.tracking.uris import Located


class Artifacts(Connection):
    """What a client does with files."""

    def log_artifact(
        self, run_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy a file, or a folder under its own name, to the artifacts of a run.

        Args:
            run_id: of the run.
            local_path: of the file or folder on this machine.
            artifact_path: the folder of the run to put it into.

        Raises:
            NotFoundError: there is no such file, or no such run.
            InvalidArgumentError: ``artifact_path`` is no relative path.
        """
        _upload_one(self._of_run(run_id), Path(local_path), artifact_path)

    def log_artifacts(
        self, run_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy what is in a folder to the artifacts of a run; see :meth:`log_artifact`."""
        _upload(self._of_run(run_id), Path(local_dir), artifact_path)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What is directly in a folder of a run, or in its root; nothing if it is a file.

        The name of a model that the run has logged is such a folder too.
        """
        found = _list(self._of_run(run_id), path)
        if found or not normal(path or ""):
            return found
        with contextlib.suppress(NotFoundError):
            located = self._logged_by(run_id, normal(path or ""))
            return [
                replace(one, path=f"{normal(path or '')}/{Path(one.path).name}")
                for one in located.repository.list(located.path)
            ]
        return found

    def has_artifact(self, run_id: str, path: str) -> bool:
        """Whether there is a file or a folder at ``path`` among those of the run itself."""
        from flavorkit.tracking.artifacts.paths import ArtifactPath

        return self._of_run(run_id).stat(ArtifactPath.parse(normal(path))) is not None

    def download_artifacts(self, run_id: str, path: str, dst_path: str | Path | None = None) -> str:
        """Copy a file or a folder of a run to this machine; return where it is.

        Args:
            run_id: of the run.
            path: of the file or folder, or the name of a model that the run has logged; empty for
                all files.
            dst_path: the folder to copy to; if None, what is on this machine already is used where
                it is, and other files are copied to a new temporary folder.

        Raises:
            NotFoundError: there is nothing at ``path``.
        """
        from flavorkit.tracking.artifacts.paths import ArtifactPath

        wanted = ArtifactPath.parse_folder(normal(path or ""))
        try:
            return fetched(self._of_run(run_id), wanted, dst_path)
        except NotFoundError:
            if not wanted.segments:
                raise
            located = self._logged_by(run_id, str(wanted))
            return fetched(located.repository, located.path, dst_path)

    def _logged_by(self, run_id: str, path: str) -> Located:
        """Where a model is that a run has logged, or a file of it."""
        from flavorkit.tracking import uris

        return uris.locate(f"runs:/{run_id}/{path}", self._tracking_uri, self._registry_uri)

    def log_model_artifact(
        self, model_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy a file, or a folder under its own name, to the files of a logged model."""
        _upload_one(self._of_model(model_id), Path(local_path), artifact_path)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Copy what is in a folder to the files of a logged model."""
        _upload(self._of_model(model_id), Path(local_dir), artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """What is directly in a folder of a logged model, or in its root."""
        return _list(self._of_model(model_id), path)

    def _put(self, run_id: str, artifact_file: str, chunks: Iterable[bytes]) -> None:
        """Write a file of a run."""
        from flavorkit.tracking.artifacts.paths import ArtifactPath

        self._of_run(run_id).put(ArtifactPath.parse(normal(artifact_file)), chunks)

    def _of_run(self, run_id: str) -> ArtifactRepository:
        return self._repository(_root_of_run(self._tracking_uri, run_id))

    def _of_model(self, model_id: str) -> ArtifactRepository:
        return self._repository(_root_of_model(self._tracking_uri, model_id))

    def _repository(self, uri: str) -> ArtifactRepository:
        from flavorkit.tracking.artifacts import choose

        return choose.repository(uri, self._tracking_uri)


# Where the files of a run are does not change, and asking costs as much as sending a small one.
@lru_cache(maxsize=1024)
def _root_of_run(tracking_uri: str, run_id: str) -> str:
    return defaults.store(tracking_uri).get_run(run_id).info.artifact_uri


@lru_cache(maxsize=1024)
def _root_of_model(tracking_uri: str, model_id: str) -> str:
    return defaults.store(tracking_uri).get_logged_model(model_id).artifact_location


def normal(artifact_path: str) -> str:
    """A path as MLflow takes it: ``./plots//roc.png`` is ``plots/roc.png``."""
    text = str(artifact_path)
    parts = [part for part in text.split("/") if part not in {"", "."}]
    return "/".join(parts) if not text.startswith("/") else text


def fetched(repository: ArtifactRepository, path: ArtifactPath, dst_path: str | Path | None) -> str:
    """A file or a folder of a repository, on this machine: where it is.

    What is on this machine already is used where it is, unless ``dst_path`` says where to copy it.
    """
    from flavorkit.tracking.artifacts import transfer
    from flavorkit.tracking.uris import Located

    if dst_path is None:
        local = Located(repository, path).local
        if local is not None:
            return str(local)
        dst_path = tempfile.mkdtemp(prefix="flavorkit-")
    folder = Path(dst_path)
    folder.mkdir(parents=True, exist_ok=True)
    with Progress("fetching") as progress:
        target = folder / path.name
        return str(transfer.download(repository, path, target, progress, merge=True))


def _upload_one(
    repository: ArtifactRepository, local_path: Path, artifact_path: str | None
) -> None:
    if local_path.is_dir():
        name = local_path.resolve().name
        artifact_path = f"{artifact_path}/{name}" if artifact_path else name
    _upload(repository, local_path, artifact_path)


def _upload(repository: ArtifactRepository, local_path: Path, artifact_path: str | None) -> None:
    from flavorkit.tracking.artifacts import transfer
    from flavorkit.tracking.artifacts.paths import ArtifactPath

    folder = ArtifactPath.parse_folder(normal(artifact_path or ""))
    with Progress("sending") as progress:
        if local_path.is_dir():
            transfer.upload_folder(repository, local_path, folder, progress)
        else:
            transfer.upload_file(repository, local_path, folder / local_path.name, progress)


def _list(repository: ArtifactRepository, path: str | None) -> list[FileInfo]:
    from flavorkit.tracking.artifacts.paths import ArtifactPath

    return repository.list(ArtifactPath.parse_folder(normal(path or "")))
