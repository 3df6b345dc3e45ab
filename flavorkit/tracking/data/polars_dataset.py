"""A frame of polars as a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.tracking.data import digests
from flavorkit.tracking.data.frame_dataset import FrameDataset
from flavorkit.tracking.data.sources import DatasetSource, source_of

if TYPE_CHECKING:
    import polars as pl


class PolarsDataset(FrameDataset):
    """A frame of polars; :func:`from_polars` makes one."""

    df: pl.DataFrame

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
