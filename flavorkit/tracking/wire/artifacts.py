"""Artifacts on the wire."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from flavorkit.tracking.entities import FileInfo
from flavorkit.tracking.wire.calls import Call
from flavorkit.tracking.wire.requests import Message, optional, required, text
from flavorkit.tracking.wire.values import Json, read_integer

_PROXY = "mlflow-artifacts"
_PATH = Message(artifact_path=required(text))

LIST = Call(
    "GET",
    "mlflow/artifacts/list",
    Message(
        {"run_uuid": "run_id"},
        run_id=required(text),
        path=optional(text),
        page_token=optional(text),
    ),
)
PROXY_LIST = Call("GET", f"{_PROXY}/artifacts", Message(path=optional(text)))
DOWNLOAD = Call("GET", f"{_PROXY}/artifacts/{{artifact_path:path}}", _PATH)
UPLOAD = Call("PUT", f"{_PROXY}/artifacts/{{artifact_path:path}}", _PATH)
DELETE = Call("DELETE", f"{_PROXY}/artifacts/{{artifact_path:path}}", _PATH)

# What servers in front of an object store offer: a client falls back when told that there is none.
BEGIN_PARTS = Call("POST", f"{_PROXY}/mpu/create/{{artifact_path:path}}", _PATH)
COMPLETE_PARTS = Call("POST", f"{_PROXY}/mpu/complete/{{artifact_path:path}}", _PATH)
ABORT_PARTS = Call("POST", f"{_PROXY}/mpu/abort/{{artifact_path:path}}", _PATH)
PRESIGNED = Call("GET", f"{_PROXY}/presigned/{{artifact_path:path}}", _PATH)
PRESIGNED_DOWNLOAD = Call("POST", "mlflow/artifacts/presigned-download-url")
PRESIGNED_UPLOAD = Call("POST", "mlflow/artifacts/presigned-upload-url")


def to_json(info: FileInfo, path: str | None = None) -> Json:
    """A file or folder as MLflow writes it.

    Args:
        info: what it is.
        path: what to call it instead.
    """
    content: Json = {"path": info.path if path is None else path, "is_dir": info.is_dir}
    if info.file_size is not None:
        content["file_size"] = info.file_size
    return content


def from_json(content: Mapping[str, Any], folder: str = "") -> FileInfo:
    """The file or folder that a server wrote, whose path is below ``folder``."""
    return FileInfo(
        posixpath.join(folder, content["path"]),
        bool(content.get("is_dir", False)),
        read_integer(content.get("file_size")),
    )
