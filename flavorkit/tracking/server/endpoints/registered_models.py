"""Endpoints of registered models."""

from __future__ import annotations

from typing import Any

from flavorkit.tracking.server.endpoints.experiments import page
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import registry
from flavorkit.tracking.wire.values import Json


def create(service: Service, given: dict[str, Any]) -> Json:
    """Begin one."""
    model = service.store.create_registered_model(
        given["name"], dict(given["tags"]), given["description"]
    )
    return {"registered_model": registry.to_json(model)}


def get(service: Service, given: dict[str, Any]) -> Json:
    """One by its name."""
    return {"registered_model": registry.to_json(service.store.get_registered_model(given["name"]))}


def rename(service: Service, given: dict[str, Any]) -> Json:
    """Give it another name."""
    model = service.store.rename_registered_model(given["name"], given["new_name"])
    return {"registered_model": registry.to_json(model)}


def update(service: Service, given: dict[str, Any]) -> Json:
    """Describe it."""
    model = service.store.update_registered_model(given["name"], given["description"])
    return {"registered_model": registry.to_json(model)}


def delete(service: Service, given: dict[str, Any]) -> Json:
    """Delete it for good."""
    service.store.delete_registered_model(given["name"])
    return {}


def search(service: Service, given: dict[str, Any]) -> Json:
    """A page of those that a filter lets through."""
    found = service.store.search_registered_models(
        given["filter"], given["max_results"], given["order_by"], given["page_token"] or None
    )
    return page("registered_models", [registry.to_json(one) for one in found], found.token)


def latest_versions(service: Service, given: dict[str, Any]) -> Json:
    """Of each stage the newest version."""
    found = service.store.get_latest_versions(given["name"], given["stages"] or None)
    return page("model_versions", [registry.version_to_json(one) for one in found], None)


def set_tag(service: Service, given: dict[str, Any]) -> Json:
    """Set a tag."""
    service.store.set_registered_model_tag(given["name"], given["key"], given["value"])
    return {}


def delete_tag(service: Service, given: dict[str, Any]) -> Json:
    """Delete a tag."""
    service.store.delete_registered_model_tag(given["name"], given["key"])
    return {}


def set_alias(service: Service, given: dict[str, Any]) -> Json:
    """Point an alias at a version."""
    service.store.set_registered_model_alias(given["name"], given["alias"], given["version"])
    return {}


def delete_alias(service: Service, given: dict[str, Any]) -> Json:
    """Delete an alias."""
    service.store.delete_registered_model_alias(given["name"], given["alias"])
    return {}


def get_by_alias(service: Service, given: dict[str, Any]) -> Json:
    """The version that an alias points at."""
    version = service.store.get_model_version_by_alias(given["name"], given["alias"])
    return {"model_version": registry.version_to_json(version)}


def history(service: Service, given: dict[str, Any]) -> Json:
    """What its aliases and stages meant when."""
    changes = service.store.get_registry_history(given["name"])
    return {"changes": [registry.change_to_json(change) for change in changes]}
