"""Experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, String, cast, delete, insert, select, update

from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import names
from flavorkit.tracking.artifact_locations import below
from flavorkit.tracking.entities import Experiment, LifecycleStage, PagedList, ViewType
from flavorkit.tracking.search import pages
from flavorkit.tracking.search.fields import EXPERIMENTS, Kind
from flavorkit.tracking.search.grammar import parse_filter
from flavorkit.tracking.search.order import EXPERIMENTS_LAST, parse_order
from flavorkit.tracking.sql import clock, places
from flavorkit.tracking.sql.part import Part, page_of, rows_of
from flavorkit.tracking.sql.schema import (
    ACTIVE,
    DELETED_WITH_EXPERIMENT,
    experiment_tags,
    experiments,
    runs,
)
from flavorkit.tracking.sql.searching import Pairs, Searchable

_MAX_PAGE = 50_000
_MAX_AT_ONCE = 30_000
_LARGEST_ID = 2**31 - 1

_SEARCHABLE = Searchable(
    owner=experiments.c.id,
    attributes={
        "name": experiments.c.name,
        "experiment_id": cast(experiments.c.id, String(20)),
        "creation_time": experiments.c.creation_time,
        "last_update_time": experiments.c.last_update_time,
    },
    sorted_by={"experiment_id": experiments.c.id},
    pairs={Kind.TAG: Pairs(experiment_tags, "experiment")},
)


def number_of(experiment_id: str) -> int:
    """The id of an experiment inside.

    Raises:
        InvalidArgumentError: no store gives such ids.
        NotFoundError: this one does not.
    """
    text = names.identifier(experiment_id, "an experiment")
    if not text.isdecimal() or str(int(text)) != text or int(text) > _LARGEST_ID:
        raise NotFoundError(f"there is no experiment with the id {text!r}")
    return int(text)


def numbers_of(experiment_ids: Sequence[str]) -> list[int]:
    """The ids inside of those that there can be.

    Raises:
        InvalidArgumentError: they are too many for one statement.
    """
    if len(experiment_ids) > _MAX_AT_ONCE:
        raise InvalidArgumentError(f"at most {_MAX_AT_ONCE} experiments are searched at once")
    found = []
    for one in experiment_ids:
        try:
            found.append(number_of(one))
        except NotFoundError:
            continue
    return found


def experiment_row(connection: Connection, number: int) -> Row[Any]:
    """The experiment, be it deleted.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(experiments).where(experiments.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"there is no experiment with the id {str(number)!r}")
    return row


def active_experiment(connection: Connection, number: int) -> Row[Any]:
    """The experiment.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is deleted.
    """
    row = experiment_row(connection, number)
    if row.deleted_at is not None:
        raise InvalidArgumentError(
            f"the experiment {number} is deleted: restore it, or take another"
        )
    return row


class Experiments(Part):
    """The methods of the store about experiments."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.experiment_name(name)
        kept = names.tags(tags or {}, "experiment", names.MAX_EXPERIMENT_TAG_VALUE)
        if artifact_location:
            names.value(artifact_location, "an artifact location", names.MAX_SOURCE)
            artifact_location = places.absolute(artifact_location)

        def create(connection: Connection) -> int:
            _check_free(connection, name)
            now = clock.now()
            row = {
                "name": name,
                "artifact_location": artifact_location or "",
                "creation_time": now,
                "last_update_time": now,
            }
            (number,) = connection.execute(insert(experiments), row).inserted_primary_key or (0,)
            if not artifact_location:
                connection.execute(
                    update(experiments)
                    .where(experiments.c.id == number)
                    .values(artifact_location=below(self._root, str(number)))
                )
            if kept:
                rows = [
                    {"experiment": number, "key": key, "value": text} for key, text in kept.items()
                ]
                connection.execute(insert(experiment_tags), rows)
            return int(number)

        return str(self._database.write(create))

    def get_experiment(self, experiment_id: str) -> Experiment:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)

        def get(connection: Connection) -> Experiment:
            return _entities(connection, [experiment_row(connection, number)])[0]

        return self._database.read(get)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        names.experiment_name(name)

        def get(connection: Connection) -> Experiment | None:
            query = select(experiments).where(experiments.c.name == name)
            row = connection.execute(query).first()
            return None if row is None else _entities(connection, [row])[0]

        return self._database.read(get)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)
        names.experiment_name(new_name)

        def rename(connection: Connection) -> None:
            if active_experiment(connection, number).name != new_name:
                _check_free(connection, new_name)
                _change(connection, number, name=new_name)

        self._database.write(rename, repeatable=True)

    def delete_experiment(self, experiment_id: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)

        def remove(connection: Connection) -> None:
            active_experiment(connection, number)
            now = clock.now()
            _change(connection, number, deleted_at=now)
            connection.execute(
                update(runs)
                .where(runs.c.experiment == number, runs.c.bin == ACTIVE)
                .values(bin=DELETED_WITH_EXPERIMENT, deleted_at=now)
            )

        self._database.write(remove)

    def restore_experiment(self, experiment_id: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)

        def restore(connection: Connection) -> None:
            if experiment_row(connection, number).deleted_at is None:
                raise InvalidArgumentError(f"the experiment {number} is not deleted")
            _change(connection, number, deleted_at=None)
            connection.execute(
                update(runs)
                .where(runs.c.experiment == number, runs.c.bin == DELETED_WITH_EXPERIMENT)
                .values(bin=ACTIVE, deleted_at=None)
            )

        self._database.write(restore)

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)
        names.tags({key: value}, "experiment", names.MAX_EXPERIMENT_TAG_VALUE)

        def set_tag(connection: Connection) -> None:
            active_experiment(connection, number)
            connection.execute(
                self._dialect.upsert(experiment_tags, "value"),
                {"experiment": number, "key": key, "value": value},
            )
            _change(connection, number)

        self._database.write(set_tag, repeatable=True)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        number = number_of(experiment_id)
        names.key(key, "tag of an experiment")

        def remove(connection: Connection) -> None:
            active_experiment(connection, number)
            this = (experiment_tags.c.experiment == number, experiment_tags.c.key == key)
            if connection.execute(delete(experiment_tags).where(*this)).rowcount == 0:
                raise NotFoundError(f"the experiment {number} has no tag {key!r}")
            _change(connection, number)

        self._database.write(remove)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        *,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """See :class:`flavorkit.tracking.store.RunStore`."""
        pages.check_max_results(max_results, _MAX_PAGE)
        offset = pages.offset_of(page_token)
        comparisons = parse_filter(filter_string, EXPERIMENTS)
        orders = parse_order(order_by, EXPERIMENTS, EXPERIMENTS_LAST)
        query = select(experiments).where(*_viewed(view_type))
        query = _SEARCHABLE.searched(query, comparisons, orders, self._dialect)

        def search(connection: Connection) -> list[Experiment]:
            found = connection.execute(query.offset(offset).limit(max_results + 1)).all()
            return _entities(connection, found)

        return page_of(self._database.read(search), max_results, offset)


def _viewed(view_type: int) -> list[Any]:
    if view_type == ViewType.ALL:
        return []
    if view_type == ViewType.ACTIVE_ONLY:
        return [experiments.c.deleted_at.is_(None)]
    if view_type == ViewType.DELETED_ONLY:
        return [experiments.c.deleted_at.is_not(None)]
    raise InvalidArgumentError(f"there is no view type {view_type!r}")


def _check_free(connection: Connection, name: str) -> None:
    query = select(experiments.c.deleted_at).where(experiments.c.name == name)
    row = connection.execute(query).first()
    if row is not None and row.deleted_at is not None:
        raise AlreadyExistsError(
            f"there is a deleted experiment named {name!r}: restore it, or remove it for good"
        )
    if row is not None:
        raise AlreadyExistsError(f"the experiment {name!r} already exists")


def _change(connection: Connection, number: int, **values: Any) -> None:
    connection.execute(
        update(experiments)
        .where(experiments.c.id == number)
        .values(last_update_time=clock.now(), **values)
    )


def _entities(connection: Connection, rows: Sequence[Row[Any]]) -> list[Experiment]:
    tags: dict[int, dict[str, str]] = {}
    ids = [row.id for row in rows]
    for tag in rows_of(connection, select(experiment_tags), experiment_tags.c.experiment, ids):
        tags.setdefault(tag.experiment, {})[tag.key] = tag.value
    return [
        Experiment(
            str(row.id),
            row.name,
            row.artifact_location,
            LifecycleStage.ACTIVE if row.deleted_at is None else LifecycleStage.DELETED,
            tags.get(row.id, {}),
            row.creation_time,
            row.last_update_time,
        )
        for row in rows
    ]
