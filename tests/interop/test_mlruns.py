"""Folders of runs that either wrote are read by the other, and mean the same."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest

from flavorkit.tracking import entities as ours
from flavorkit.tracking.stores import open_store

ALL = 3
NOBODY = {"trace_location", "workspace"}


@pytest.fixture
def mlruns(mlflow, tmp_path, monkeypatch):
    """A folder, which MLflow takes for its store."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "mlruns"
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    # MLflow's registry of files asks the store of the process for logged models.
    mlflow.set_tracking_uri(folder.as_uri())
    mlflow.set_registry_uri(folder.as_uri())
    yield folder
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def store(mlruns):
    return open_store(mlruns)


@pytest.fixture
def client(mlflow, mlruns, store):
    """MLflow's client of the same folder; it is made after ours."""
    return mlflow.MlflowClient(mlruns.as_uri())


def number(value):
    """A number that can be compared, be it none."""
    return "nan" if math.isnan(value) else value


def point(metric):
    return (metric.key, metric.timestamp, number(metric.value), metric.step)


def measured(metric):
    return (*point(metric), metric.dataset_name, metric.dataset_digest, metric.run_id)


def same_of(thing, *names):
    return {name: getattr(thing, name) for name in names}


def experiment(one):
    names = ("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time")
    return {**same_of(one, *names, "last_update_time"), "tags": dict(one.tags)}


def run(one, history):
    names = ("run_id", "experiment_id", "user_id", "status", "start_time", "end_time")
    data, inputs = one.data, one.inputs
    return {
        **same_of(one.info, *names, "lifecycle_stage", "artifact_uri", "run_name"),
        "metrics": {key: number(value) for key, value in data.metrics.items()},
        # MLflow appends, and gives back, what is there already when it logs a model.
        "history": {key: sorted({*map(point, history(key))}, key=str) for key in data.metrics},
        "params": dict(data.params),
        "tags": dict(data.tags),
        "datasets": sorted(
            (
                *(used.dataset.name, used.dataset.digest, used.dataset.source_type),
                *(used.dataset.source, used.dataset.schema, used.dataset.profile),
                *((tag.key, tag.value) for tag in used.tags),
            )
            for used in inputs.dataset_inputs
        ),
        "used": sorted(model.model_id for model in inputs.model_inputs),
        "made": sorted((model.model_id, model.step) for model in one.outputs.model_outputs),
    }


def logged_model(one):
    names = ("model_id", "experiment_id", "name", "artifact_location", "creation_timestamp")
    more = ("last_updated_timestamp", "model_type", "source_run_id", "status_message", "model_uri")
    return {
        **same_of(one, *names, *more),
        "status": str(one.status.value),
        "tags": dict(one.tags),
        "params": dict(one.params),
        "metrics": sorted(map(measured, one.metrics or ())),
    }


def version(one):
    names = ("name", "creation_timestamp", "last_updated_timestamp", "description", "user_id")
    more = ("current_stage", "source", "run_id", "status", "run_link", "model_id")
    return {
        **same_of(one, *names, *more),
        "version": str(one.version),
        "tags": dict(one.tags),
        "aliases": sorted(one.aliases),
    }


def registered(one):
    names = ("name", "creation_timestamp", "last_updated_timestamp", "description")
    return {
        **same_of(one, *names),
        "tags": dict(one.tags),
        "aliases": {alias: str(version) for alias, version in one.aliases.items()},
        "latest": sorted(
            (one.current_stage, str(one.version)) for one in one.latest_versions or ()
        ),
    }


def all_of(store, **names):
    """What a store, ours or MLflow's, says about all that is in it."""
    views = [one.experiment_id for one in store.search_experiments(view_type=ALL)]
    view = {names.get("view", "view_type"): ALL}
    runs = [one.info.run_id for one in store.search_runs(views, **view)]
    versions = store.search_model_versions()
    return {
        "experiments": {one: experiment(store.get_experiment(one)) for one in views},
        "runs": {
            one: run(store.get_run(one), lambda key, one=one: store.get_metric_history(one, key))
            for one in runs
        },
        "models": {one.model_id: logged_model(one) for one in store.search_logged_models(views)},
        "registered": {one.name: registered(one) for one in store.search_registered_models()},
        "versions": {(one.name, str(one.version)): version(one) for one in versions},
        "places": [
            store.get_model_version_download_uri(one.name, str(one.version)) for one in versions
        ],
    }


def assert_same(store, client):
    """Either says the same about all that there is."""
    mine, theirs = all_of(store), all_of(client, view="run_view_type")
    for kind, found in theirs.items():
        assert mine[kind] == found, kind
    return mine


def log_with(store):
    """An experiment of everything, written by us."""
    experiment_id = store.create_experiment("Größe: a/b %", tags={"a/b": "1", "k": "模型"})
    made = store.create_run(
        experiment_id, user_id="ada", run_name="one", tags=[ours.RunTag("t", "v")]
    )
    run_id = made.info.run_id
    for step in range(5):
        store.log_metric(run_id, ours.Metric("loss", 1 / (step + 1), 100 + step, step))
    store.log_batch(
        run_id,
        [
            ours.Metric("group/acc", math.nan, 1, 2),
            ours.Metric("big", math.inf, 1, -2),
            ours.Metric("small", 5e-324, 1, 0),
        ],
        [ours.Param("p/q", "1"), ours.Param("x", " a\nb 'c' "), ours.Param("empty", "")],
        [ours.RunTag("mlflow.runName", "2024-01-01"), ours.RunTag("a/b/c", "d")],
    )
    store.log_inputs(
        run_id,
        [
            ours.DatasetInput(
                ours.Dataset("data", "d1", "local", '{"uri": "x"}', "{}", "{}"),
                [ours.InputTag("mlflow.data.context", "train")],
            )
        ],
    )
    model = store.create_logged_model(
        experiment_id,
        "a-model",
        source_run_id=run_id,
        tags={"t/u": "1"},
        params={"p": "2"},
        model_type="agent",
    )
    store.finalize_logged_model(model.model_id, "READY")
    store.log_outputs(run_id, [ours.LoggedModelOutput(model.model_id, 3)])
    store.log_inputs(run_id, models=[ours.LoggedModelInput(model.model_id)])
    store.log_metric(run_id, ours.Metric("f1", 0.5, 1, 0, model.model_id))
    store.log_metric(run_id, ours.Metric("f1", 0.75, 1, 1, model.model_id))
    store.update_run(run_id, "FINISHED", 12345)
    gone_model = store.create_logged_model(experiment_id, "gone")
    store.delete_logged_model(gone_model.model_id)
    store.delete_run(store.create_run(experiment_id).info.run_id)
    gone = store.create_experiment("gone")
    store.create_run(gone)
    store.delete_experiment(gone)
    store.create_registered_model("plain", {"a": "b"}, "about it")
    store.create_registered_model("with space, 模型")
    store.create_model_version("plain", model.model_uri, tags={"x/y": "z"}, description="first")
    store.create_model_version("plain", f"runs:/{run_id}/model", run_link="https://x")
    store.create_model_version("plain", "s3://bucket/there")
    store.delete_model_version("plain", "3")
    store.create_model_version("with space, 模型", "models:/plain/1")
    store.set_registered_model_alias("plain", "champion", "1")
    store.set_registered_model_alias("plain", "old", "2")
    store.delete_registered_model_alias("plain", "old")
    store.transition_model_version_stage("plain", "2", "Production")
    return run_id


def log_with_mlflow(mlflow, client):
    """The same, written by MLflow."""
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
        Param,
        RunTag,
    )

    experiment_id = client.create_experiment("Größe: a/b %", tags={"a/b": "1", "k": "模型"})
    run_id = client.create_run(experiment_id, run_name="one", tags={"t": "v"}).info.run_id
    for step in range(5):
        client.log_metric(run_id, "loss", 1 / (step + 1), 100 + step, step)
    client.log_batch(
        run_id,
        [
            Metric("group/acc", math.nan, 1, 2),
            Metric("big", math.inf, 1, -2),
            Metric("small", 5e-324, 1, 0),
        ],
        [Param("p/q", "1"), Param("x", " a\nb 'c' "), Param("empty", "")],
        [RunTag("mlflow.runName", "2024-01-01"), RunTag("a/b/c", "d")],
    )
    client.log_inputs(
        run_id,
        [
            DatasetInput(
                Dataset("data", "d1", "local", '{"uri": "x"}', "{}", "{}"),
                [InputTag("mlflow.data.context", "train")],
            )
        ],
    )
    model = client.create_logged_model(
        experiment_id, "a-model", run_id, {"t/u": "1"}, {"p": "2"}, "agent"
    )
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 3)])
    client.log_inputs(run_id, models=[LoggedModelInput(model.model_id)])
    client.log_metric(run_id, "f1", 0.5, 1, 0, model_id=model.model_id)
    client.log_metric(run_id, "f1", 0.75, 1, 1, model_id=model.model_id)
    client.set_terminated(run_id, end_time=12345)
    client.delete_logged_model(client.create_logged_model(experiment_id, "gone").model_id)
    client.delete_run(client.create_run(experiment_id).info.run_id)
    gone = client.create_experiment("gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    client.create_registered_model("plain", {"a": "b"}, "about it")
    client.create_registered_model("with space, 模型")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client.create_model_version(
            "plain",
            model.model_uri,
            tags={"x/y": "z"},
            description="first",
            model_id=model.model_id,
        )
        client.create_model_version("plain", "s3://bucket/a", run_id, run_link="https://x")
        client.create_model_version("plain", "s3://bucket/there")
        client.delete_model_version("plain", "3")
        client.create_model_version("with space, 模型", "models:/plain/1")
        client.set_registered_model_alias("plain", "champion", "1")
        client.set_registered_model_alias("plain", "old", "2")
        client.delete_registered_model_alias("plain", "old")
        client.transition_model_version_stage("plain", "2", "Production")
    return run_id


def test_mlflow_reads_what_we_wrote(store, client):
    run_id = log_with(store)
    found = assert_same(store, client)
    assert len(found["runs"]) == 3
    assert found["runs"][run_id]["metrics"]["group/acc"] == "nan"
    assert set(found["versions"]) == {
        ("plain", "1"),
        ("plain", "2"),
        ("with space, 模型", "1"),
    }
    assert {one["lifecycle_stage"] for one in found["experiments"].values()} == {
        "active",
        "deleted",
    }


def test_we_read_what_mlflow_wrote(mlflow, store, client):
    run_id = log_with_mlflow(mlflow, client)
    found = assert_same(store, client)
    assert len(found["runs"]) == 3
    assert found["runs"][run_id]["run_name"] == "2024-01-01"
    assert len(found["models"]) == 1
    assert set(found["registered"]) == {"plain", "with space, 模型"}


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_either_goes_on_where_the_other_stopped(mlflow, store, client, first):
    run_id = log_with(store) if first == "ours" else log_with_mlflow(mlflow, client)
    client.log_metric(run_id, "loss", 7.0, 500, 50)
    store.log_metric(run_id, ours.Metric("loss", 8.0, 600, 60))
    client.set_tag(run_id, "by", "them")
    store.set_tag(run_id, ours.RunTag("by", "us"))
    client.update_run(run_id, name="renamed")
    store.update_run(run_id, "FAILED")
    for one in client.search_runs([store.get_run(run_id).info.experiment_id], run_view_type=2):
        store.restore_run(one.info.run_id)
    (gone,) = client.search_experiments(view_type=2)
    if first == "ours":
        client.restore_experiment(gone.experiment_id)
    else:
        store.restore_experiment(gone.experiment_id)
    client.update_registered_model("plain", "described by them")
    store.rename_registered_model("with space, 模型", "renamed")
    made = client.create_model_version("plain", "s3://bucket/next")
    assert str(made.version) == "4"
    assert store.create_model_version("plain", "s3://bucket/next").version == "5"
    store.set_registered_model_alias("plain", "champion", "5")
    client.set_registered_model_alias("plain", "next", "4")
    found = assert_same(store, client)
    mine = found["runs"][run_id]
    assert (mine["status"], mine["run_name"]) == ("FAILED", "renamed")
    assert mine["metrics"]["loss"] == 8.0
    assert {one["lifecycle_stage"] for one in found["runs"].values()} == {"active"}
    assert found["registered"]["plain"]["aliases"] == {"champion": "5", "next": "4"}
    assert [change.after for change in store.get_registry_history("plain")][-1] == "5"


def test_what_has_another_name_in_the_folder_is_listed_by_mlflow(store, client):
    """MLflow refuses names with a sign of percent, and would list nothing if a folder had one."""
    store.create_registered_model("50% off")
    store.create_model_version("50% off", "s3://bucket/there")
    (found,) = client.search_registered_models()
    assert (found.name, found.latest_versions[0].version) == ("50% off", 1)


def test_what_is_unfinished_or_of_us_is_nothing_to_mlflow(store, client, mlruns):
    run_id = log_with(store)
    registered_folder = mlruns / "models" / "plain"
    assert (registered_folder / ".flavorkit-history.jsonl").is_file()
    experiment_folder = mlruns / store.get_run(run_id).info.experiment_id
    before = all_of(client, view="run_view_type")
    # What stays behind when a process is killed in the middle.
    for folder in (
        *(registered_folder, experiment_folder / run_id),
        *(experiment_folder / "models" / next(iter(before["models"])), experiment_folder),
    ):
        (folder / ".flavorkit-new").mkdir()
        (folder / ".flavorkit-new" / "meta.yaml").write_text("a: b")
        (folder / ".flavorkit-new-file").write_text("half")
    (experiment_folder / ("f" * 32) / "tags").mkdir(parents=True)
    (mlruns / ".trash" / "flavorkit-new" / "datasets" / "x").mkdir(parents=True)
    (mlruns / ".trash" / "flavorkit-new" / "datasets" / "x" / "meta.yaml").write_text("name: x")
    (mlruns / "123456789012345678" / "tags").mkdir(parents=True)
    (experiment_folder / ".flavorkit-new" / "meta.yaml").unlink()
    assert all_of(client, view="run_view_type") == before
    assert_same(store, client)


def test_a_metric_on_a_dataset_has_its_step(store, client):
    """MLflow reads the steps of such lines as 0: that is a bug of its own, which we leave to it."""
    experiment_id = store.create_experiment("x")
    run_id = store.create_run(experiment_id).info.run_id
    store.log_metric(
        run_id, ours.Metric("acc", 0.5, 10, 3, dataset_name="my data", dataset_digest="d")
    )
    from mlflow.entities import Metric

    client.log_batch(run_id, [Metric("acc", 0.75, 20, 4, dataset_name="other", dataset_digest="d")])
    assert [
        (one.value, one.step, one.dataset_name, one.dataset_digest)
        for one in store.get_metric_history(run_id, "acc")
    ] == [(0.5, 3, "my data", "d"), (0.75, 4, "other", "d")]
    theirs = client.get_metric_history(run_id, "acc")
    assert [(one.value, one.step) for one in theirs] == [(0.5, 0), (0.75, 0)]


def test_a_value_that_mlflow_logs_twice_is_there_once(store, client):
    run_id = store.create_run("0").info.run_id
    for _ in range(3):
        client.log_metric(run_id, "acc", 0.5, 10, 3)
        store.log_metric(run_id, ours.Metric("acc", 0.5, 10, 3))
    assert [point(one) for one in store.get_metric_history(run_id, "acc")] == [("acc", 10, 0.5, 3)]
    assert len(client.get_metric_history(run_id, "acc")) == 6


def test_a_model_that_mlflow_logs_is_found(mlflow, store, client, iris_model):
    mlflow.set_experiment("with a model")
    with mlflow.start_run() as active:
        mlflow.log_metric("acc", 0.5)
        info = mlflow.sklearn.log_model(
            iris_model, name="iris", registered_model_name="iris", pip_requirements=[]
        )
    found = assert_same(store, client)
    (model,) = found["models"].values()
    assert (model["model_id"], model["source_run_id"]) == (info.model_id, active.info.run_id)
    assert found["versions"]["iris", "1"]["source"] == f"models:/{info.model_id}"
    place = store.get_model_version_download_uri("iris", "1")
    assert Path(place.removeprefix("file://"), "MLmodel").is_file()


def test_mlflow_moves_what_we_wrote_into_a_database(mlflow, store, mlruns):
    """Its command migrate-filestore knows the folders better than its store does."""
    from mlflow.store.fs2db import migrate

    run_id = log_with(store)
    before = all_of(store)
    target = f"sqlite:///{mlruns.parent}/migrated.db"
    migrate(mlruns.parent, target, progress=False)
    mlflow.set_tracking_uri(target)
    mlflow.set_registry_uri(target)
    after = all_of(mlflow.MlflowClient(target), view="run_view_type")
    assert after["experiments"] == before["experiments"]
    assert after["registered"] == before["registered"]
    assert after["places"] == before["places"]
    assert set(after["models"]) == set(before["models"])
    assert set(after["versions"]) == set(before["versions"])
    # The largest number is what MLflow's databases have for infinity.
    for found in (after["runs"][run_id], before["runs"][run_id]):
        for values in (found["metrics"], found["history"]):
            del values["big"]
    assert after["runs"] == before["runs"]
