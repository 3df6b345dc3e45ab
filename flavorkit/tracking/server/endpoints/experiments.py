"""Endpoints of experiments."""

from __future__ import annotations

from typing import Any

from flavorkit.errors import NotFoundError
from flavorkit.tracking.entities import ViewType
from flavorkit.tracking.server import sources
from flavorkit.tracking.server.service import Service
from flavorkit.tracking.wire import experiments
from flavorkit.tracking.wire.values import Json


def create(service: Service, given: dict[str, Any]) -> Json:
    """Make one."""
    place = given["artifact_location"] or None
    if place is not None:
        sources.check_location(place)
    experiment_id = service.store.create_experiment(given["name"], place, dict(given["tags"]))
    return {"experiment_id": experiment_id}


def get(service: Service, given: dict[str, Any]) -> Json:
    """One by its id."""
    experiment = service.store.get_experiment(given["experiment_id"])
    return {"experiment": experiments.to_json(experiment)}


def get_by_name(service: Service, given: dict[str, Any]) -> Json:
    """One by its name."""
    name = given["experiment_name"]
    experiment = service.store.get_experiment_by_name(name)
    if experiment is None:
        raise NotFoundError(f"Could not find experiment with name {name[:300]!r}")
    return {"experiment": experiments.to_json(experiment)}


def search(service: Service, given: dict[str, Any]) -> Json:
    """A page of those that a filter lets through."""
    found = service.store.search_experiments(
        ViewType.from_string(given["view_type"]),
        given["max_results"],
        given["filter"],
        order_by=given["order_by"],
        page_token=given["page_token"] or None,
    )
    return page("experiments", [experiments.to_json(one) for one in found], found.token)


def update(service: Service, given: dict[str, Any]) -> Json:
    """Rename one."""
    service.store.rename_experiment(given["experiment_id"], given["new_name"])
    return {}


def delete(service: Service, given: dict[str, Any]) -> Json:
    """Put one into the bin."""
    service.store.delete_experiment(given["experiment_id"])
    return {}


def restore(service: Service, given: dict[str, Any]) -> Json:
    """Take one out of the bin."""
    service.store.restore_experiment(given["experiment_id"])
    return {}


def set_tag(service: Service, given: dict[str, Any]) -> Json:
    """Set a tag."""
    service.store.set_experiment_tag(given["experiment_id"], given["key"], given["value"])
    return {}


def delete_tag(service: Service, given: dict[str, Any]) -> Json:
    """Delete a tag."""
    service.store.delete_experiment_tag(given["experiment_id"], given["key"])
    return {}


def page(name: str, items: list[Json], token: str | None) -> Json:
    """A page of results; a list without items is left out, as MLflow does."""
    content: Json = {name: items} if items else {}
    if token:
        content["next_page_token"] = token
    return content
