"""A frame of pandas as a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flavorkit.tracking.data import digests
from flavorkit.tracking.data.frame_dataset import FrameDataset
from flavorkit.tracking.data.sources import DatasetSource, source_of

if TYPE_CHECKING:
    import pandas as pd


class PandasDataset(FrameDataset):
    """A frame of pandas; :func:`from_pandas` makes one."""

    df: pd.DataFrame

    @property
    def profile(self) -> dict[str, Any]:
        """How many rows, and how many cells."""
        return {"num_rows": len(self.df), "num_elements": int(self.df.size)}

    def _compute_digest(self) -> str:
        return digests.of_frame(self.df)


def from_pandas(
    df: pd.DataFrame,
    source: str | Path | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """A frame of pandas as a dataset, to be passed to :func:`flavorkit.log_input`.

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
    return PandasDataset(df, source_of(source), targets, name, digest, predictions)
