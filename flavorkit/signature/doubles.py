"""Plain numbers as an array of doubles, which is most of the work of reading a large request."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW = 64
"""The types of so many are seen sooner than their values."""


def doubles(cells: tuple[Any, ...]) -> NDArray[np.float64] | None:
    """``cells`` as an array of shape ``(cells,)``; None if one is no int or float.

    ``struct`` refuses null and text while it goes through the cells once; numpy would need a look
    at all types before it, and takes four times as long. Only booleans become numbers there.
    """
    array = np.empty(len(cells))
    try:
        struct.pack_into(f"{len(cells)}d", array.data, 0, *cells)
    except (struct.error, OverflowError):
        return None
    return None if _has_boolean(cells, array) else array


def _has_boolean(cells: tuple[Any, ...], array: NDArray[np.float64]) -> bool:
    """Whether one of ``cells``, which have the values of ``array``, is a boolean."""
    if len(cells) > _FEW:
        suspects = np.flatnonzero((array == 0) | (array == 1))
        if 4 * len(suspects) <= len(cells):
            return any(type(cells[place]) is bool for place in suspects.tolist())
    return bool in set(map(type, cells))
