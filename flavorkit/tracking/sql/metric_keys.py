"""Names of metrics as small numbers, which is what every row of every metric holds of them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from flavorkit.tracking.sql.dialects import Dialect
from flavorkit.tracking.sql.schema import metric_keys

_REMEMBERED = 100_000
_AT_ONCE = 500


class MetricKeys:
    """The numbers, remembered in this process; they never change once they are committed."""

    def __init__(self, dialect: Dialect) -> None:
        self._insert = dialect.insert_new(metric_keys)
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def known(self, connection: Connection, wanted: Collection[str]) -> dict[str, int]:
        """The numbers of those names that have one."""
        numbers = self._numbers
        found = {name: numbers[name] for name in wanted if name in numbers}
        missing = [name for name in wanted if name not in found]
        found.update(self._read(connection, missing))
        return found

    def of(self, connection: Connection, wanted: Collection[str]) -> dict[str, int]:
        """The numbers of names, which get one where they have none.

        A transaction that fails takes the new ones with it, so :meth:`remember` is for afterwards.
        """
        numbers = self._numbers
        try:
            return {name: numbers[name] for name in wanted}
        except KeyError:
            found = self.known(connection, wanted)
        # In one order everywhere, so that no two transactions wait for each other.
        missing = sorted(name for name in wanted if name not in found)
        if missing:
            connection.execute(self._insert, [{"name": name} for name in missing])
            found.update(self._read(connection, missing))
        return found

    def remember(self, found: dict[str, int]) -> None:
        """Remember what is committed."""
        if found.keys() <= self._numbers.keys():
            return
        if len(self._numbers) > _REMEMBERED:
            self._numbers, self._names = {}, {}
        self._numbers.update(found)
        self._names.update({number: name for name, number in found.items()})

    def names(self, connection: Connection, wanted: Collection[int]) -> dict[int, str]:
        """The names of numbers."""
        known = self._names
        found = {number: known[number] for number in wanted if number in known}
        missing = [number for number in wanted if number not in found]
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            query = select(metric_keys.c.id, metric_keys.c.name).where(metric_keys.c.id.in_(some))
            found.update((row.id, row.name) for row in connection.execute(query))
        return found

    @staticmethod
    def _read(connection: Connection, wanted: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            query = select(metric_keys.c.id, metric_keys.c.name).where(metric_keys.c.name.in_(some))
            found.update((row.name, row.id) for row in connection.execute(query))
        return found
