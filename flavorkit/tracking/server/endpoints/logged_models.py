"""Endpoints of logged models."""

from __future__ import annotations

from typing import Any

from flavorkit.tracking.server.endpoints.experiments import page
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import logged_models
from flavorkit.tracking.wire.values import Json


def create(service: Service, given: dict[str, Any]) -> Json:
    """Begin one."""
    model = service.store.create_logged_model(
        given["experiment_id"],
        given["name"],
        source_run_id=given["source_run_id"] or None,
        tags=dict(given["tags"]),
        params=dict(given["params"]),
        model_type=given["model_type"] or None,
    )
    return {"model": logged_models.to_json(model)}


def get(service: Service, given: dict[str, Any]) -> Json:
    """One by its id."""
    return {"model": logged_models.to_json(service.store.get_logged_model(given["model_id"]))}


def finalize(service: Service, given: dict[str, Any]) -> Json:
    """Say how it ended."""
    status = logged_models.status_of(given["status"])
    model = service.store.finalize_logged_model(given["model_id"], status)
    return {"model": logged_models.to_json(model)}


def delete(service: Service, given: dict[str, Any]) -> Json:
    """Put one into the bin."""
    service.store.delete_logged_model(given["model_id"])
    return {}


def log_params(service: Service, given: dict[str, Any]) -> Json:
    """Add parameters."""
    service.store.log_logged_model_params(given["model_id"], dict(given["params"]))
    return {}


def set_tags(service: Service, given: dict[str, Any]) -> Json:
    """Set tags."""
    model = service.store.set_logged_model_tags(given["model_id"], dict(given["tags"]))
    return {"model": logged_models.to_json(model)}


def delete_tag(service: Service, given: dict[str, Any]) -> Json:
    """Delete a tag."""
    service.store.delete_logged_model_tag(given["model_id"], given["tag_key"])
    return {}


def search(service: Service, given: dict[str, Any]) -> Json:
    """A page of those that a filter lets through."""
    found = service.store.search_logged_models(
        given["experiment_ids"],
        given["filter"] or None,
        datasets=given["datasets"],
        max_results=given["max_results"],
        order_by=given["order_by"],
        page_token=given["page_token"] or None,
    )
    return page("models", [logged_models.to_json(one) for one in found], found.token)
