"""What all parts of the store stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Select

from flavorkit.tracking.entities import PagedList
from flavorkit.tracking.search import pages
from flavorkit.tracking.sql.by_run import RunContents, chunks
from flavorkit.tracking.sql.engine import Database
from flavorkit.tracking.sql.hot_statements import HotStatements
from flavorkit.tracking.sql.metric_keys import MetricKeys

T = TypeVar("T")


class Part:
    """A part of the store.

    Args:
        database: where everything is.
        root: where experiments that name no place keep their artifacts.
    """

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._dialect = database.dialect
        self._root = root
        self._keys = MetricKeys(database.dialect)
        self._hot = HotStatements(database)
        self._contents = RunContents(database)


def page_of(found: Sequence[T], max_results: int, offset: int, **query: object) -> PagedList[T]:
    """A page, from what was found when one more than its length was asked for."""
    token = None
    if len(found) > max_results:
        token = pages.token_of(offset + max_results, **query)
    return PagedList(found[:max_results], token)


def rows_of(
    connection: Connection, query: Select[Any], column: Any, ids: Sequence[Any]
) -> Iterator[Any]:
    """The rows of a query whose column is one of the ids."""
    for some in chunks(ids):
        yield from connection.execute(query.where(column.in_(some)))
