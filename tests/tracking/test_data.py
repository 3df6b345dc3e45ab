"""A run notes which data it used: by name, digest, columns, size and origin."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.types.schema import ColSpec, Schema
from tests.tracking.workspace import workspace

__all__ = ["workspace"]

FRAME = pd.DataFrame({"x": [1.5, 2.5], "n": [1, 2], "t": ["a", "b"], "y": [True, False]})
FEATURES = np.arange(24, dtype=np.float64).reshape(2, 3, 4)


@pytest.fixture
def theirs():
    return pytest.importorskip("mlflow.data", reason="MLflow is not installed")


def same_as_mlflows(ours, theirs):
    mine, yours = ours.to_dict(), theirs.to_dict()
    assert mine.keys() == yours.keys()
    for key in ("schema", "profile", "source"):
        assert json.loads(mine[key]) == json.loads(yours[key])
    for key in ("name", "digest", "source_type"):
        assert mine[key] == yours[key]


@pytest.mark.filterwarnings("ignore")  # of MLflow
@pytest.mark.parametrize(
    ("function", "data", "options"),
    [
        ("from_pandas", FRAME, {"source": "s3://bucket/a.csv", "targets": "y", "name": "n"}),
        ("from_pandas", FRAME, {"source": "https://example.com/a.csv"}),
        ("from_pandas", FRAME, {"source": "/data/a.csv", "digest": "abc"}),
        ("from_numpy", FEATURES, {"source": "a.npy", "targets": np.array([0, 1])}),
        ("from_numpy", {"a": FEATURES, "b": np.ones(3)}, {"source": "gs://b/c"}),
    ],
)
def test_datasets_are_described_as_mlflow_does(function, data, options, theirs):
    ours = getattr(flavorkit.data, function)(data, **options)
    same_as_mlflows(ours, getattr(theirs, function)(data, **options))


@pytest.mark.filterwarnings("ignore")  # of MLflow
def test_digests_of_frames_are_mlflows_up_to_ten_thousand_rows(theirs):
    rng = np.random.default_rng(0)
    for rows in (1, 500, 10_000):
        frame = pd.DataFrame(
            {
                "a": rng.normal(size=rows),
                "b": rng.integers(5, size=rows).astype(str),
                "c": pd.Timestamp("2020-01-01"),
                3: np.float32(1),
            }
        )
        ours, yours = (
            module.from_pandas(frame, source="x").digest for module in (flavorkit.data, theirs)
        )
        assert ours == yours


def test_a_frame_without_rows_is_a_dataset():
    frame = pd.DataFrame({"t": pd.Series(dtype="datetime64[ns]"), "s": pd.Series(dtype=str)})
    assert flavorkit.data.from_pandas(frame, source="x").to_dict()["digest"]


def test_data_that_differ_have_other_digests():
    digests = {
        flavorkit.data.from_pandas(frame, source="x").digest
        for frame in (FRAME, FRAME.iloc[:1], FRAME.rename(columns={"x": "z"}), FRAME.assign(n=3))
    }
    assert len(digests) == 4
    assert flavorkit.data.from_pandas(FRAME.copy(), source="x").digest in digests


def test_large_data_are_sampled():
    frame = pd.DataFrame({"a": np.zeros(1_000_000), "t": "x"})
    longer = pd.concat([frame, frame.head(1)], ignore_index=True)
    ours, other = (flavorkit.data.from_pandas(one, source="x") for one in (frame, longer))
    assert ours.digest != other.digest
    assert ours.profile == {"num_rows": 1_000_000, "num_elements": 2_000_000}


def test_frames_of_polars_are_datasets():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame({"x": [1.5, 2.5], "t": ["a", "b"]})
    dataset = flavorkit.data.from_polars(frame, source="a.parquet", targets="t", name="p")
    assert dataset.profile == {"num_rows": 2, "num_elements": 4}
    assert dataset.digest == flavorkit.data.from_polars(frame.clone(), source="a.parquet").digest
    assert [column.name for column in dataset.schema] == ["x", "t"]


def test_columns_must_be_there():
    with pytest.raises(InvalidArgumentError, match=r"no column 'z'; it has 'x', 'n', 't', 'y'"):
        flavorkit.data.from_pandas(FRAME, targets="z")


@pytest.mark.usefixtures("workspace")
def test_a_run_notes_its_data():
    dataset = flavorkit.data.from_pandas(FRAME, source="s3://bucket/a.csv", name="flowers")
    with flavorkit.start_run() as run:
        flavorkit.log_input(dataset, context="training", tags={"k": "v"})
        flavorkit.log_inputs(
            [flavorkit.data.from_numpy(FEATURES), None], ["validation", None], [None, None]
        )
    inputs = flavorkit.get_run(run.info.run_id).inputs.dataset_inputs
    found = {noted.dataset.name: noted for noted in inputs}
    assert found.keys() == {"flowers", "dataset"}
    noted = found["flowers"]
    assert noted.dataset.digest == dataset.digest
    assert {tag.key: tag.value for tag in noted.tags} == {
        "mlflow.data.context": "training",
        "k": "v",
    }
    source = flavorkit.data.get_source(noted)
    assert (source.source_type, source.uri) == ("s3", "s3://bucket/a.csv")
    assert flavorkit.data.get_source(found["dataset"]).source_type == "code"
    assert flavorkit.data.get_source(dataset) is dataset.source
    found = flavorkit.search_runs(filter_string="dataset.name = 'flowers'", output_format="list")
    assert [one.info.run_id for one in found] == [run.info.run_id]


@pytest.mark.usefixtures("workspace")
def test_a_metric_says_which_data_it_was_measured_on():
    dataset = flavorkit.data.from_pandas(FRAME, source="a.csv", name="flowers")
    with flavorkit.start_run() as run:
        flavorkit.log_metric("loss", math.pi, dataset=dataset)
        flavorkit.log_metrics({"accuracy": 1.0}, dataset=dataset)
    logged = flavorkit.get_run(run.info.run_id)
    assert [one.dataset.name for one in logged.inputs.dataset_inputs] == ["flowers"]
    model = flavorkit.create_external_model()
    flavorkit.log_metric(
        "loss", 1, run_id=run.info.run_id, model_id=model.model_id, dataset=dataset
    )
    (metric,) = flavorkit.get_logged_model(model.model_id).metrics
    assert (metric.dataset_name, metric.dataset_digest) == ("flowers", dataset.digest)


@pytest.mark.usefixtures("workspace")
def test_data_that_are_elsewhere_need_no_content():
    from flavorkit.data.http_dataset_source import HTTPDatasetSource
    from flavorkit.data.meta_dataset import MetaDataset

    source = HTTPDatasetSource("https://example.com/corpus.tar.gz")
    dataset = MetaDataset(source, name="corpus", schema=Schema([ColSpec("string", "text")]))
    with flavorkit.start_run() as run:
        flavorkit.log_input(dataset)
    (noted,) = flavorkit.get_run(run.info.run_id).inputs.dataset_inputs
    assert json.loads(noted.dataset.source) == {"url": "https://example.com/corpus.tar.gz"}
    assert len(noted.dataset.digest) == 8


@pytest.mark.usefixtures("workspace")
def test_lists_of_inputs_go_together():
    with flavorkit.start_run():
        with pytest.raises(
            InvalidArgumentError, match=r"one entry for each dataset, not 1, 2 and 0"
        ):
            flavorkit.log_inputs([flavorkit.data.from_pandas(FRAME)], ["a", "b"])
        with pytest.raises(InvalidArgumentError, match=r"pass dataset=, too"):
            flavorkit.log_input(context="training")


def test_a_source_that_cannot_be_loaded_says_so():
    dataset = flavorkit.data.from_pandas(FRAME)
    with pytest.raises(NotFoundError, match=r"'code' cannot be loaded"):
        dataset.source.load()
    with pytest.raises(InvalidArgumentError, match=r"a path, a URI or a source .* not int"):
        flavorkit.data.from_pandas(FRAME, source=3)
