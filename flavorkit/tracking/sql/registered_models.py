"""Registered models, their aliases, and the history of what those meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.entities import ModelVersion, PagedList, RegisteredModel, RegistryChange
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import REGISTERED_MODELS, Kind
from flavorkit.tracking.search.grammar import parse_filter
from flavorkit.tracking.search.order import REGISTERED_MODELS_LAST, parse_order
from flavorkit.tracking.sql import clock
from flavorkit.tracking.sql.part import Part, page_of
from flavorkit.tracking.sql.registry_rows import (
    ALIAS,
    STAGE,
    newest_of_stages,
    note_change,
    registered_model_entities,
    registered_model_row,
    touch,
    version_entities,
    version_row,
    versions_query,
)
from flavorkit.tracking.sql.schema import (
    aliases,
    model_versions,
    registered_model_tags,
    registered_models,
    registry_changes,
)
from flavorkit.tracking.sql.searching import Pairs, Searchable

_MAX_PAGE = 1_000
_SEARCHABLE = Searchable(
    owner=registered_models.c.id,
    attributes={
        name: registered_models.c[name]
        for name in ("name", "creation_timestamp", "last_updated_timestamp")
    },
    pairs={Kind.TAG: Pairs(registered_model_tags, "model")},
)


class RegisteredModels(Part):
    """The methods of the store about registered models."""

    def create_registered_model(
        self, name: str, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        kept = names.tags(tags or {}, "registered model", names.MAX_MODEL_TAG_VALUE)
        _check_description(description)

        def create(connection: Connection) -> RegisteredModel:
            _check_free(connection, name)
            now = clock.now()
            row = {
                "name": name,
                "creation_timestamp": now,
                "last_updated_timestamp": now,
                "description": description,
                "last_version": 0,
            }
            done = connection.execute(insert(registered_models), row)
            (number,) = done.inserted_primary_key or (0,)
            rows = [{"model": number, "key": key, "value": text} for key, text in kept.items()]
            if rows:
                connection.execute(insert(registered_model_tags), rows)
            return _get(connection, name)

        return self._database.write(create)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        return self._database.read(lambda connection: _get(connection, name))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        names.model_name(new_name)

        def rename(connection: Connection) -> RegisteredModel:
            row = registered_model_row(connection, name)
            if new_name != name:
                _check_free(connection, new_name)
            now = clock.now()
            _change(connection, row.id, name=new_name)
            versions = update(model_versions).where(model_versions.c.model == row.id)
            connection.execute(versions.values(last_updated_timestamp=now))
            return _get(connection, new_name)

        return self._database.write(rename)

    def update_registered_model(self, name: str, description: str | None) -> RegisteredModel:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        _check_description(description)

        def describe(connection: Connection) -> RegisteredModel:
            row = registered_model_row(connection, name)
            _change(connection, row.id, description=description)
            return _get(connection, name)

        return self._database.write(describe, repeatable=True)

    def delete_registered_model(self, name: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)

        def remove(connection: Connection) -> None:
            number = registered_model_row(connection, name).id
            pointing = select(aliases.c.alias, model_versions.c.version).join(model_versions)
            pointing = pointing.where(aliases.c.model == number).order_by(aliases.c.alias)
            for alias, version in connection.execute(pointing).all():
                note_change(connection, number, ALIAS, alias, before=str(version), after=None)
            staged = select(model_versions.c.version, model_versions.c.stage)
            staged = staged.where(model_versions.c.model == number)
            for version, stage in connection.execute(staged).all():
                note_change(connection, number, STAGE, str(version), before=stage, after=None)
            # Versions first: aliases refer to both.
            connection.execute(delete(model_versions).where(model_versions.c.model == number))
            connection.execute(delete(registered_models).where(registered_models.c.id == number))

        self._database.write(remove)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        pages.check_max_results(max_results, _MAX_PAGE)
        offset = pages.offset_of(page_token)
        comparisons = parse_filter(filter_string, REGISTERED_MODELS)
        orders = parse_order(order_by, REGISTERED_MODELS, REGISTERED_MODELS_LAST)
        query = _SEARCHABLE.searched(select(registered_models), comparisons, orders, self._dialect)

        def search(connection: Connection) -> list[RegisteredModel]:
            rows = connection.execute(query.offset(offset).limit(max_results + 1)).all()
            return registered_model_entities(connection, rows)

        return page_of(self._database.read(search), max_results, offset)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        wanted = names.stages_of_latest(stages)

        def get(connection: Connection) -> list[ModelVersion]:
            number = registered_model_row(connection, name).id
            found = newest_of_stages(connection, [number])
            return [version for version in found if version.current_stage in wanted]

        return self._database.read(get)

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        names.tags({key: value}, "registered model", names.MAX_MODEL_TAG_VALUE)

        def set_tag(connection: Connection) -> None:
            number = registered_model_row(connection, name).id
            upsert = self._dialect.upsert(registered_model_tags, "value")
            connection.execute(upsert, {"model": number, "key": key, "value": value})
            touch(connection, number, clock.now())

        self._database.write(set_tag, repeatable=True)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        names.key(key, "tag of a registered model")

        def remove(connection: Connection) -> None:
            number = registered_model_row(connection, name).id
            table = registered_model_tags.c
            this = (table.model == number, table.key == key)
            connection.execute(delete(registered_model_tags).where(*this))
            touch(connection, number, clock.now())

        self._database.write(remove, repeatable=True)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        names.alias(alias)
        wanted = names.version_number(version)

        def point(connection: Connection) -> None:
            row = _locked(connection, name)
            now_at = version_row(connection, name, wanted)
            before = _pointed_at(connection, row.id, alias)
            upsert = self._dialect.upsert(aliases, "version")
            values = {"model": row.id, "alias": alias, "version": now_at.id}
            connection.execute(upsert, values)
            note_change(connection, row.id, ALIAS, alias, before=before, after=str(wanted))

        self._database.write(point, repeatable=True)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        names.alias(alias)

        def remove(connection: Connection) -> None:
            row = _locked(connection, name)
            before = _pointed_at(connection, row.id, alias)
            this = (aliases.c.model == row.id, aliases.c.alias == alias)
            connection.execute(delete(aliases).where(*this))
            note_change(connection, row.id, ALIAS, alias, before=before, after=None)

        self._database.write(remove, repeatable=True)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)
        if alias == "latest":
            return self._newest(name)
        names.alias(alias)

        def get(connection: Connection) -> ModelVersion:
            number = registered_model_row(connection, name).id
            query = versions_query().join(aliases, aliases.c.version == model_versions.c.id)
            query = query.where(aliases.c.model == number, aliases.c.alias == alias)
            row = connection.execute(query).first()
            if row is None:
                raise InvalidArgumentError(
                    f"alias {alias!r} of the registered model {name!r} not found"
                )
            return version_entities(connection, [row])[0]

        return self._database.read(get)

    def get_registry_history(self, name: str) -> list[RegistryChange]:
        """See :class:`flavorkit.tracking.store.RegistryStore`."""
        names.model_name(name)

        def get(connection: Connection) -> list[RegistryChange]:
            number = registered_model_row(connection, name).id
            query = select(registry_changes).where(registry_changes.c.model == number)
            rows = connection.execute(query.order_by(registry_changes.c.id))
            return [
                RegistryChange(
                    name, row.at, row.user_id, row.kind, row.subject, row.before, row.after
                )
                for row in rows
            ]

        return self._database.read(get)

    def _newest(self, name: str) -> ModelVersion:
        def get(connection: Connection) -> ModelVersion:
            number = registered_model_row(connection, name).id
            query = versions_query().where(model_versions.c.model == number)
            row = connection.execute(query.order_by(model_versions.c.version.desc())).first()
            if row is None:
                raise NotFoundError(f"the registered model {name!r} has no version")
            return version_entities(connection, [row])[0]

        return self._database.read(get)


def _get(connection: Connection, name: str) -> RegisteredModel:
    rows = [registered_model_row(connection, name)]
    return registered_model_entities(connection, rows)[0]


def _locked(connection: Connection, name: str) -> Any:
    """The row of a registered model, whose aliases nobody else changes meanwhile."""
    row = registered_model_row(connection, name)
    touch(connection, row.id, clock.now())
    return row


def _pointed_at(connection: Connection, model: int, alias: str) -> str | None:
    query = select(model_versions.c.version).join(aliases, aliases.c.version == model_versions.c.id)
    query = query.where(aliases.c.model == model, aliases.c.alias == alias)
    version = connection.execute(query).scalar()
    return None if version is None else str(version)


def _check_free(connection: Connection, name: str) -> None:
    query = select(registered_models.c.id).where(registered_models.c.name == name)
    if connection.execute(query).first() is not None:
        raise AlreadyExistsError(f"the registered model {name!r} already exists")


def _check_description(text: str | None) -> None:
    names.value(text or "", "a description", names.MAX_DESCRIPTION)


def _change(connection: Connection, number: int, **values: Any) -> None:
    change = update(registered_models).where(registered_models.c.id == number)
    connection.execute(change.values(last_updated_timestamp=clock.now(), **values))
