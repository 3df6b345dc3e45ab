"""Endpoints that say which artifacts there are."""

from __future__ import annotations

import posixpath
from typing import Any

from flavorkit.tracking.artifacts.paths import ArtifactPath
from flavorkit.tracking.server import places
from flavorkit.tracking.server.endpoints.experiments import page
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import artifacts
from flavorkit.tracking.wire.values import Json


def of_run(service: Service, given: dict[str, Any]) -> Json:
    """A folder of the artifacts of a run, with paths from the run's root."""
    run = service.store.get_run(given["run_id"])
    return _below(service, run.info.artifact_uri, given["path"])


def of_logged_model(service: Service, given: dict[str, Any]) -> Json:
    """A folder of the artifacts of a logged model."""
    model = service.store.get_logged_model(given["model_id"])
    return _below(service, model.artifact_location, given["artifact_directory_path"])


def proxied(service: Service, given: dict[str, Any]) -> Json:
    """A folder of what clients have sent, with paths from that folder."""
    folder = ArtifactPath.parse_folder((given["path"] or "").strip("/"))
    found = service.places.storage.list(folder)
    return page(
        "files", [artifacts.to_json(info, posixpath.basename(info.path)) for info in found], None
    )


def _below(service: Service, root: str, path: str | None) -> Json:
    below = ArtifactPath.parse_folder(path)
    storage, base = service.places.find(root)
    found = storage.list(places.inside(base, path))
    files = [artifacts.to_json(info, str(below / posixpath.basename(info.path))) for info in found]
    return {**page("files", files, None), "root_uri": root}
