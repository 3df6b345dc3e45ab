"""Endpoints of model versions."""

from __future__ import annotations

from typing import Any

from flavorkit.tracking.server import sources
from flavorkit.tracking.server.endpoints.experiments import page
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import registry
from flavorkit.tracking.wire.values import Json


def create(service: Service, given: dict[str, Any]) -> Json:
    """Publish the next version."""
    source = sources.resolve(service.store, given["source"], given["run_id"], given["model_id"])
    version = service.store.create_model_version(
        given["name"],
        source.uri,
        run_id=source.run_id,
        tags=dict(given["tags"]),
        run_link=given["run_link"] or None,
        description=given["description"],
        model_id=source.model_id,
    )
    return {"model_version": registry.version_to_json(version)}


def get(service: Service, given: dict[str, Any]) -> Json:
    """One by its model and number."""
    version = service.store.get_model_version(given["name"], given["version"])
    return {"model_version": registry.version_to_json(version)}


def update(service: Service, given: dict[str, Any]) -> Json:
    """Describe it."""
    version = service.store.update_model_version(
        given["name"], given["version"], given["description"]
    )
    return {"model_version": registry.version_to_json(version)}


def transition_stage(service: Service, given: dict[str, Any]) -> Json:
    """Give it a stage."""
    version = service.store.transition_model_version_stage(
        given["name"], given["version"], given["stage"], given["archive_existing_versions"]
    )
    return {"model_version": registry.version_to_json(version)}


def delete(service: Service, given: dict[str, Any]) -> Json:
    """Delete it for good."""
    service.store.delete_model_version(given["name"], given["version"])
    return {}


def search(service: Service, given: dict[str, Any]) -> Json:
    """A page of those that a filter lets through."""
    found = service.store.search_model_versions(
        given["filter"], given["max_results"], given["order_by"], given["page_token"] or None
    )
    return page("model_versions", [registry.version_to_json(one) for one in found], found.token)


def set_tag(service: Service, given: dict[str, Any]) -> Json:
    """Set a tag."""
    service.store.set_model_version_tag(
        given["name"], given["version"], given["key"], given["value"]
    )
    return {}


def delete_tag(service: Service, given: dict[str, Any]) -> Json:
    """Delete a tag."""
    service.store.delete_model_version_tag(given["name"], given["version"], given["key"])
    return {}


def download_uri(service: Service, given: dict[str, Any]) -> Json:
    """Where its files are."""
    uri = service.store.get_model_version_download_uri(given["name"], given["version"])
    return {"artifact_uri": uri}
