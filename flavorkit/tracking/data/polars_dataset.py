"""A frame of polars as a dataset."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.signature import Schema
from flavorkit.tracking.data import digests
from flavorkit.tracking.data.dataset import Dataset, schema_of
from flavorkit.tracking.data.pandas_dataset import check_columns
from flavorkit.tracking.data.sources import DatasetSource, source_of

if TYPE_CHECKING:
    import polars as pl


class PolarsDataset(Dataset):
    """A frame of polars; :func:`from_polars` makes one."""

    def __init__(
        self,
        df: pl.DataFrame,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        check_columns(df.columns, targets, predictions)
        self.df, self.targets, self.predictions = df, targets, predictions
        super().__init__(source, name, digest)

    @cached_property
    def schema(self) -> Schema | None:
        """Its columns, as its first rows show them."""
        return schema_of(self.df.head(digests.SAMPLE))

    @property
    def profile(self) -> dict[str, Any]:
        """How many rows, and how many cells."""
        return {"num_rows": self.df.height, "num_elements": self.df.height * self.df.width}

    def _compute_digest(self) -> str:
        return digests.of_polars(self.df)


def from_polars(
    df: pl.DataFrame,
    source: str | Path | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """A frame of polars as a dataset, to be passed to :func:`flavorkit.log_input`.

    Args:
        df: the frame.
        source: where it comes from: a path or a URI; the running program if None.
        targets: the column to be predicted.
        name: ``dataset`` if None.
        digest: worked out if None.
        predictions: the column that a model has predicted.

    Raises:
        InvalidArgumentError: there is no such column.
    """
    return PolarsDataset(df, source_of(source), targets, name, digest, predictions)
