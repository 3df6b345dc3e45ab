"""Versions of registered models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking import actor, names
from flavorkit.tracking.entities import ModelVersion, ModelVersionStatus, PagedList
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import MODEL_VERSIONS, Kind
from flavorkit.tracking.search.grammar import parse_filter
from flavorkit.tracking.search.order import MODEL_VERSIONS_LAST, parse_order
from flavorkit.tracking.sql import clock, places
from flavorkit.tracking.sql.logged_models import LoggedModels
from flavorkit.tracking.sql.part import page_of
from flavorkit.tracking.sql.registry_rows import (
    ALIAS,
    STAGE,
    note_change,
    registered_model_row,
    touch,
    version_entities,
    version_row,
    versions_query,
)
from flavorkit.tracking.sql.schema import (
    aliases,
    logged_models,
    model_version_tags,
    model_versions,
    registered_models,
)
from flavorkit.tracking.sql.searching import Pairs, Searchable

_MAX_PAGE = 200_000
_ARCHIVED = "Archived"
_SEARCHABLE = Searchable(
    owner=model_versions.c.id,
    attributes={
        "name": registered_models.c.name,
        "run_id": model_versions.c.run_id,
        "source_path": model_versions.c.source,
        "version_number": model_versions.c.version,
        "creation_timestamp": model_versions.c.creation_timestamp,
        "last_updated_timestamp": model_versions.c.last_updated_timestamp,
    },
    pairs={Kind.TAG: Pairs(model_version_tags, "version")},
)


class ModelVersions(LoggedModels):
    """The methods of the store about versions; a logged model is told of its own."""

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        if not names.value(source, "the source of a version", names.MAX_SOURCE):
            raise InvalidArgumentError("the source of a version is not empty")
        if run_id:
            names.identifier(run_id, "a run")
        if model_id:
            names.identifier(model_id, "a logged model")
        kept = names.tags(tags or {}, "model version", names.MAX_MODEL_TAG_VALUE)
        names.value(run_link or "", "the link to a run", names.MAX_SOURCE)
        names.value(description or "", "a description", names.MAX_DESCRIPTION)

        def create(connection: Connection) -> ModelVersion:
            location, of_model = places.behind(connection, source, model_id)
            model, version = _next_version(connection, name)
            now = clock.now()
            row = {
                "model": model,
                "version": version,
                "creation_timestamp": now,
                "last_updated_timestamp": now,
                "description": description,
                "user_id": actor.current() or None,
                "stage": "None",
                "source": source,
                "location": location,
                "run_id": run_id or _source_run(connection, of_model),
                "run_link": run_link,
                "model_id": of_model,
                "status": ModelVersionStatus.READY.value,
            }
            done = connection.execute(insert(model_versions), row)
            (number,) = done.inserted_primary_key or (0,)
            rows = [{"version": number, "key": key, "value": text} for key, text in kept.items()]
            if rows:
                connection.execute(insert(model_version_tags), rows)
            if of_model:
                self._note_version(connection, of_model, name, version)
            return _get(connection, name, version)

        return self._database.write(create)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)
        return self._database.read(lambda connection: _get(connection, name, wanted))

    def update_model_version(
        self, name: str, version: str, description: str | None
    ) -> ModelVersion:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)
        names.value(description or "", "a description", names.MAX_DESCRIPTION)

        def describe(connection: Connection) -> ModelVersion:
            row = version_row(connection, name, wanted)
            _change(connection, row, description=description)
            return _get(connection, name, wanted)

        return self._database.write(describe, repeatable=True)

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted, stage = _checked(name, version), names.stage(stage)
        if archive_existing_versions and stage not in {"Staging", "Production"}:
            raise InvalidArgumentError(
                f"the versions in the stage {stage} are not archived: only those in Staging or"
                " Production are"
            )

        def move(connection: Connection) -> ModelVersion:
            touch(connection, registered_model_row(connection, name).id, clock.now())
            row = version_row(connection, name, wanted)
            moved = [(row, stage)]
            if archive_existing_versions:
                others = versions_query().where(
                    model_versions.c.model == row.model,
                    model_versions.c.stage == stage,
                    model_versions.c.id != row.id,
                )
                moved += [(other, _ARCHIVED) for other in connection.execute(others).all()]
            for one, to in moved:
                _change(connection, one, stage=to)
                note_change(
                    connection, one.model, STAGE, str(one.version), before=one.stage, after=to
                )
            return _get(connection, name, wanted)

        return self._database.write(move, repeatable=True)

    def delete_model_version(self, name: str, version: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)

        def remove(connection: Connection) -> None:
            touch(connection, registered_model_row(connection, name).id, clock.now())
            row = version_row(connection, name, wanted)
            query = select(aliases.c.alias).where(aliases.c.version == row.id)
            for alias in connection.execute(query.order_by(aliases.c.alias)).scalars().all():
                note_change(connection, row.model, ALIAS, alias, before=str(wanted), after=None)
            note_change(connection, row.model, STAGE, str(wanted), before=row.stage, after=None)
            connection.execute(delete(model_versions).where(model_versions.c.id == row.id))

        self._database.write(remove)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        pages.check_max_results(max_results, _MAX_PAGE)
        offset = pages.offset_of(page_token)
        comparisons = parse_filter(filter_string, MODEL_VERSIONS)
        orders = parse_order(order_by, MODEL_VERSIONS, MODEL_VERSIONS_LAST)
        query = _SEARCHABLE.searched(versions_query(), comparisons, orders, self._dialect)

        def search(connection: Connection) -> list[ModelVersion]:
            rows = connection.execute(query.offset(offset).limit(max_results + 1)).all()
            return version_entities(connection, rows)

        return page_of(self._database.read(search), max_results, offset)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)
        names.tags({key: value}, "model version", names.MAX_MODEL_TAG_VALUE)

        def set_tag(connection: Connection) -> None:
            row = version_row(connection, name, wanted)
            upsert = self._dialect.upsert(model_version_tags, "value")
            connection.execute(upsert, {"version": row.id, "key": key, "value": value})
            _change(connection, row)

        self._database.write(set_tag, repeatable=True)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)
        names.key(key, "tag of a model version")

        def remove(connection: Connection) -> None:
            row = version_row(connection, name, wanted)
            table = model_version_tags.c
            this = (table.version == row.id, table.key == key)
            connection.execute(delete(model_version_tags).where(*this))
            _change(connection, row)

        self._database.write(remove, repeatable=True)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        wanted = _checked(name, version)

        def get(connection: Connection) -> str:
            location: str = version_row(connection, name, wanted).location
            return location

        return self._database.read(get)


def _checked(name: str, version: str) -> int:
    names.model_name(name)
    return names.version_number(version)


def _get(connection: Connection, name: str, version: int) -> ModelVersion:
    return version_entities(connection, [version_row(connection, name, version)])[0]


def _next_version(connection: Connection, name: str) -> tuple[int, int]:
    """The id of a registered model, and a number that no other version ever gets."""
    # The update comes first, so that all others that would count wait here.
    connection.execute(
        update(registered_models)
        .where(registered_models.c.name == name)
        .values(
            last_version=registered_models.c.last_version + 1, last_updated_timestamp=clock.now()
        )
    )
    row = registered_model_row(connection, name)
    return row.id, row.last_version


def _source_run(connection: Connection, model_id: str | None) -> str | None:
    query = select(logged_models.c.source_run_id).where(logged_models.c.model_id == model_id)
    found: str | None = connection.execute(query).scalar() if model_id else None
    return found


def _change(connection: Connection, row: Any, **values: Any) -> None:
    now = clock.now()
    change = update(model_versions).where(model_versions.c.id == row.id)
    connection.execute(change.values(last_updated_timestamp=now, **values))
    touch(connection, row.model, now)
