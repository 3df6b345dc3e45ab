"""Files by their URIs, wherever they are: ``runs:/...``, ``models:/...``, ``s3://...``, paths."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flavorkit import strict_yaml
from flavorkit.errors import InvalidArgumentError, MissingDependencyError
from flavorkit.tracking import uris
from flavorkit.tracking.client import FlavorkitClient
from flavorkit.tracking.client.artifacts import fetched
from flavorkit.tracking.entities import FileInfo

if TYPE_CHECKING:
    from PIL.Image import Image


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | Path | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Copy files to this machine; return where they are.

    Args:
        artifact_uri: of a file or a folder: ``runs:/RUN/path``, ``models:/NAME/VERSION``, ...
        run_id: of a run, instead.
        artifact_path: of a file or a folder of that run; all of them if None.
        dst_path: the folder to copy to; if None, what is on this machine already is used where it
            is, and other files are copied to a new temporary folder.
        tracking_uri: where runs are; the default if None.
        registry_uri: where registered models are; the default if None.

    Raises:
        InvalidArgumentError: not one of ``artifact_uri`` and ``run_id`` is given.
        NotFoundError: there is nothing there.
    """
    _check(artifact_uri, run_id, artifact_path)
    if run_id is not None:
        client = FlavorkitClient(tracking_uri, registry_uri)
        return client.download_artifacts(run_id, artifact_path or "", dst_path)
    located = uris.locate(str(artifact_uri), tracking_uri, registry_uri)
    return fetched(located.repository, located.path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """What is directly in a folder; see :func:`download_artifacts` for the arguments."""
    _check(artifact_uri, run_id, artifact_path)
    if run_id is not None:
        return FlavorkitClient(tracking_uri).list_artifacts(run_id, artifact_path)
    located = uris.locate(str(artifact_uri), tracking_uri)
    return located.repository.list(located.path)


def load_text(artifact_uri: str) -> str:
    """A file of text in UTF-8.

    Raises:
        InvalidArgumentError: it is none.
    """
    try:
        return _read(artifact_uri).decode()
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"{artifact_uri} is no text in UTF-8") from None


def load_dict(artifact_uri: str) -> Any:
    """A file of JSON, or of YAML if it ends in ``.yaml`` or ``.yml``.

    Raises:
        InvalidArgumentError: it is none.
    """
    text = load_text(artifact_uri)
    try:
        if artifact_uri.lower().endswith((".yaml", ".yml")):
            return strict_yaml.loads(text.encode(), path=artifact_uri)
        return json.loads(text)
    except ValueError as exc:
        raise InvalidArgumentError(f"{artifact_uri} cannot be read: {exc}") from None


def load_image(artifact_uri: str) -> Image:
    """An image of Pillow.

    Raises:
        InvalidArgumentError: it is no image.
        MissingDependencyError: Pillow is not installed.
    """
    try:
        import PIL
        import PIL.Image
    except ImportError:
        raise MissingDependencyError("loading an image", "Pillow") from None
    with TemporaryDirectory(prefix="flavorkit-") as folder:
        try:
            image = PIL.Image.open(download_artifacts(artifact_uri, dst_path=folder))
            image.load()
        except (PIL.UnidentifiedImageError, OSError, ValueError) as exc:
            raise InvalidArgumentError(f"{artifact_uri} is no image: {exc}") from None
        return image


def _read(artifact_uri: str) -> bytes:
    with TemporaryDirectory(prefix="flavorkit-") as folder:
        return Path(download_artifacts(artifact_uri, dst_path=folder)).read_bytes()


def _check(artifact_uri: str | None, run_id: str | None, artifact_path: str | None) -> None:
    if (artifact_uri is None) == (run_id is None):
        raise InvalidArgumentError("say which files: pass artifact_uri= or run_id=, and not both")
    if artifact_uri is not None and artifact_path is not None:
        raise InvalidArgumentError("artifact_path= goes with run_id=; write it into artifact_uri=")
