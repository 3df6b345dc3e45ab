"""Registered models and their versions on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flavorkit.tracking.entities import (
    ModelVersion,
    ModelVersionStatus,
    RegisteredModel,
    RegistryChange,
)
from flavorkit.tracking.wire.values import Json, pairs, read_pairs

_LOGGED_MODEL = re.compile(r"models:/(m-[A-Za-z0-9]{1,64})/?\Z")


def version_to_json(version: ModelVersion) -> Json:
    """A model version as MLflow writes it."""
    content: Json = {
        "name": version.name,
        "version": version.version,
        "creation_timestamp": version.creation_timestamp,
        "last_updated_timestamp": version.last_updated_timestamp,
        "current_stage": version.current_stage,
        "source": version.source,
        "status": version.status,
    }
    for name in ("user_id", "description", "run_id", "status_message", "run_link", "model_id"):
        value = getattr(version, name)
        if value is not None:
            content[name] = value
    if version.tags:
        content["tags"] = pairs(version.tags)
    if version.aliases:
        content["aliases"] = list(version.aliases)
    return content


def version_from_json(content: Mapping[str, Any]) -> ModelVersion:
    """The model version that a server wrote.

    MLflow's servers leave out which logged model it is; where its source is one, that tells.
    """
    source = content.get("source", "")
    logged = _LOGGED_MODEL.match(source)
    return ModelVersion(
        name=content["name"],
        version=str(content["version"]),
        creation_timestamp=int(content.get("creation_timestamp", 0)),
        last_updated_timestamp=int(content.get("last_updated_timestamp", 0)),
        description=content.get("description"),
        user_id=content.get("user_id") or None,
        current_stage=content.get("current_stage") or "None",
        source=source,
        run_id=content.get("run_id") or None,
        status=content.get("status", ModelVersionStatus.READY),
        status_message=content.get("status_message") or None,
        tags=read_pairs(content.get("tags")),
        run_link=content.get("run_link") or None,
        aliases=tuple(content.get("aliases", ())),
        model_id=content.get("model_id") or (logged[1] if logged else None),
    )


def to_json(model: RegisteredModel) -> Json:
    """A registered model as MLflow writes it."""
    content: Json = {
        "name": model.name,
        "creation_timestamp": model.creation_timestamp,
        "last_updated_timestamp": model.last_updated_timestamp,
    }
    if model.description is not None:
        content["description"] = model.description
    if model.latest_versions:
        content["latest_versions"] = [version_to_json(one) for one in model.latest_versions]
    if model.tags:
        content["tags"] = pairs(model.tags)
    if model.aliases:
        content["aliases"] = [
            {"alias": alias, "version": version} for alias, version in model.aliases.items()
        ]
    return content


def from_json(content: Mapping[str, Any]) -> RegisteredModel:
    """The registered model that a server wrote."""
    return RegisteredModel(
        name=content["name"],
        creation_timestamp=int(content.get("creation_timestamp", 0)),
        last_updated_timestamp=int(content.get("last_updated_timestamp", 0)),
        description=content.get("description"),
        tags=read_pairs(content.get("tags")),
        aliases={one["alias"]: str(one["version"]) for one in content.get("aliases", ())},
        latest_versions=tuple(map(version_from_json, content.get("latest_versions", ()))),
    )


def change_to_json(change: RegistryChange) -> Json:
    """One change of an alias or a stage."""
    return {
        "name": change.name,
        "at": change.at,
        "user": change.user,
        "kind": change.kind,
        "subject": change.subject,
        "before": change.before,
        "after": change.after,
    }


def change_from_json(content: Mapping[str, Any]) -> RegistryChange:
    """The change that a server wrote."""
    return RegistryChange(
        name=content["name"],
        at=int(content["at"]),
        user=content["user"],
        kind=content["kind"],
        subject=content["subject"],
        before=content["before"],
        after=content["after"],
    )
