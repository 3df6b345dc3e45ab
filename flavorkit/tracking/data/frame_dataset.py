"""What datasets of frames have in common, whoever's frames they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from flavorkit.errors import InvalidArgumentError
from flavorkit.signature import Schema
from flavorkit.tracking.data import digests
from flavorkit.tracking.data.dataset import Dataset, schema_of
from flavorkit.tracking.data.sources import DatasetSource


class FrameDataset(Dataset):
    """A frame, of which columns may be named as what is predicted."""

    def __init__(
        self,
        df: Any,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        for column in (targets, predictions):
            _check(column, df.columns)
        self.df, self.targets, self.predictions = df, targets, predictions
        super().__init__(source, name, digest)

    @cached_property
    def schema(self) -> Schema | None:
        """Its columns, as its first rows show them."""
        return schema_of(self.df.head(digests.SAMPLE))


def _check(column: str | None, columns: Iterable[Any]) -> None:
    if column is not None and column not in columns:
        there = ", ".join(map(repr, list(columns)[:20]))
        raise InvalidArgumentError(f"the frame has no column {column!r}; it has {there}")
