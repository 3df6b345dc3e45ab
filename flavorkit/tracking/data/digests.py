"""Digests of data: eight hexadecimal digits that tell one content from another.

They look at the first 10,000 rows, and at the size and the names of the whole, so that a dataset of
any size takes a moment. Frames and arrays up to that size have the digests that MLflow gives them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

SAMPLE = 10_000


def of_frame(frame: pd.DataFrame) -> str:
    """The digest of a frame of pandas, by its columns of numbers and text."""
    import numpy as np
    import pandas as pd

    sample = frame.head(SAMPLE)
    texts = sample.columns[
        [
            all(type(cell) is str for cell in sample.iloc[:, position])
            for position in range(sample.shape[1])
        ]
    ]
    numbers = sample.select_dtypes(include=[np.number]).columns
    hashes = pd.util.hash_pandas_object(sample[texts.union(numbers)])
    names = (str(name).encode() for name in frame.columns)
    return _digest([hashes.to_numpy().tobytes(), np.int64(len(frame)).tobytes(), *names])


def of_polars(frame: pl.DataFrame) -> str:
    """The digest of a frame of polars."""
    hashes = frame.head(SAMPLE).hash_rows(seed=0).to_list()
    names = (name.encode() for name in frame.columns)
    return _digest([repr(hashes).encode(), str(frame.height).encode(), *names])


def of_arrays(*arrays: Any) -> str:
    """The digest of arrays, or of mappings of them; what is None is left out."""
    parts: list[bytes] = []
    for given in arrays:
        if isinstance(given, Mapping):
            for name in sorted(given):
                parts += _parts(given[name])
        elif given is not None:
            parts += _parts(given)
    return _digest(parts)


def of_text(text: str) -> str:
    """The digest of what describes a dataset, where its data are elsewhere."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _parts(array: np.ndarray[Any, Any]) -> Iterable[bytes]:
    import numpy as np
    import pandas as pd

    sample = array.ravel()[:SAMPLE] if array.flags.c_contiguous else array.flat[:SAMPLE]
    try:
        yield pd.util.hash_array(sample).tobytes()
    except TypeError:  # of objects that have no hash
        yield np.int64(sample.size).tobytes()
    for length in array.shape:
        yield np.int64(length).tobytes()


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.md5(usedforsecurity=False)
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:8]
