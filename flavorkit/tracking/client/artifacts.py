"""The files of runs and logged models, by a client."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flavorkit.errors import NotFoundError
from flavorkit.tracking.client.connection import Connection
from flavorkit.tracking.entities import FileInfo

if TYPE_CHECKING:
    from flavorkit.tracking.artifacts.repository import ArtifactRepository


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
        """What is directly in a folder of a run, or in its root; nothing if it is a file."""
        return _list(self._of_run(run_id), path)

    def download_artifacts(self, run_id: str, path: str, dst_path: str | Path | None = None) -> str:
        """Copy a file or a folder of a run to this machine; return where it is.

        Args:
            run_id: of the run.
            path: of the file or folder; empty for all of them.
            dst_path: the folder to copy to; a new temporary one if None.

        Raises:
            NotFoundError: there is nothing at ``path``.
        """
        return _download(self._of_run(run_id), path, dst_path)

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

    def download_uri(self, uri: str, dst_path: str | Path | None = None) -> str:
        """Copy the file or the folder at a URI to this machine; return where it is."""
        root, path = self._place(uri)
        return _download(root, path, dst_path)

    def list_uri(self, uri: str) -> list[FileInfo]:
        """What is directly in the folder at a URI."""
        root, path = self._place(uri)
        return _list(root, path)

    def _place(self, uri: str) -> tuple[ArtifactRepository, str]:
        kind, _, reference = uri.partition(":/")
        name, _, path = reference.strip("/").partition("/")
        if kind == "runs":
            return self._of_run(name), path
        return self._repository(uri), ""

    def _put(self, run_id: str, artifact_file: str, chunks: Iterable[bytes]) -> None:
        """Write a file of a run."""
        from flavorkit.tracking.artifacts.paths import ArtifactPath

        self._of_run(run_id).put(ArtifactPath.parse(normal(artifact_file)), chunks)

    def _of_run(self, run_id: str) -> ArtifactRepository:
        return self._repository(self._store.get_run(run_id).info.artifact_uri)

    def _of_model(self, model_id: str) -> ArtifactRepository:
        return self._repository(self._store.get_logged_model(model_id).artifact_location)

    def _repository(self, uri: str) -> ArtifactRepository:
        from flavorkit.tracking.client.transfers import repository_at

        return repository_at(uri, self._tracking_uri)


def normal(artifact_path: str) -> str:
    """A path as MLflow takes it: ``./plots//roc.png`` is ``plots/roc.png``."""
    return "/".join(part for part in str(artifact_path).split("/") if part not in {"", "."})


def _upload_one(
    repository: ArtifactRepository, local_path: Path, artifact_path: str | None
) -> None:
    if local_path.is_dir():
        name = local_path.resolve().name
        artifact_path = f"{artifact_path}/{name}" if artifact_path else name
    _upload(repository, local_path, artifact_path)


def _upload(repository: ArtifactRepository, local_path: Path, artifact_path: str | None) -> None:
    from flavorkit.tracking.artifacts.paths import ArtifactPath
    from flavorkit.tracking.client import transfers as transfer

    if not local_path.exists():
        raise NotFoundError(f"there is no file or folder {local_path} to log")
    folder = ArtifactPath.parse_folder(normal(artifact_path or ""))
    if local_path.is_dir():
        transfer.upload_folder(repository, folder, local_path)
    else:
        transfer.upload_file(repository, folder / local_path.name, local_path)


def _list(repository: ArtifactRepository, path: str | None) -> list[FileInfo]:
    from flavorkit.tracking.artifacts.paths import ArtifactPath

    return repository.list(ArtifactPath.parse_folder(normal(path or "")))


def _download(repository: ArtifactRepository, path: str | None, dst_path: str | Path | None) -> str:
    from flavorkit.tracking.artifacts.paths import ArtifactPath
    from flavorkit.tracking.client import transfers as transfer

    wanted = ArtifactPath.parse_folder(normal(path or ""))
    return str(transfer.download(repository, wanted, None if dst_path is None else Path(dst_path)))
