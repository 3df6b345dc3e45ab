"""Frames for a fastai learner, and its predictions as columns with names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import PredictionError


def is_of_tables(loaders: Any) -> bool:
    """Whether a learner with these loaders is one for tables, or for users and items."""
    from fastai.tabular.core import Tabular

    return isinstance(loaders.train_ds, Tabular)


@dataclass(frozen=True)
class Columns:
    """The columns that a learner for tables was trained on."""

    targets: frozenset[str]
    known: Mapping[str, frozenset[Any]]
    """The values of each category."""

    @classmethod
    def of(cls, loaders: Any) -> Columns:
        """Those of a learner with these loaders."""
        from fastai.tabular.core import Categorify

        known: dict[str, frozenset[Any]] = {}  # without the first, which stands for a missing one
        for step in loaders.train_ds.procs.fs:
            if isinstance(step, Categorify):
                known |= {
                    name: frozenset(list(values)[1:]) for name, values in step.classes.items()
                }
        return cls(frozenset(loaders.y_names), known)

    def prepared(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows as ``test_dl`` of the learner can take them.

        fastai takes the numbers of a frame's own categories for those it was trained on, pandas
        will soon refuse a text that is none of the categories, and of a target that is among the
        columns fastai would compute a loss. So categories become their values, those that the
        training has not seen become missing ones, as fastai means it, and targets are left out.

        Args:
            frame: the caller's, which is not changed.
        """
        wanted = [name for name in frame.columns if name not in self.targets]
        prepared = frame if len(wanted) == frame.shape[1] else frame[wanted]
        for position, name in enumerate(wanted):
            column = prepared.iloc[:, position]
            replaced = self._replaced(column, self.known.get(name))
            if replaced is not column:
                if prepared is frame:
                    prepared = frame.copy(deep=False)
                prepared.isetitem(position, replaced.array)
        return prepared

    @staticmethod
    def _replaced(column: pd.Series[Any], known: frozenset[Any] | None) -> pd.Series[Any]:
        has_own = hasattr(column.dtype, "categories")
        if known is None:
            return column.astype(object).infer_objects() if has_own else column
        values = column.tolist()
        if not has_own and known.issuperset(values):
            return column
        values = [value if value in known else None for value in values]
        return pd.Series(values, column.index, object)


def as_frame(found: Any, names: Callable[[int], pd.Index], index: pd.Index) -> pd.DataFrame:
    """Predictions as a frame with one column for each class or target.

    Args:
        found: what ``get_preds`` gives: a tensor of shape ``(rows,)`` or ``(rows, columns)``.
        names: of so many columns.
        index: that of the rows.

    Raises:
        PredictionError: it is anything else.
    """
    values = found.numpy() if hasattr(found, "numpy") else None
    if values is None or values.ndim not in {1, 2} or len(values) != len(index):
        shape = type(found).__name__ if values is None else f"the shape {values.shape}"
        raise PredictionError(
            f"the learner gave {shape} for {len(index)} rows; it must be one tensor, with one row"
            " for each: wrap another learner in a PythonModel"
        )
    values = np.asarray(values).reshape(len(index), -1)
    return pd.DataFrame(values, index, names(values.shape[1]))


def names_of(loaders: Any, width: int) -> pd.Index:
    """The classes, else the targets, else ``output_0`` and so on."""
    vocabulary: Any = getattr(loaders, "vocab", ())
    if len(vocabulary) and _is_list(vocabulary[-1]):  # of texts, before that of classes
        vocabulary = vocabulary[-1]
    for known in (vocabulary, getattr(loaders, "y_names", ())):
        names = list(map(str, known))
        if len(names) == len(set(names)) == width:
            return pd.Index(names)
    return pd.Index([f"output_{position}" for position in range(width)])


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)
