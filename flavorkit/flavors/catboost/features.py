"""What the features in one of CatBoost's files must satisfy, and the tables of their categories.

A split counts from the first border of the first feature: first those of numbers, then categories
one by one, then the borders of what a table of categories makes of them. Such a table is one of
hashes of combinations of categories, borders and single categories, and of what was counted for
each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.flavors.catboost import flatbuffer
from flavorkit.flavors.catboost.flatbuffer import Table
from flavorkit.flavors.forged import require, within
from flavorkit.flavors.tree_checks import Integers

_MANY = 1 << 20  # columns that a model may have without knowing a feature of each
_MAX_COMBINED = 64  # things that a table may combine; CatBoost makes 16 of them at most
_BORDERS, _BUCKETS, _BINARY_MEAN, _FLOAT_MEAN, _COUNTER, _FREQUENCY = range(6)

# What is counted for each hash: a sum and a number, a number, or a number for each class.
_ENTRY_SIZES = {_BINARY_MEAN: 8, _FLOAT_MEAN: 8, _COUNTER: 4, _FREQUENCY: 4}
_NUMBER = 4

_BUCKET = np.dtype([("hash", "<u8"), ("index", "<u4")])
_EMPTY = 2**64 - 1
_PAIR = np.dtype([("index", "<i4"), ("value", "<u4")])  # a border by its bits, or a category's hash

Pairs = frozenset[tuple[int, int]]
Key = tuple[Any, ...]
"""What two tables of the same categories have in common: a table is found by it."""


@dataclass(frozen=True)
class Features:
    """The features that a model knows, as far as anything refers to them."""

    categories: frozenset[int]
    """The numbers of the features of categories that it uses."""
    borders: Pairs
    """Features of numbers, each with the bits of one of its borders."""
    single: Pairs
    """Features of categories, each with the hash of a category that is looked for by itself."""
    n_values: Integers
    """How many borders or categories each feature has, in the order in which splits count them."""
    is_single: NDArray[np.bool_]
    """Which of them are categories looked for by themselves."""


@dataclass(frozen=True)
class _Counts:
    """How much a table of categories holds."""

    kind: int
    n_classes: int


def read(trees: Table, tables: bytes | None) -> Features:
    """The features of a model, if they and its tables of categories are sound.

    Args:
        trees: the ``TModelTrees`` of a file.
        tables: the part of the file that holds tables of categories; None if it has none.

    Raises:
        ValueError: the message says what is wrong.
    """
    counted: list[tuple[int, bool]] = []
    borders: set[tuple[int, int]] = set()
    single: set[tuple[int, int]] = set()
    numbers, categories = trees.tables(5), trees.tables(4)
    places = [*_numbered(numbers, 1, 4)], [*_numbered(categories, 0, 2)]
    columns = [column for _, column in (*places[0], *places[1])]
    require(len(set(columns)) == len(columns), "two features of one column")
    require(max(columns, default=0) < max(_MANY, 64 * len(columns)), "a column too many")
    for feature, (index, _) in zip(numbers, places[0], strict=True):
        require(feature.number(0, "B") in {0, 1}, "a feature of an unknown kind")
        require(feature.number(5, "b") in {0, 1, 2}, "missing values of an unknown kind")
        values = _borders(feature, 3)
        borders.update((index, int(bits)) for bits in values.view("<u4"))
        counted.append((len(values), False))
    indexes = (index for index, _ in places[1])
    is_used = (feature.number(3, "B", 1) for feature in categories)
    used = {index for index, is_in in zip(indexes, is_used, strict=True) if is_in}
    for feature in trees.tables(6):
        index = int(feature.number(0, "i", -1))
        require(index in used, "categories of no feature")
        hashes = feature.vector(1, "<u4")
        require(len(feature.texts(2)) in {0, len(hashes)}, "categories without their names")
        single.update((index, int(value)) for value in hashes)
        counted.append((len(hashes), True))
    derived = trees.tables(7)
    counted += [(len(_borders(feature, 1)), False) for feature in derived]
    n_values = np.array([count for count, _ in counted], dtype=np.int64)
    is_single = np.array([is_single for _, is_single in counted], dtype=bool)
    features = Features(frozenset(used), frozenset(borders), frozenset(single), n_values, is_single)
    _check_tables(derived, tables, features)
    return features


def text_of(table: Table, place: int) -> str:
    """A text, which has to be one.

    Raises:
        ValueError: it is missing, or is no UTF-8.
    """
    found = table.text(place)
    require(found is not None, "a text that is missing")
    return (found or b"").decode()


def _numbered(features: Iterable[Table], first: int, name: int) -> Iterator[tuple[int, int]]:
    """The numbers and the columns of features of one kind, whose fields stand at ``first``.

    They stand in the order of both: CatBoost takes those of the last for the largest.
    """
    last = (-1, -1)
    for feature in features:
        index, column = (int(feature.number(place, "i", -1)) for place in (first, first + 1))
        require(index > last[0] and column > last[1], "a feature out of order")
        require(index <= column, "a feature of no column")
        if feature.has(name):
            text_of(feature, name)
        last = index, column
        yield last


def _borders(feature: Table, place: int) -> NDArray[np.float32]:
    values = feature.vector(place, "<f4")
    require(bool((np.diff(values) > 0).all()) and not np.isnan(values).any(), "unsorted borders")
    return values


def _check_tables(derived: Sequence[Table], content: bytes | None, features: Features) -> None:
    require(content is not None or not derived, "features of categories without their tables")
    tables = {} if content is None else _tables(content, features)
    for feature in derived:
        ctr = feature.table(0)
        key = _key(ctr.table(0), features)
        require(key in tables, "a feature of categories without its table")
        found, target = tables[key], ctr.number(1, "i")
        n_targets = found.n_classes - (found.kind == _BORDERS)
        if found.kind in {_BORDERS, _BUCKETS}:
            require(0 <= target < max(1, n_targets), "a class that is not counted")


def _tables(content: bytes, features: Features) -> dict[Key, _Counts]:
    """How much each table holds, by what it is found by."""
    require(len(content) >= 4, "tables that are cut off")
    (count,) = struct.unpack_from("<I", content)
    found: dict[Key, _Counts] = {}
    at = 4
    for _ in range(count):
        require(at + 4 <= len(content), "a table that is cut off")
        (size,) = struct.unpack_from("<I", content, at)
        at += 4 + size
        require(at <= len(content), "a table that is cut off")
        table = flatbuffer.root(content[at - size : at])
        key = _key(table.table(0), features)
        require(key not in found, "two tables of the same")
        found[key] = _counts(table, key[0])
    require(at == len(content), "more than it says")
    return found


def _key(base: Table, features: Features) -> Key:
    kind = base.number(1, "b")
    require(kind in range(6), "a table of an unknown kind")
    combined = base.table(0)
    require(all(combined.has(place) for place in range(3)), "a combination that is cut off")
    categories = combined.vector(0, "<i4").tolist()
    borders, single = (combined.vector(place, _PAIR).tolist() for place in (1, 2))
    require(len(categories) + len(borders) + len(single) <= _MAX_COMBINED, "a combination of many")
    require(features.categories.issuperset(categories), "a table of no feature")
    require(features.borders.issuperset(borders), "a table of no border")
    require(features.single.issuperset(single), "a table of no category")
    return kind, base.number(2, "i"), tuple(categories), tuple(borders), tuple(single)


def _counts(table: Table, kind: int) -> _Counts:
    """How much a table holds, if it can be looked up: CatBoost goes on until a place is empty."""
    require(table.has(1) and table.has(2), "a table without its content")
    raw, content = table.vector(1, "u1"), table.vector(2, "u1")
    require(len(raw) % _BUCKET.itemsize == 0, "hashes that are cut off")
    buckets = np.frombuffer(raw.tobytes(), _BUCKET)
    require(len(buckets) > 0 and len(buckets) & (len(buckets) - 1) == 0, "hashes of another size")
    is_empty = buckets["hash"] == _EMPTY
    require(bool(is_empty.any()), "hashes without an end")
    n_classes = int(table.number(4, "i"))
    require(0 <= n_classes <= len(content), "more classes than are counted")
    size = _ENTRY_SIZES.get(kind)
    if size is None:
        # With two classes or fewer, borders are counted in pairs.
        size = _NUMBER * (max(2, n_classes) if kind == _BORDERS else n_classes)
        require(n_classes >= 1, "a table of no class")
    entries = len(content) // size
    require(within(buckets["index"][~is_empty].astype(np.int64), 0, entries), "a hash of no entry")
    return _Counts(kind, n_classes)
