"""Plain numbers as an array of doubles, which is most of the work of reading a large request."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    may_be_boolean = ((array == 0) | (array == 1)).any()
    return None if may_be_boolean and bool in set(map(type, cells)) else array
