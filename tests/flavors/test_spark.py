"""What is special to Spark: its session, vectors, rows that move, classes that it makes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import (
    InvalidInputError,
    MissingDependencyError,
    PredictionError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors import java, registry
from flavorkit.flavors.spark import session as spark_session
from tests.flavors.cases.spark import CASE, in_spark

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.skipif(CASE.missing() is not None, reason="Spark is not installed"),
]

MODELS = {model.name: model for model in CASE.models}


@pytest.fixture(scope="module")
def session():
    return spark_session.session()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("spark") / "m"
    MODELS["pipeline"].save(path)
    return path


def predictions(model, data, path):
    flavorkit.save_model(model, path, signature=False)
    return flavorkit.load_model(path).predict(data)


def test_a_model_alone_becomes_a_pipeline_of_one_stage(tmp_path):
    from pyspark.ml import PipelineModel

    written = MODELS["vectors"].save(tmp_path / "m")
    native = flavorkit.spark.load_model(tmp_path / "m")
    assert isinstance(native, PipelineModel)
    assert [type(stage).__name__ for stage in native.stages] == ["LogisticRegressionModel"]
    assert written.flavors["spark"]["model_class"] == "pyspark.ml.pipeline.PipelineModel"
    assert written.flavors["spark"]["model_data"] == "sparkml"


def test_vectors_are_lists_in_the_signature(tmp_path):
    written = MODELS["vectors"].save(tmp_path / "m")
    assert json.loads(written.signature.to_dict()["inputs"])[0] == {
        "type": "array",
        "items": {"type": "double"},
        "name": "features",
        "required": True,
    }
    assert json.loads(written.signature.to_dict()["outputs"])[0]["type"] == "array"


def test_a_signature_may_say_vector(tmp_path):
    from flavorkit.types import ColSpec, Schema, SparkMLVector

    model = MODELS["vectors"]
    inputs = Schema([ColSpec(SparkMLVector(), "features")])
    model.save(tmp_path / "m", signature=flavorkit.ModelSignature(inputs=inputs))
    found = flavorkit.load_model(tmp_path / "m").predict(model.data)
    np.testing.assert_allclose(found, model.answer(model.data))


def test_vectors_of_spark_itself_are_taken(tmp_path):
    from pyspark.ml.linalg import Vectors

    model = MODELS["vectors"]
    rows = pd.DataFrame({"features": [Vectors.dense([1, 2]), Vectors.sparse(2, {1: 3.0})]})
    expected = model.answer(pd.DataFrame({"features": [[1.0, 2.0], [0.0, 3.0]]}))
    np.testing.assert_allclose(predictions(model.native, rows, tmp_path / "m"), expected)


def test_lists_stay_lists_where_the_model_takes_lists(session, tmp_path):
    from pyspark.ml.feature import HashingTF

    stage = HashingTF(inputCol="n", outputCol="prediction", numFeatures=4)
    (found,) = predictions(stage, pd.DataFrame({"n": [[1, 2, 3]]}), tmp_path / "m")
    assert sum(found) == 3.0


def test_many_rows_keep_their_order(tmp_path):
    """So many that several tasks and a join give them back in another."""
    model = MODELS["recommendations"]
    rows = pd.concat([model.data] * 10_000, ignore_index=True)
    model.save(tmp_path / "m")
    found = flavorkit.load_model(tmp_path / "m").predict(rows)
    np.testing.assert_allclose(found, model.answer(model.data) * 10_000, rtol=1e-6)


def test_a_row_that_the_model_leaves_out_has_no_answer(session, tmp_path):
    from pyspark.ml.feature import StringIndexer

    known = in_spark([("a",), ("b",), ("a",)], "word string")
    indexer = StringIndexer(inputCol="word", outputCol="prediction", handleInvalid="skip")
    rows = pd.DataFrame({"word": ["b", "new", None, "a"]})
    assert predictions(indexer.fit(known), rows, tmp_path / "m") == [1.0, None, None, 0.0]


def test_what_the_last_stage_puts_out_is_the_answer(session, tmp_path):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import MinMaxScaler, VectorAssembler

    known = in_spark([(1.0, 2.0), (3.0, 4.0)], "x double, y double")
    stages = [VectorAssembler(inputCols=["x", "y"], outputCol="v")]
    stages.append(MinMaxScaler(inputCol="v", outputCol="scaled"))
    rows = pd.DataFrame({"x": [2.0], "y": [4.0]})
    assert predictions(Pipeline(stages=stages).fit(known), rows, tmp_path / "m") == [[0.5, 1.0]]


def test_a_selection_is_predicted_in_its_order(session, tmp_path):
    from pyspark.ml.feature import SQLTransformer

    rows = pd.DataFrame({"x": [3.0, 1.0, 2.0]})
    stage = SQLTransformer(statement="SELECT x * 2 AS prediction FROM __THIS__")
    assert predictions(stage, rows, tmp_path / "a") == [6.0, 2.0, 4.0]
    stage = SQLTransformer(statement="SELECT x AS prediction FROM __THIS__ WHERE x > 1")
    with pytest.raises(PredictionError, match="2 rows for 3, and nothing says which"):
        predictions(stage, rows, tmp_path / "b")
    stage = SQLTransformer(statement="SELECT x AS y FROM __THIS__")
    with pytest.raises(PredictionError, match=r"gives the columns \['y'\]"):
        predictions(stage, rows, tmp_path / "c")
    statement = "SELECT *, named_struct('double', x * 2, 'half', x / 2) AS prediction FROM __THIS__"
    assert predictions(SQLTransformer(statement=statement), rows[:1], tmp_path / "d") == [
        {"double": 6.0, "half": 1.5}
    ]


def test_types_of_columns_that_arrow_spells_in_another_way(session, tmp_path):
    from pyspark.ml.feature import SQLTransformer

    columns = {
        "a.b": pd.Series(["x", None]),
        "category": pd.Categorical(["u", "v"]),
        "day": pd.to_datetime(["2020-01-02", None]),
        "flag": pd.array([True, None], "boolean"),
        "whole": pd.array([1, None], "Int64"),
        "small": np.array([1, 2], "int8"),
    }
    names = ", ".join(f"coalesce(string(`{name}`), '-')" for name in columns)
    stage = SQLTransformer(statement=f"SELECT *, array({names}) AS prediction FROM __THIS__")
    found = predictions(stage, pd.DataFrame(columns), tmp_path / "m")
    assert found == [
        ["x", "u", "2020-01-02 00:00:00", "true", "1", "1"],
        ["-", "v", "-", "-", "-", "2"],
    ]


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("colour", ["mauve", "red"], "Unseen label: mauve"),
        ("x", [np.nan, 1.0], "Encountered null while assembling"),
        ("x", ["many", "few"], "Data type string of column x is not supported"),
        ("x", [1, "two"], "Spark does not take it: "),
        ("x", np.array([1, 2], "uint8"), "uint8 is not supported"),
    ],
    ids=["unseen", "missing", "text", "mixed", "unsigned"],
)
def test_data_that_the_model_does_not_take_is_the_callers_error(tmp_path, column, values, problem):
    model = MODELS["pipeline"]
    rows = model.data[:2].assign(**{column: values})
    with pytest.raises(InvalidInputError, match=problem):
        predictions(model.native, rows, tmp_path / "m")


def test_no_rows_have_no_answers(folder):
    assert flavorkit.load_model(folder).predict(MODELS["pipeline"].data[:0]) == []


def test_requests_of_a_trusted_pipeline_may_be_merged(session, folder):
    from pyspark.ml import PipelineModel
    from pyspark.ml.feature import SQLTransformer

    flavor = registry.get_flavor("spark")
    native = flavorkit.spark.load_model(folder)
    sql = SQLTransformer(statement="SELECT *, avg(x) OVER () AS prediction FROM __THIS__")
    assert flavor.row_wise(native)
    assert not flavor.row_wise(PipelineModel([native, sql]))


def test_what_cannot_be_written_says_why(session, tmp_path):
    from pyspark.ml import PipelineModel
    from pyspark.ml.classification import LogisticRegression

    from tests.flavors.spark_stages import Forgetful

    for model, problem in [
        (LogisticRegression(), r"is not fitted; save what its fit\(\) returns"),
        (session, "is no model or transformer"),
        (Forgetful(), "derive it from DefaultParamsReadable"),
        (PipelineModel([Forgetful()]), "Spark cannot write it: .*Forgetful"),
    ]:
        with pytest.raises(UnsavableModelError, match=problem):
            flavorkit.save_model(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_stages_in_python_are_saved_by_name(session, tmp_path):
    from tests.flavors.spark_stages import Doubler

    rows = pd.DataFrame({"x": [1.0, 2.0]})
    with pytest.warns(UserWarning, match="the model refers to tests"):
        found = predictions(Doubler(), rows, tmp_path / "m")
    assert found == [2.0, 4.0]


@pytest.mark.parametrize("name", ["a b", "a[1]{x}", "a*?,b", "größe", "a%20b#c"])
def test_any_name_of_a_folder_will_do(name, folder, tmp_path):
    model = MODELS["pipeline"]
    model.save(tmp_path / name / "m")
    assert flavorkit.load_model(tmp_path / name / "m").predict(model.data)


def test_a_cluster_writes_where_all_its_machines_reach(session, tmp_path, monkeypatch):
    model = MODELS["pipeline"]
    shared = f"file://{tmp_path}/shared"
    model.save(tmp_path / "m", dfs_tmpdir=shared)
    assert list((tmp_path / "shared").iterdir()) == []
    native = flavorkit.spark.load_model(tmp_path / "m", dfs_tmpdir=shared)
    assert model.expected(native, model.data) == model.answer(model.data)
    assert len(list((tmp_path / "shared").iterdir())) == 1
    monkeypatch.setattr(session.sparkContext, "master", "spark://far:7077")
    with pytest.raises(UnsavableModelError, match="pass dfs_tmpdir="):
        model.save(tmp_path / "n")


def test_broken_files_are_named(folder, tmp_path):
    descriptor = ModelDescriptor.read(folder)
    flavor = registry.get_flavor("spark")
    config = dict(descriptor.flavors["spark"])
    from flavorkit.trust import Grant

    grant = Grant.of_own(folder)
    (tmp_path / "sparkml").mkdir()
    with pytest.raises(UnreadableModelError, match="sparkml cannot be loaded"):
        flavor.load(tmp_path, config, trust=grant)
    config["model_class"] = "pyspark.ml.connect.classification.LogisticRegressionModel"
    with pytest.raises(UnreadableModelError, match=r"models of pyspark\.ml\.connect"):
        flavor.load(tmp_path, config, trust=grant)


def test_our_session_listens_on_loopback_only(session):
    listening = open_ports(session.sparkContext._gateway.proc.pid)
    assert listening
    assert all(address.endswith("0100007F") for address in listening)


def open_ports(pid):
    """The local addresses, in hex, at which a process listens."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(entry.readlink().name)
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                found.append(fields[1].partition(":")[0])
    return found


def test_without_java_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="the spark flavor needs Java: install Java"):
        java.need_java("the spark flavor")


ALONE = """
import pathlib, sys, flavorkit
from flavorkit.flavors import java
from flavorkit.flavors.spark import session as spark_session
from flavorkit.signature import example
from pyspark.sql import SparkSession
model = flavorkit.load_model(sys.argv[1])
data, _ = example.read(pathlib.Path(sys.argv[1]), model.metadata.saved_input_example_info)
first = model.predict(data)
print(java.scratch("spark"))
print(oct(java.scratch("spark").stat().st_mode & 0o777))
SparkSession.active().stop()
assert model.predict(data) == first
SparkSession.active().stop()
own = SparkSession.builder.master("local[1]").appName("mine").getOrCreate()
assert model.predict(data) == first
assert spark_session.session() is own
assert own.sparkContext.appName == "mine"
"""


def test_it_leaves_nothing_behind(folder, tmp_path):
    """Neither files nor talk. A session that is stopped is started again; the caller's is used."""
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, folder],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scratch, mode = done.stdout.splitlines()
    assert mode == "0o700"
    assert not Path(scratch).exists()
    assert list((tmp_path / "empty").iterdir()) == []
    # What Java itself says of the modules that Spark's launcher names.
    assert set(done.stderr.splitlines()) <= {
        "WARNING: Using incubator modules: jdk.incubator.vector"
    }
