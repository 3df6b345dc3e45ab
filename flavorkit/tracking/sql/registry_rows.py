"""Rows of the registry by the names that users know, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update

from flavorkit.errors import NotFoundError
from flavorkit.tracking import actor
from flavorkit.tracking.entities import ModelVersion, RegisteredModel
from flavorkit.tracking.sql import clock
from flavorkit.tracking.sql.part import rows_of
from flavorkit.tracking.sql.schema import (
    aliases,
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
    registry_changes,
)

ALIAS, STAGE = "alias", "stage"


def versions_query() -> Select[Any]:
    """Versions, each with the name of its model."""
    return select(model_versions, registered_models.c.name).join(
        registered_models, registered_models.c.id == model_versions.c.model
    )


def registered_model_row(connection: Connection, name: str) -> Row[Any]:
    """The row of a registered model.

    Raises:
        NotFoundError: there is none.
    """
    query = select(registered_models).where(registered_models.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"there is no registered model named {name!r}")
    return row


def version_row(connection: Connection, name: str, version: int) -> Row[Any]:
    """The row of a version, and the name of its model.

    Raises:
        NotFoundError: there is none.
    """
    query = versions_query().where(
        registered_models.c.name == name, model_versions.c.version == version
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"the registered model {name!r} has no version {version}")
    return row


def version_entities(connection: Connection, rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    """Versions, from rows that have the name of the model as well."""
    ids = [row.id for row in rows]
    tags: dict[int, dict[str, str]] = {}
    table = model_version_tags
    for tag in rows_of(connection, select(table), table.c.version, ids):
        tags.setdefault(tag.version, {})[tag.key] = tag.value
    pointing: dict[int, list[str]] = {}
    query = select(aliases.c.version, aliases.c.alias).order_by(aliases.c.alias)
    for alias in rows_of(connection, query, aliases.c.version, ids):
        pointing.setdefault(alias.version, []).append(alias.alias)
    return [
        ModelVersion(
            name=row.name,
            version=str(row.version),
            creation_timestamp=row.creation_timestamp,
            last_updated_timestamp=row.last_updated_timestamp,
            description=row.description,
            user_id=row.user_id,
            current_stage=row.stage,
            source=row.source,
            run_id=row.run_id,
            status=row.status,
            status_message=row.status_message,
            tags=tags.get(row.id, {}),
            run_link=row.run_link,
            aliases=pointing.get(row.id, ()),
            model_id=row.model_id,
        )
        for row in rows
    ]


def registered_model_entities(
    connection: Connection, rows: Sequence[Row[Any]]
) -> list[RegisteredModel]:
    """Registered models, with the newest version of each stage."""
    ids = [row.id for row in rows]
    tags: dict[int, dict[str, str]] = {}
    table = registered_model_tags
    for tag in rows_of(connection, select(table), table.c.model, ids):
        tags.setdefault(tag.model, {})[tag.key] = tag.value
    pointing: dict[int, dict[str, str]] = {}
    query = (
        select(aliases.c.model, aliases.c.alias, model_versions.c.version)
        .join(model_versions, model_versions.c.id == aliases.c.version)
        .order_by(aliases.c.alias)
    )
    for alias in rows_of(connection, query, aliases.c.model, ids):
        pointing.setdefault(alias.model, {})[alias.alias] = str(alias.version)
    latest: dict[str, list[ModelVersion]] = {}
    for version in newest_of_stages(connection, ids):
        latest.setdefault(version.name, []).append(version)
    return [
        RegisteredModel(
            row.name,
            row.creation_timestamp,
            row.last_updated_timestamp,
            row.description,
            tags.get(row.id, {}),
            pointing.get(row.id, {}),
            latest.get(row.name, ()),
        )
        for row in rows
    ]


def newest_of_stages(connection: Connection, models: Sequence[int]) -> list[ModelVersion]:
    """Of each stage of each model the newest version."""
    newest = (
        select(
            model_versions.c.model.label("model"),
            func.max(model_versions.c.version).label("version"),
        )
        .group_by(model_versions.c.model, model_versions.c.stage)
        .subquery()
    )
    here = and_(
        newest.c.model == model_versions.c.model, newest.c.version == model_versions.c.version
    )
    query = versions_query().join(newest, here).order_by(model_versions.c.version)
    return version_entities(
        connection, list(rows_of(connection, query, model_versions.c.model, models))
    )


def touch(connection: Connection, model: int, now: int) -> None:
    """Note that a registered model has changed."""
    change = update(registered_models).where(registered_models.c.id == model)
    connection.execute(change.values(last_updated_timestamp=now))


def note_change(
    connection: Connection,
    model: int,
    kind: str,
    subject: str,
    *,
    before: str | None,
    after: str | None,
) -> None:
    """Note in the history what an alias or a stage meant before and means now."""
    if before != after:
        row = {
            "model": model,
            "at": clock.now(),
            "user_id": actor.current(),
            "kind": kind,
            "subject": subject,
            "before": before,
            "after": after,
        }
        connection.execute(insert(registry_changes), row)
