"""Scorecards: models that add up points. This stands for the framework that you have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Scorecard:
    """A start, and the points that one unit of each column adds to it."""

    points: Mapping[str, float]
    start: float = 0.0

    def score(self, rows: pd.DataFrame, least: float = -math.inf) -> np.ndarray:
        """One float64 for each row of a frame with these columns.

        Args:
            rows: numbers, in columns of any order.
            least: what smaller scores are raised to.
        """
        total = np.full(len(rows), self.start)
        for name, points in self.points.items():
            total += points * rows[name].to_numpy(np.float64)
        return np.maximum(total, least)
