"""The two scoring servers, asked the same: equal answers, or a difference that the docs list."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.signature import (
    Array,
    ColSpec,
    DataType,
    Map,
    ModelSignature,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)
from tests.conftest import ROOT
from tests.interop.conftest import MlflowServer
from tests.interop.echo import Echo

pytestmark = pytest.mark.xdist_group("scoring")  # twelve servers, started once

KINDS = [kind.name for kind in DataType]
SCHEMAS = {
    "columns": Schema([ColSpec(kind, kind) for kind in KINDS]),
    "nested": Schema(
        [
            ColSpec(Array("double"), "a"),
            ColSpec(Object([Property("k", "long"), Property("o", "string", False)]), "o"),
            ColSpec(Map("long"), "m", required=False),
        ]
    ),
    "optional": Schema([ColSpec("double", "x"), ColSpec("long", "y", False)]),
    "tensor": Schema([TensorSpec("float32", (-1, 2))]),
    "text": Schema([ColSpec("string")]),
    "none": None,
}
PARAMS = ParamSchema([ParamSpec("k", "long", 5)])


@pytest.fixture(scope="module")
def servers(mlflow, start, tmp_path_factory):
    """For each schema a model that echoes what it gets, served by both."""
    folders = {name: tmp_path_factory.mktemp("echo") / name for name in SCHEMAS}
    for name, schema in SCHEMAS.items():
        signature = ModelSignature(schema, None, PARAMS) if schema else False
        flavorkit.save_model(
            Echo(),
            folders[name],
            signature=signature,
            serialization_format="cloudpickle",
            pip_requirements=[],
        )
    theirs = {name: MlflowServer(folder) for name, folder in folders.items()}
    ours = {name: start(folder) for name, folder in folders.items()}
    yield {name: (ours[name], theirs[name].wait()) for name in SCHEMAS}
    for server in theirs.values():
        server.kill()


@dataclass(frozen=True)
class Ask:
    """One request, and how the answers relate."""

    schema: str
    body: object
    content_type: str = "application/json"
    differs: str | None = None
    """The mark in the docs where the difference is explained; None for equal answers."""


ROW = {
    "boolean": True,
    "integer": 1,
    "long": 2**53 + 1,
    "float": 0.1,
    "double": 0.1,
    "string": "x",
    "binary": base64.b64encode(b"hi").decode(),
    "datetime": "2026-01-31T12:00:00.123456789",
}
CELLS = list(ROW.values())
NESTED = {"a": [1, 2.5], "o": {"k": 1}, "m": {"z": 2}}
UNSEEN = {**ROW, "binary": None}


def split(row=None, **more):
    return {"dataframe_split": {"columns": KINDS, "data": [row or CELLS], **more}}


def changed(**cells):
    return split([{**ROW, **cells}[name] for name in KINDS])


def csv(text):
    return text.encode()


FRAME = pd.DataFrame({"x": [1.5, 2.5], "y": pd.array([1, 2])})


def parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"

ASKS = {
    # Every form with every type.
    "split": Ask("columns", split()),
    "records": Ask("columns", {"dataframe_records": [ROW]}),
    "records in another order": Ask(
        "columns", {"dataframe_records": [dict(reversed(ROW.items()))]}
    ),
    "two records": Ask("columns", {"dataframe_records": [ROW, ROW]}),
    "an extra column": Ask("columns", {"dataframe_records": [{**ROW, "z": 1}]}),
    "split with an index": Ask("columns", split(index=[7])),
    "inputs": Ask("columns", {"inputs": {n: [v] for n, v in ROW.items()}}, differs="base64"),
    "instances": Ask("columns", {"instances": [ROW]}, differs="base64"),
    "unknown keys": Ask("columns", {**split(), "x": 1, "signature_name": "y"}),
    # Values.
    "a whole number for a double": Ask("columns", changed(double=3, float=4)),
    "a double for a long": Ask("columns", changed(long=3.0)),
    "a fraction for a long": Ask("columns", changed(long=1.5), differs="whole numbers"),
    "a fraction for an integer": Ask("columns", changed(integer=1.5), differs="whole numbers"),
    "a bool for a long": Ask("columns", changed(long=True), differs="bool"),
    "a bool for a double": Ask("columns", changed(double=True), differs="bool"),
    "a number for a bool": Ask("columns", changed(boolean=2), differs="bool"),
    "0 for a bool": Ask("columns", changed(boolean=0)),
    "text for a bool": Ask("columns", changed(boolean="false"), differs="bool"),
    "null for a bool": Ask("columns", changed(boolean=None), differs="bool"),
    "numeric text": Ask("columns", changed(double="1.5", long="7", float="2.5", integer="3")),
    "text for a double": Ask("columns", changed(double="x")),
    "text for a long": Ask("columns", changed(long="x")),
    "a fraction as text for a long": Ask("columns", changed(long="1.5")),
    "null for a double": Ask("columns", changed(double=None, float=None)),
    "null for a long": Ask("columns", changed(long=None)),
    "null for text": Ask("columns", changed(string=None)),
    "null for a datetime": Ask("columns", changed(datetime=None)),
    "a number for text": Ask("columns", changed(string=5)),
    "no base64": Ask("columns", changed(binary="not base64!")),
    "null for binary": Ask("columns", changed(binary=None), differs="null"),
    "a day": Ask("columns", changed(datetime="2026-01-31")),
    "a datetime with a zone": Ask("columns", changed(datetime="2026-01-31T12:00:00Z")),
    "no datetime": Ask("columns", changed(datetime="yesterday")),
    "nanoseconds for a datetime": Ask("columns", changed(datetime=1)),
    "too large for an integer": Ask("columns", changed(integer=2**31), differs="overflow"),
    "too large for a long": Ask("columns", changed(long=2**63), differs="overflow"),
    "too large for a float": Ask("columns", changed(float=1e300), differs="overflow"),
    "a list for a double": Ask("columns", changed(double=[1])),
    "an object for text": Ask("columns", changed(string={"a": 1})),
    # Missing and superfluous.
    "a missing column": Ask("columns", {"dataframe_records": [{"boolean": True}]}),
    "no rows": Ask("columns", {"dataframe_split": {"columns": KINDS, "data": []}}),
    "no columns": Ask("columns", {"dataframe_split": {"data": [CELLS]}}, differs="by position"),
    "ragged": Ask("columns", {"dataframe_split": {"columns": ["x"], "data": [[1], [1, 2]]}}),
    "an optional column": Ask("optional", {"dataframe_records": [{"x": 1, "y": 2}]}),
    "without the optional column": Ask("optional", {"dataframe_records": [{"x": 1}]}),
    "null in the optional column": Ask(
        "optional", {"dataframe_records": [{"x": 1, "y": None}]}, differs="null"
    ),
    # Cells with structure.
    "nested": Ask("nested", {"dataframe_records": [NESTED]}),
    "nested in inputs": Ask("nested", {"inputs": [NESTED]}, differs="structure"),
    "nested in one row of inputs": Ask("nested", {"inputs": NESTED}, differs="structure"),
    "nested without the optional part": Ask(
        "nested", {"dataframe_records": [{"a": [], "o": {"k": 1}}]}
    ),
    "an unknown key inside": Ask(
        "nested", {"dataframe_records": [{**NESTED, "o": {"k": 1, "z": 2}}]}
    ),
    "a missing key inside": Ask("nested", {"dataframe_records": [{**NESTED, "o": {}}]}),
    "a list of text for numbers": Ask("nested", {"dataframe_records": [{**NESTED, "a": ["x"]}]}),
    # Tensors.
    "a tensor": Ask("tensor", {"inputs": [[0.1, 2], [3, 4]]}),
    "a tensor as instances": Ask("tensor", {"instances": [[0.1, 2]]}),
    "a tensor of another shape": Ask("tensor", {"inputs": [[1, 2, 3]]}),
    "a ragged tensor": Ask("tensor", {"inputs": [[1], [1, 2]]}),
    "a tensor of text": Ask("tensor", {"inputs": [["x", "y"]]}),
    "a tensor with null": Ask("tensor", {"inputs": [[None, 1]]}),
    "a tensor as a frame": Ask(
        "tensor", {"dataframe_split": {"columns": ["p", "q"], "data": [[0.1, 2]]}}
    ),
    # One column without a name.
    "texts": Ask("text", {"inputs": ["a", "b"]}),
    "texts as instances": Ask("text", {"instances": ["a", "b"]}),
    "texts as a frame": Ask("text", {"dataframe_split": {"columns": ["t"], "data": [["a"]]}}),
    # Without a signature.
    "untyped split": Ask("none", {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}),
    "untyped records": Ask("none", {"dataframe_records": [{"a": 1}, {"b": 2.5}]}),
    "untyped inputs": Ask("none", {"inputs": [[1, 2], [3, 4]]}),
    "untyped instances": Ask("none", {"instances": [[1.5, 2]]}),
    "untyped named inputs": Ask("none", {"inputs": {"a": [1, 2]}}, differs="structure"),
    # Parameters.
    "parameters": Ask("optional", {"dataframe_records": [{"x": 1}], "params": {"k": 7}}),
    "unknown parameters": Ask("optional", {"dataframe_records": [{"x": 1}], "params": {"z": 7}}),
    "a parameter of another type": Ask(
        "optional", {"dataframe_records": [{"x": 1}], "params": {"k": "x"}}
    ),
    # Tables.
    "csv": Ask("optional", csv("x,y\n1.5,2\n2.5,3\n"), CSV),
    "csv without the optional column": Ask("optional", csv("x\n1.5\n"), CSV),
    "csv with a missing cell": Ask("optional", csv("x,y\n,2\n"), CSV),
    "csv with a fraction": Ask("optional", csv("x,y\n1,2.5\n"), CSV),
    "csv with text for a number": Ask("optional", csv("x,y\na,2\n"), CSV),
    "csv without the column": Ask("optional", csv("z\n1\n"), CSV),
    "csv of nothing": Ask("optional", b"", CSV),
    "csv that is no UTF-8": Ask("optional", b"\xff\xfe", CSV),
    "untyped csv": Ask("none", csv("a,b\n1,x\n"), CSV),
    "parquet": Ask("optional", parquet(FRAME), PARQUET),
    "untyped parquet": Ask("none", parquet(FRAME.astype({"y": "int64"})), PARQUET),
    "no parquet": Ask("optional", b"PAR1", PARQUET),
    # Requests that cannot be read.
    "no JSON": Ask("none", b"{"),
    "a list": Ask("none", [1]),
    "two forms": Ask("none", {"inputs": [1], "instances": [1]}),
    "no form": Ask("none", {"rows": []}),
    "records that are none": Ask("none", {"dataframe_records": {"a": 1}}),
    "split without data": Ask("none", {"dataframe_split": {"columns": []}}),
    "NaN": Ask("none", b'{"inputs": [[NaN]]}', differs="NaN"),
    "a key twice": Ask("none", b'{"inputs": [[1]], "inputs": [[2]]}', differs="NaN"),
    "the body of MLflow 1.x": Ask("none", {"columns": ["a"], "data": [[1]]}, differs="MLflow 1.x"),
    "another content type": Ask("none", b"x", "text/plain", differs="one shape"),
    "another charset": Ask("none", b"{}", "application/json; charset=latin-1", differs="one shape"),
    "no content type": Ask("none", b"{}", "", differs="one shape"),
}


@pytest.mark.parametrize("case", ASKS)
def test_both_answer_alike_or_the_docs_say_why_not(servers, case):
    ask = ASKS[case]
    ours, theirs = (
        server.invoke(ask.body, ask.content_type or None) for server in servers[ask.schema]
    )
    if ask.differs is None:
        assert alike(ours, theirs), (ours, theirs)
    else:
        assert not alike(ours, theirs), f"no difference any more: {ours}"


def alike(ours, theirs):
    """Equal predictions, or errors of the same kind in the same shape; their texts differ."""
    if ours.status != theirs.status or "json" not in theirs.headers["content-type"]:
        return False
    if ours.status == 200:
        return ours.json() == theirs.json()
    return {ours.json()["error_code"], theirs.json()["error_code"]} <= CODES


CODES = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE"}
"""MLflow answers a value that does not fit with either, depending on where it is converted."""


def test_there_are_enough_requests():
    assert len(ASKS) >= 60


def test_every_difference_is_in_the_docs():
    page = (ROOT / "docs" / "coming-from-mlflow.md").read_text()
    for word in {ask.differs for ask in ASKS.values() if ask.differs} | {"error codes"}:
        assert f"<!-- {word} -->" in page, word


def test_numbers_are_the_same_to_the_last_digit(servers):
    rows = np.random.default_rng(0).normal(size=(50, 2)) * 10.0 ** np.arange(-25, 25)[:, None]
    ours, theirs = (s.invoke({"inputs": rows.tolist()}).body for s in servers["none"])
    assert json.loads(ours) == json.loads(theirs)
