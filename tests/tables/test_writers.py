"""What is written holds every column, or is refused."""

import io

import pandas as pd
import pytest

from flavorkit.errors import InvalidInputError
from flavorkit.tables.writers import open_writer


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("names", [["1", "1"], [1, "1"]])
def test_no_column_takes_the_place_of_another(kind, names):
    stream = io.BytesIO()
    writer = open_writer(stream, kind)
    with pytest.raises(InvalidInputError, match=r"more than one column named '1'.*; rename them"):
        writer.write(pd.DataFrame([[1, 2]], columns=names))
    assert stream.getvalue() == b""
