"""MLflow's client, as it is, against our server; our store against MLflow's server."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from flavorkit.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedByStoreError,
)
from flavorkit.tracking.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from flavorkit.tracking.stores import open_store

pytestmark = pytest.mark.xdist_group("tracking servers")

SOME_TIME = 1_700_000_000_000


@pytest.fixture
def client(mlflow, flavorkit_tracking_server, monkeypatch):
    """MLflow, told to use it."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(flavorkit_tracking_server)
    mlflow.set_registry_uri(flavorkit_tracking_server)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


class TestTheirClient:
    """The calls of MLflow's client, in the order it makes them."""

    def test_experiments(self, mlflow, client):
        made = mlflow.set_experiment("demo")
        assert mlflow.set_experiment("demo").experiment_id == made.experiment_id
        client.set_experiment_tag(made.experiment_id, "team", "a")
        assert client.get_experiment(made.experiment_id).tags["team"] == "a"
        found = client.search_experiments(filter_string="name LIKE 'd%'")
        assert [one.name for one in found] == ["demo"]
        other = client.create_experiment("other", tags={"a": "b"})
        client.rename_experiment(other, "renamed")
        client.delete_experiment(other)
        assert client.get_experiment_by_name("renamed").lifecycle_stage == "deleted"
        client.restore_experiment(other)
        assert client.get_experiment(other).name == "renamed"

    def test_a_run_and_all_that_is_logged(self, mlflow, client, tmp_path):
        mlflow.set_experiment("runs")
        with mlflow.start_run(run_name="r1") as run:
            run_id = run.info.run_id
            mlflow.log_param("lr", 0.1)
            mlflow.log_params({"a": 1, "b": "x"})
            mlflow.log_metric("loss", 0.5, step=1)
            mlflow.log_metric("nanm", math.nan)
            mlflow.log_metric("infm", math.inf)
            mlflow.log_metrics({"m1": 1.0, "m2": 2.0}, step=2)
            mlflow.set_tag("k", "v")
            mlflow.set_tags({"k2": "v2", "k3": "v3"})
            (tmp_path / "hello.txt").write_text("hello")
            mlflow.log_artifact(tmp_path / "hello.txt", "sub")
            mlflow.log_dict({"a": 1}, "d.json")
        found = client.get_run(run_id)
        assert (found.info.status, found.info.run_name) == ("FINISHED", "r1")
        assert found.info.end_time >= found.info.start_time
        assert found.data.params == {"lr": "0.1", "a": "1", "b": "x"}
        assert found.data.metrics["loss"] == 0.5
        assert math.isnan(found.data.metrics["nanm"])
        assert found.data.metrics["infm"] > 1e308
        assert {"k": "v", "k2": "v2", "k3": "v3"}.items() <= found.data.tags.items()
        assert [one.path for one in client.list_artifacts(run_id)] == ["d.json", "sub"]
        assert [one.path for one in client.list_artifacts(run_id, "sub")] == ["sub/hello.txt"]
        folder = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="sub")
        assert Path(folder, "hello.txt").read_text() == "hello"

    def test_searching_and_history(self, mlflow, client):
        experiment = mlflow.set_experiment("searches").experiment_id
        for number in range(3):
            with mlflow.start_run() as run:
                mlflow.log_param("lr", "0.1")
                for step in range(3):
                    mlflow.log_metric("loss", number - step, step=step)
        page = client.search_runs(
            [experiment], "metrics.loss < 1 and params.lr='0.1'", order_by=["metrics.loss DESC"]
        )
        assert [one.data.metrics["loss"] for one in page] == [0.0, -1.0, -2.0]
        first = client.search_runs([experiment], max_results=2)
        rest = client.search_runs([experiment], max_results=2, page_token=first.token)
        assert (len(first), len(rest), rest.token) == (2, 1, None)
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [(one.step, one.value) for one in history] == [(0, 2.0), (1, 1.0), (2, 0.0)]
        assert len(mlflow.search_runs([experiment])) == 3

    def test_a_dataset_as_input(self, mlflow, client):
        import pandas as pd

        mlflow.set_experiment("inputs")
        data = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2]}), name="ds")
        with mlflow.start_run() as run:
            mlflow.log_input(data, context="training")
        (found,) = client.get_run(run.info.run_id).inputs.dataset_inputs
        assert (found.dataset.name, found.dataset.digest) == ("ds", data.digest)
        assert [(one.key, one.value) for one in found.tags] == [("mlflow.data.context", "training")]

    def test_a_model_is_logged_registered_and_loaded(self, mlflow, client, iris, iris_model):
        experiment = mlflow.set_experiment("models").experiment_id
        with mlflow.start_run() as run:
            mlflow.log_metric("acc", 0.9)
            mlflow.log_param("C", 1)
            info = mlflow.sklearn.log_model(
                iris_model, name="model", pip_requirements=["scikit-learn"]
            )
        assert client.get_logged_model(info.model_id).status == "READY"
        assert client.get_logged_model(info.model_id).params == {"C": "1"}
        version = mlflow.register_model(info.model_uri, "reg")
        assert (str(version.version), version.source) == ("1", info.model_uri)
        client.set_registered_model_alias("reg", "champion", "1")
        expected = iris_model.predict(iris[0][:5]).tolist()
        for uri in (
            "models:/reg@champion",
            "models:/reg/1",
            "models:/reg/latest",
            f"runs:/{run.info.run_id}/model",
            f"models:/{info.model_id}",
        ):
            model = mlflow.pyfunc.load_model(uri)
            assert model.predict(iris[0][:5]).tolist() == expected, uri
        found = mlflow.search_logged_models([experiment], output_format="list")
        assert [one.model_id for one in found] == [info.model_id]
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                iris_model,
                name="model2",
                registered_model_name="reg",
                pip_requirements=["scikit-learn"],
            )
        found = client.search_model_versions("name='reg'")
        assert sorted(int(one.version) for one in found) == [1, 2]
        models = client.search_registered_models("name='reg'")
        assert [one.name for one in models] == ["reg"]
        assert {key: str(one) for key, one in models[0].aliases.items()} == {"champion": "1"}

    def test_the_registry(self, mlflow, client):
        client.create_registered_model("fox", tags={"a": "b"}, description="d")
        version = client.create_model_version("fox", "s3://bucket/m", tags={"c": "d"})
        assert str(version.version) == "1"
        client.set_model_version_tag("fox", "1", "k", "v")
        client.update_model_version("fox", "1", "better")
        found = client.get_model_version("fox", "1")
        assert (found.description, found.tags) == ("better", {"c": "d", "k": "v"})
        assert client.get_model_version_download_uri("fox", "1") == "s3://bucket/m"
        with pytest.warns(FutureWarning, match=r"stage"):
            client.transition_model_version_stage("fox", "1", "Production")
        with pytest.warns(FutureWarning, match=r"stage"):
            (latest,) = client.get_latest_versions("fox", ["Production"])
        assert latest.current_stage == "Production"
        client.set_registered_model_alias("fox", "best", "1")
        assert str(client.get_model_version_by_alias("fox", "best").version) == "1"
        client.delete_registered_model_alias("fox", "best")
        client.delete_model_version_tag("fox", "1", "k")
        client.set_registered_model_tag("fox", "x", "y")
        client.delete_registered_model_tag("fox", "x")
        client.rename_registered_model("fox", "vixen")
        client.delete_model_version("vixen", "1")
        client.delete_registered_model("vixen")
        assert client.search_registered_models("name='vixen'") == []

    def test_logged_models(self, mlflow, client):
        experiment = mlflow.set_experiment("logged").experiment_id
        model = client.create_logged_model(experiment, "m", tags={"a": "b"}, params={"c": "d"})
        client.set_logged_model_tags(model.model_id, {"x/y": "z"})
        client.delete_logged_model_tag(model.model_id, "a")
        client.log_model_params(model.model_id, {"e": "f"})
        found = client.get_logged_model(model.model_id)
        assert found.tags == {"x/y": "z"}
        assert found.params == {"c": "d", "e": "f"}
        client.finalize_logged_model(model.model_id, "READY")
        assert client.search_logged_models([experiment], "name = 'm'")[0].status == "READY"
        client.delete_logged_model(model.model_id)
        assert client.search_logged_models([experiment]) == []

    def test_what_is_not_there_has_the_code_that_clients_know(self, mlflow, client):
        for ask, code in (
            (lambda: client.get_run("0" * 32), "RESOURCE_DOES_NOT_EXIST"),
            (lambda: client.get_experiment("987654"), "RESOURCE_DOES_NOT_EXIST"),
            (lambda: client.get_registered_model("nobody"), "RESOURCE_DOES_NOT_EXIST"),
            (lambda: client.create_experiment("Default"), "RESOURCE_ALREADY_EXISTS"),
            (lambda: client.search_runs(["0"], "metrics.a ?"), "INVALID_PARAMETER_VALUE"),
        ):
            with pytest.raises(mlflow.MlflowException, match=r".") as raised:
                ask()
            assert raised.value.error_code == code

    def test_deleting_runs_and_tags(self, mlflow, client):
        run = client.create_run("0", run_name="gone")
        client.set_tag(run.info.run_id, "a", "b")
        client.delete_tag(run.info.run_id, "a")
        client.update_run(run.info.run_id, name="still there")
        client.delete_run(run.info.run_id)
        assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
        client.restore_run(run.info.run_id)
        assert client.get_run(run.info.run_id).info.run_name == "still there"
        client.set_terminated(run.info.run_id, "KILLED")


@pytest.fixture
def store(mlflow_tracking_server):
    """Our store, over their server."""
    opened = open_store(mlflow_tracking_server)
    yield opened
    opened.close()


class TestTheirServer:
    def test_experiments(self, store):
        made = store.create_experiment("e", tags={"a": "b"})
        assert store.get_experiment(made).name == "e"
        assert dict(store.get_experiment_by_name("e").tags) == {"a": "b"}
        assert store.get_experiment_by_name("nobody") is None
        store.set_experiment_tag(made, "c", "d")
        store.rename_experiment(made, "f")
        store.delete_experiment(made)
        store.restore_experiment(made)
        with pytest.raises(AlreadyExistsError, match=r"f"):
            store.create_experiment("f")
        found = store.search_experiments(filter_string="name = 'f'")
        assert [dict(one.tags) for one in found] == [{"a": "b", "c": "d"}]

    def test_runs(self, store):
        experiment = store.create_experiment("runs")
        run = store.create_run(
            experiment, user_id="ada", start_time=SOME_TIME, tags=[RunTag("a", "b")], run_name="r"
        )
        run_id = run.info.run_id
        assert (run.info.user_id, run.info.run_name) == ("ada", "r")
        for step in range(3):
            store.log_metric(run_id, Metric("loss", 1.0 / (step + 1), SOME_TIME + step, step))
        store.log_batch(
            run_id,
            [Metric("nan", math.nan, SOME_TIME), Metric("inf", math.inf, SOME_TIME)],
            [Param("p", "1")],
            [RunTag("t", "2")],
        )
        store.log_param(run_id, Param("q", "2"))
        store.set_tag(run_id, RunTag("u", "3"))
        store.delete_tag(run_id, "t")
        store.update_run(run_id, "FINISHED", SOME_TIME + 10)
        found = store.get_run(run_id)
        assert (found.info.status, found.info.end_time) == ("FINISHED", SOME_TIME + 10)
        assert dict(found.data.params) == {"p": "1", "q": "2"}
        assert found.data.metrics["inf"] == 1.7976931348623157e308
        assert math.isnan(found.data.metrics["nan"])
        assert [one.value for one in store.get_metric_history(run_id, "loss")] == [1, 0.5, 1 / 3]
        bulk = store.get_metric_history_bulk([run_id], "loss", start_step=1)
        assert [(one.run_id, one.step) for one in bulk] == [(run_id, 1), (run_id, 2)]
        page = store.search_runs([experiment], "metrics.loss < 1", order_by=["start_time DESC"])
        assert [one.info.run_id for one in page] == [run_id]
        store.delete_run(run_id)
        store.restore_run(run_id)
        with pytest.raises(NotFoundError, match=r"not found"):
            store.get_run("0" * 32)
        with pytest.raises(InvalidArgumentError, match=r"p"):
            store.log_param(run_id, Param("p", "another"))

    def test_inputs_and_outputs(self, store):
        run = store.create_run("0")
        model = store.create_logged_model("0", "m", source_run_id=run.info.run_id)
        dataset = DatasetInput(Dataset("d", "1", "local", "{}"), (InputTag("a", "b"),))
        store.log_inputs(run.info.run_id, [dataset], [LoggedModelInput(model.model_id)])
        store.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 3)])
        found = store.get_run(run.info.run_id)
        assert [one.dataset.name for one in found.inputs.dataset_inputs] == ["d"]
        assert list(found.outputs.model_outputs) == [LoggedModelOutput(model.model_id, 3)]

    def test_logged_models(self, store):
        model = store.create_logged_model("0", "m2", tags={"a": "b"}, params={"c": "d"})
        assert dict(store.set_logged_model_tags(model.model_id, {"x": "y"}).tags) == {
            "a": "b",
            "x": "y",
        }
        store.log_logged_model_params(model.model_id, {"e": "f"})
        store.delete_logged_model_tag(model.model_id, "a")
        assert store.finalize_logged_model(model.model_id, "READY").status == "READY"
        (found,) = store.search_logged_models(["0"], "name = 'm2'")
        assert (dict(found.tags), dict(found.params)) == ({"x": "y"}, {"c": "d", "e": "f"})
        store.delete_logged_model(model.model_id)
        with pytest.raises(NotFoundError, match=r"."):
            store.get_logged_model(model.model_id)

    def test_the_registry(self, store):
        store.create_registered_model("fox", {"a": "b"}, "d")
        model = store.create_logged_model("0", "m3")
        version = store.create_model_version(
            "fox", f"models:/{model.model_id}", model_id=model.model_id
        )
        assert (version.version, version.model_id) == ("1", model.model_id)
        assert store.get_model_version("fox", "1").model_id == model.model_id
        store.set_registered_model_alias("fox", "best", "1")
        assert dict(store.get_registered_model("fox").aliases) == {"best": "1"}
        assert store.get_model_version_by_alias("fox", "best").version == "1"
        with pytest.raises(InvalidArgumentError, match=r"worst"):
            store.get_model_version_by_alias("fox", "worst")
        assert store.transition_model_version_stage("fox", "1", "Staging").current_stage == (
            "Staging"
        )
        assert [one.version for one in store.get_latest_versions("fox")] == ["1"]
        assert store.get_model_version_download_uri("fox", "1").endswith(
            f"{model.model_id}/artifacts"
        )
        with pytest.raises(UnsupportedByStoreError, match=r"."):
            store.get_registry_history("fox")
        assert [one.name for one in store.search_registered_models("name = 'fox'")] == ["fox"]
        assert [one.version for one in store.search_model_versions("name = 'fox'")] == ["1"]
        store.update_registered_model("fox", "other")
        store.rename_registered_model("fox", "vixen")
        store.delete_model_version("vixen", "1")
        store.delete_registered_model("vixen")
        with pytest.raises(NotFoundError, match=r"vixen"):
            store.get_registered_model("vixen")
