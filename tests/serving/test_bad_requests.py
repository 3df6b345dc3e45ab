"""Whatever a client sends: a 4xx that helps, never a 5xx, never a traceback, and the server lives."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from tests.serving.test_server import COLUMNS, ROW

JSON = "application/json"
SPLIT = {"columns": COLUMNS, "data": [ROW]}


def split(**changes):
    return {"dataframe_split": {**SPLIT, **changes}}


def nested(depth):
    value = [1]
    for _ in range(depth):
        value = [value]
    return value


BAD_DATA = {
    "a missing column": (split(columns=COLUMNS[:3], data=[ROW[:3]]), "column 'petal width"),
    "a wrong name": (split(columns=[*COLUMNS[:3], "petal_width"]), "'petal width (cm)' is missing"),
    "text for a number": (split(data=[[*ROW[:3], "x"]]), "row 0 holds 'x'"),
    "a bool for a number": (split(data=[[*ROW[:3], True]]), "expected a double, row 0 holds True"),
    "an object for a number": (split(data=[[*ROW[:3], {}]]), "row 0 holds {}"),
    "a list for a number": (split(data=[[*ROW[:3], [1]]]), "row 0 holds [1]"),
    "null where the model takes none": (split(data=[[*ROW[:3], None]]), "Input X contains NaN"),
    "ragged rows": (split(data=[ROW, ROW[:3]]), "row 1 has 3 values, expected 4"),
    "rows that are no lists": (split(data=[ROW, 5]), "some rows are lists"),
    "no rows": (split(data=[]), "0 sample"),
    "no data": ({"dataframe_split": {"columns": COLUMNS}}, 'must have "data"'),
    "more names than values": (split(columns=[*COLUMNS, "x"]), "row 0 has 4 values, expected 5"),
    "a name twice": (split(columns=[COLUMNS[0]] * 4), "has a name twice"),
    "a longer index": (split(index=[1, 2]), '"index" has 2 values for 1 rows'),
    "an empty object": ({}, "exactly one of dataframe_split"),
    "both forms at once": ({"inputs": [ROW], "instances": [ROW]}, "it has instances and inputs"),
    "no form": ({"rows": [ROW]}, "it has the keys ['rows']"),
    "a list": ([ROW], "it is a list"),
    "null": (None, "it is null"),
    "text": ("x", "it is a string"),
    "a number": (1, "it is a value"),
    "records that are none": ({"dataframe_records": [1]}, "must be a list of objects"),
    "a record in place of a list": ({"dataframe_records": {"a": 1}}, "must be a list of objects"),
    "parameters that are no object": ({"instances": [ROW], "params": [1]}, '"params" must be'),
    "instances of another width": ({"instances": [ROW[:3]]}, "values without names, 3 in each row"),
    "instances without end": ({"instances": [[[[1]]]]}, "without names, 1 in each row"),
    "inputs of different lengths": (
        {"inputs": {**{name: [1] for name in COLUMNS[:3]}, COLUMNS[3]: [1, 2]}},
        "the columns differ in length",
    ),
    "an old body of another width": ({"data": [[1, 2]]}, "without names, 2 in each row"),
    "an old body without rows": ({"data": 5}, "must be a list"),
    "a name that is a list": (split(columns=[["a"], *COLUMNS[1:]]), "must be a list of names"),
    "a list in a cell, 59 deep": (split(data=[[*ROW[:3], nested(59)]]), "petal width"),
    "a list in a cell, 60 deep": (split(data=[[*ROW[:3], nested(60)]]), "beyond 64 levels"),
    "a list in a cell, 900 deep": (split(data=[[*ROW[:3], nested(900)]]), "nested too deep"),
    "records of different keys": (
        {"dataframe_records": [{f"key {n}": 1} for n in range(2000)]},
        "make a table of 4000000 cells, most of them empty",
    ),
    "inputs of different keys": (
        {"inputs": [{f"key {n}": 1} for n in range(2000)]},
        "make a table of 4000000 cells",
    ),
    "ten thousand columns": (
        split(columns=[f"c{n}" for n in range(10_000)], data=[[1.0] * 10_000]),
        "is missing",
    ),
    "one column more": (
        split(columns=[f"c{n}" for n in range(10_001)], data=[[1.0] * 10_001]),
        "10001 columns, more than the limit of 10000",
    ),
    "odd names": (split(columns=["", "__proto__", "constructor", "a\u202eb"]), "is missing"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_data_that_does_not_fit(server, case):
    payload, problem = BAD_DATA[case]
    answer = server.invoke(payload)
    refused(answer, problem)


BAD_BODIES = {
    "nothing": (b"", "not valid JSON"),
    "no JSON": (b"{", "not valid JSON"),
    "two values": (b"{} {}", "not valid JSON"),
    "NaN": (b'{"instances": [[NaN, 1, 1, 1]]}', "not valid JSON"),
    "Infinity": (b'{"instances": [[Infinity, 1, 1, 1]]}', "not valid JSON"),
    "1e999": (b'{"instances": [[1e999, 1, 1, 1]]}', "number is infinity"),
    "100,000 digits": (b'{"instances": [[' + b"1" * 100_000 + b", 1, 1, 1]]}", "not valid JSON"),
    "a key twice": (b'{"instances": [[1,1,1,1]], "instances": [[1,1,1,1]]}', "'instances' twice"),
    "a key twice inside": (b'{"dataframe_records": [{"a": 1, "a": 2}]}', "the key 'a' twice"),
    "a key twice, escaped": (
        b'{"dataframe_records": [{"a": "\\u003a", "\\u0061": 2}]}',
        "'a' twice",
    ),
    "a key twice beside a colon": (b'{"inputs": {"a": "::", "a": ":"}}', "the key 'a' twice"),
    "depth 100,000": (b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too deep"),
    "objects of depth 100,000": (b'{"a":' * 100_000, "too deep"),
    "half a surrogate": (b'{"dataframe_records": [{"a": "\\ud800"}]}', "not valid JSON"),
    "bytes that are no UTF-8": (b'{"instances": [["\xff"]]}', "not valid JSON"),
    "UTF-16": ('{"instances": []}'.encode("utf-16"), "not valid JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"instances": []}', "BOM"),
    "a pickle": (b"\x80\x04\x95", "not valid JSON"),
    "gzip": (gzip.compress(b"{}"), "not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_bodies_that_are_no_json(server, case):
    body, problem = BAD_BODIES[case]
    refused(server.invoke(body), problem)


@pytest.mark.parametrize(
    ("content_type", "problem"),
    [
        (None, "and the request has none"),
        ("", "and the request has none"),
        ("text/plain", "not 'text/plain'"),
        ("application/x-www-form-urlencoded", "with curl, pass -H"),
        ("multipart/form-data; boundary=x", "nobody reads|not 'multipart"),
        ("application/json; charset=utf-16", "must be UTF-8, not 'utf-16'"),
        ("application/json; charset=utf-7", "must be UTF-8"),
        ("application/json; format=odd", "has a parameter that nobody reads"),
        ("application/json; x=y", "has a parameter that nobody reads"),
        ("application/x-python-pickle", "not 'application/x-python-pickle'"),
        ("<script>alert(1)</script>", "must be one of"),
    ],
)
def test_content_types_that_nobody_reads(server, content_type, problem):
    answer = server.invoke({"instances": [ROW]}, content_type)
    assert answer.status == 415
    refused(answer, problem)


@pytest.mark.parametrize(
    ("content_type", "body", "problem"),
    [
        ("text/csv", b"", "not CSV"),
        ("text/csv", b"\xff\xfe", "not UTF-8"),
        ("text/csv", b"a,b\n1,2\n", "is missing"),
        ("text/csv", b'a\n"unclosed' + b"x" * 500_000, "not CSV"),
        ("text/csv", b"\0\0\0", "not CSV|is missing"),
        ("text/csv", ",".join(COLUMNS).encode() + b"\n1,2,3,x\n", "petal width"),
        ("application/vnd.apache.parquet", b"", "not Parquet"),
        ("application/vnd.apache.parquet", b"PAR1" * 100, "not Parquet"),
    ],
)
def test_tables_that_are_none(server, content_type, body, problem):
    refused(server.invoke(body, content_type), problem)


def test_a_body_over_the_limit(server):
    limit = 1024 * 1024
    body = b'{"instances": [[1,1,1,1]]}'
    assert server.invoke(body + b" " * (limit - len(body))).status == 200
    answer = server.invoke(body + b" " * (limit - len(body) + 1))
    assert answer.status == 413
    refused(answer, f"larger than the limit of {limit} bytes")


def raw(server, text):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(text)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
            if b"\r\n\r\n" in received and received.endswith(b"}"):
                break
        return received


def test_a_chunked_body_over_the_limit(server):
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_length_that_promises_too_much(server):
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = raw(server, head + b"Content-Length: 99999999999\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_harms_nobody(server):
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head)
    assert server.invoke({"instances": [ROW]}).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(server, method):
    answer = server.request(method, "/invocations", Content_Type=JSON)
    assert answer.status == 405
    refused(answer, "this server has POST /invocations")


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/redoc", "/invocations/", "/../etc/passwd", "/%2e%2e/x"],
)
def test_other_paths(server, path):
    answer = server.request("GET", path)
    assert answer.status in {404, 405, 307}
    assert answer.status == 307 or answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("host", ["", "evil.com", "a/b?x", "localhost:99999", "x" * 5000])
def test_the_host_header_changes_nothing(server, host):
    request = f"GET /version HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert b"flavorkit" in raw(server, request + b"")


def refused(answer, problem):
    """A 4xx in our one shape of errors, whose message helps."""
    assert 400 <= answer.status < 500, answer.body
    said = answer.json()
    assert set(said) == {"error_code", "message"}
    assert said["error_code"].isupper()
    assert len(said["message"]) < 5000
    for leak in ("Traceback", 'File "', "site-packages", "/home", "/root"):
        assert leak not in said["message"]
    if problem is not None:
        assert any(part in said["message"] for part in problem.split("|")), said["message"]


def test_the_server_is_still_alive_and_well(server):
    assert server.invoke({"dataframe_split": SPLIT}).json() == {"predictions": [0]}
    assert not any("Traceback" in line for line in server.log), json.dumps(server.log)
