"""CSV is cut where a row ends, wherever the reads and the chunks end."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flavorkit.tables import csv_text
from flavorkit.tables.chunks import Limits

CELLS = st.text(alphabet='a",\n\r ', max_size=6)


class Trickle(io.BytesIO):
    """A stream that gives one byte at a time, as a slow pipe may."""

    def read(self, size=-1):
        return super().read(1)


def line_of(row, end):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)  # quotes what holds one of the two
    return text.getvalue().removesuffix("\r\n").encode() + end.encode()


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=20),
    st.integers(1, 7),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([io.BytesIO, Trickle]),
)
def test_no_row_is_torn(rows, rows_per_chunk, end, stream):
    body = b"".join(line_of(row, end) for row in rows)
    cut = list(csv_text.pieces(stream(body), Limits(rows_per_chunk, 10**6)))
    assert b"".join(piece for piece, _ in cut) == body
    read = [list(csv.reader(io.StringIO(piece.decode(), newline=""))) for piece, _ in cut]
    assert [row for part in read for row in part] == rows
    assert len(read[0]) == 1
    assert [len(part) for part in read[1:-1]] == [rows_per_chunk] * (len(read) - 2)
    assert len(read[-1]) <= rows_per_chunk


@pytest.mark.parametrize(
    "text",
    [
        b'x,y\n1,5" pipe\n2,b\n3,"c\nd"\n4,e\n',
        b'x,y\n1,"a""b\nc"\n2,"d"e\n3,f\n4,""\n',
        b"x,y\r\n1,a\r\n2,b\r\n3,c\r\n4,d",
        b"x,y\r1,a\r2,b\r3,c\r4,d\r",
        b'x,y\r1,"a\rb"\r2,b\n3,"c\r\n"\r\n4,d',
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
    for end in (b"\n", b"\r\n", b"\r"):
        stream = io.BytesIO(body.replace(b"\n", end))
        assert [line for _, line in csv_text.pieces(stream, Limits(1, 100))] == [0, 1, 3]


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
@pytest.mark.parametrize("blank", ["\n", "\r", "\r\n", " \t\n\n", "\r\n\r\n  \r\n\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_names_stand_in_the_first_line_that_is_not_blank(mark, blank, stream):
    body = f'{mark}{blank}"x\ny",z\n1,2\n'.encode()
    cut = list(csv_text.pieces(stream(body), Limits(1, 100)))
    above = csv_text.lines_in(blank.encode())
    assert cut == [(b'"x\ny",z\n', above), (b"1,2\n", above + 2)]


def test_what_is_read_as_missing_is_what_pandas_reads_so():
    from pandas._libs.parsers import STR_NA_VALUES

    from flavorkit.signature.tables import MISSING_IN_CSV

    assert set(MISSING_IN_CSV) == set(STR_NA_VALUES)
