"""Files between this machine and a place of artifacts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ArtifactPath
from flavorkit.tracking.artifacts.repository import CHUNK_BYTES, ArtifactRepository


def repository_at(uri: str, tracking_uri: str) -> ArtifactRepository:
    """The place of artifacts at a URI.

    Raises:
        InvalidArgumentError: there is none of that kind.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"", "file"}:
        raise InvalidArgumentError(f"there is no place of artifacts at {uri}")
    return LocalArtifactRepository(Path(unquote(parts.path) if parts.scheme else uri))


def upload_folder(repository: ArtifactRepository, path: ArtifactPath, folder: Path) -> None:
    """Copy what is in a folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            upload_file(repository, path / file.relative_to(folder).as_posix(), file)


def upload_file(repository: ArtifactRepository, path: ArtifactPath, file: Path) -> None:
    """Copy a file."""
    with file.open("rb") as stream:
        repository.put(path, iter(lambda: stream.read(CHUNK_BYTES), b""))


def download(repository: ArtifactRepository, path: ArtifactPath, dst: Path | None) -> Path:
    """Copy a file or a folder to this machine; return where it is."""
    target = Path(tempfile.mkdtemp(prefix="flavorkit-")) if dst is None else dst
    found = repository.stat(path)
    if found is None:
        raise NotFoundError(f"there is nothing at {path} below {repository.uri}")
    for info in repository.walk(path):
        local = target / info.path
        local.parent.mkdir(parents=True, exist_ok=True)
        with repository.open(ArtifactPath.parse(info.path)) as reader, local.open("wb") as stream:
            for chunk in reader:
                stream.write(chunk)
    return target / str(path)
