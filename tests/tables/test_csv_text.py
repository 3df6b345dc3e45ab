"""CSV is cut where a row ends, wherever the reads and the chunks end."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.tables import csv_text
from flavorkit.tables.chunks import Limits

CELLS = st.text(alphabet='a",\n ', max_size=6)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=20), st.integers(1, 7)
)
def test_no_row_is_torn(rows, rows_per_chunk):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    body = text.getvalue().encode()
    cut = list(csv_text.pieces(io.BytesIO(body), Limits(rows_per_chunk, 10**6)))
    assert b"".join(piece for piece, _ in cut) == body
    read = [list(csv.reader(io.StringIO(piece.decode(), newline=""))) for piece, _ in cut]
    assert [row for part in read for row in part] == rows
    assert [len(part) for part in read[1:-1]] == [rows_per_chunk] * (len(read) - 2)


@pytest.mark.parametrize(
    "text",
    [
        b'x,y\n1,5" pipe\n2,b\n3,"c\nd"\n4,e\n',
        b'x,y\n1,"a""b\nc"\n2,"d"e\n3,f\n4,""\n',
        b"x,y\r\n1,a\r\n2,b\r\n3,c\r\n4,d",
    ],
)
def test_quotes_are_what_they_are_to_pandas(text):
    import pandas as pd

    head, *cut = [piece for piece, _ in csv_text.pieces(io.BytesIO(text), Limits(1, 100))]
    read = [pd.read_csv(io.BytesIO(head + piece), dtype=str) for piece in cut]
    whole = pd.read_csv(io.BytesIO(text), dtype=str)
    assert pd.concat(read, ignore_index=True).equals(whole)
    assert len(cut) == 4


def test_a_piece_is_bounded_by_bytes_but_holds_a_row():
    body = b"x\n" + b"a" * 100 + b"\nb\nc\nd\n"
    cut = [piece for piece, _ in csv_text.pieces(io.BytesIO(body), Limits(1000, 4))]
    assert cut == [b"x\n", b"a" * 100 + b"\n", b"b\nc\n", b"d\n"]


def test_the_line_of_each_piece_is_known():
    body = b'x\n"a\nb"\nc\n'
    assert [line for _, line in csv_text.pieces(io.BytesIO(body), Limits(1, 100))] == [0, 1, 3]


def test_what_is_read_as_missing_is_what_pandas_reads_so():
    from pandas._libs.parsers import STR_NA_VALUES

    from flavorkit.signature.tables import MISSING_IN_CSV

    assert set(MISSING_IN_CSV) == set(STR_NA_VALUES)
