"""A model that is logged can be found, loaded, measured and published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import InvalidArgumentError, NotFoundError, UnsupportedModelError
from tests.tracking.workspace import anywhere, workspace

__all__ = ["anywhere", "workspace"]
pytestmark = pytest.mark.usefixtures("anywhere")


@pytest.fixture
def logged(iris, iris_model):
    """A run that has logged a model, and what was told of it."""
    with flavorkit.start_run() as run:
        flavorkit.log_param("C", 1.0)
        flavorkit.log_metric("accuracy", 0.5)
        info = flavorkit.sklearn.log_model(
            iris_model, name="iris", input_example=iris[0][:3], tags={"team": "blue"}
        )
    return run, info


def files_of(info):
    return flavorkit.artifacts.download_artifacts(
        flavorkit.get_logged_model(info.model_id).artifact_location
    )


def test_a_name_that_breaks_a_rule_is_refused_before_anything_is_done(iris_model):
    with flavorkit.start_run(), pytest.raises(InvalidArgumentError, match=r"registered model"):
        flavorkit.log_model(iris_model, name="m", registered_model_name="a/b")
    assert flavorkit.search_logged_models(output_format="list") == []


def test_files_of_a_logged_model_are_found_by_its_run(iris_model, tmp_path):
    with flavorkit.start_run() as run:
        flavorkit.log_model(iris_model, name="m")
    client, run_id = flavorkit.MlflowClient(), run.info.run_id
    listed = [file.path for file in client.list_artifacts(run_id, "m")]
    assert "m/MLmodel" in listed
    assert Path(client.download_artifacts(run_id, "m/MLmodel", tmp_path / "a")).name == "MLmodel"
    folder = flavorkit.artifacts.download_artifacts(
        run_id=run_id, artifact_path="m", dst_path=tmp_path / "b"
    )
    assert Path(folder, "MLmodel").is_file()
    assert client.list_artifacts(run_id, "nothing") == []
    with pytest.raises(NotFoundError, match=r"nothing"):
        client.download_artifacts(run_id, "nothing")


def test_a_logged_model_is_a_model_of_its_run(logged):
    run, info = logged
    model = flavorkit.get_logged_model(info.model_id)
    assert model.status == "READY"
    assert (model.name, model.source_run_id) == ("iris", run.info.run_id)
    assert model.params == {"C": "1.0"}
    assert model.tags.items() >= {"team": "blue", "mlflow.source.type": "LOCAL"}.items()
    assert [(one.key, one.value) for one in model.metrics] == [("accuracy", 0.5)]
    (output,) = flavorkit.get_run(run.info.run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (info.model_id, 0)
    assert info.model_uri == f"models:/{info.model_id}"
    assert (info.name, info.run_id, info.params) == ("iris", run.info.run_id, {"C": "1.0"})
    assert info.signature is not None
    assert info.registered_model_version is None


def test_its_files_say_which_model_they_are(logged):
    run, info = logged
    folder = files_of(info)
    descriptor = ModelDescriptor.load(folder)
    assert descriptor.model_id == descriptor.model_uuid == info.model_id
    assert descriptor.run_id == run.info.run_id
    assert descriptor.artifact_path == flavorkit.get_logged_model(info.model_id).artifact_location
    found = manifest.verify(Path(folder))
    assert found.signature is not None


def test_it_predicts(logged, iris, iris_model):
    _, info = logged
    loaded = flavorkit.pyfunc.load_model(files_of(info))
    assert list(loaded.predict(iris[0][:5])) == list(iris_model.predict(iris[0][:5]))


def test_a_model_needs_no_run(iris_model):
    info = flavorkit.sklearn.log_model(iris_model, "iris")
    assert flavorkit.active_run() is None
    assert info.run_id is None
    assert flavorkit.get_logged_model(info.model_id).source_run_id is None


def test_the_flavor_is_found_out(iris_model):
    info = flavorkit.log_model(iris_model, name="iris")
    assert "sklearn" in info.flavors


def test_python_code_is_logged_too():
    def double(model_input: list[float]) -> list[float]:
        return [2 * number for number in model_input]

    info = flavorkit.pyfunc.log_model(name="double", python_model=double)
    assert flavorkit.pyfunc.load_model(files_of(info)).predict([1.5]) == [3.0]


def test_it_is_called_by_one_name(iris_model):
    with pytest.raises(InvalidArgumentError, match=r"'b' by name= and 'a' by artifact_path="):
        flavorkit.sklearn.log_model(sk_model=iris_model, artifact_path="a", name="b")


def test_it_is_published_when_that_is_asked_for(iris_model):
    with flavorkit.start_run() as run:
        first = flavorkit.sklearn.log_model(
            iris_model, name="iris", registered_model_name="Iris", tags={"a": 1}
        )
        second = flavorkit.sklearn.log_model(iris_model, name="iris", registered_model_name="Iris")
    assert (first.registered_model_version, second.registered_model_version) == ("1", "2")
    version = flavorkit.MlflowClient().get_model_version("Iris", "1")
    assert version.source == f"models:/{first.model_id}"
    assert (version.run_id, version.model_id) == (run.info.run_id, first.model_id)
    assert version.tags == {"a": "1"}
    noted = flavorkit.get_logged_model(first.model_id).tags["mlflow.modelVersions"]
    assert [(one["name"], str(one["version"])) for one in json.loads(noted)] == [("Iris", "1")]


def test_a_model_of_a_run_is_published_by_its_name(logged):
    run, info = logged
    version = flavorkit.register_model(f"runs:/{run.info.run_id}/iris", "Iris")
    assert (version.version, version.model_id) == ("1", info.model_id)
    assert flavorkit.register_model(info.model_uri, "Iris").version == "2"
    assert len(flavorkit.search_model_versions(filter_string="name = 'Iris'")) == 2
    with pytest.raises(NotFoundError, match=r"has logged no model 'other'.*search_logged_models"):
        flavorkit.register_model(f"runs:/{run.info.run_id}/other", "Iris")
    with pytest.raises(InvalidArgumentError, match=r"write runs:/RUN_ID/NAME"):
        flavorkit.register_model(f"runs:/{run.info.run_id}", "Iris")


def test_a_model_that_was_saved_into_the_artifacts_of_a_run_is_published(iris_folder):
    with flavorkit.start_run() as run:
        flavorkit.log_artifacts(iris_folder, "model")
    version = flavorkit.register_model(f"runs:/{run.info.run_id}/model", "Iris")
    assert (version.run_id, version.model_id) == (run.info.run_id, None)
    uri = flavorkit.MlflowClient().get_model_version_download_uri("Iris", "1")
    assert uri.endswith(f"{run.info.run_id}/artifacts/model")


def test_what_cannot_be_saved_leaves_nothing():
    with flavorkit.start_run() as run:
        with pytest.raises(UnsupportedModelError, match=r"no flavor saves builtins\.object"):
            flavorkit.log_model(object(), name="x")
    assert flavorkit.search_logged_models(output_format="list") == []
    assert not flavorkit.get_run(run.info.run_id).outputs.model_outputs


def test_what_cannot_be_uploaded_is_seen_by_nobody(iris_model, workspace, monkeypatch):
    where = workspace / "files"
    experiment = flavorkit.create_experiment("broken", str(where))
    where.write_text("a file where the folder should be")
    flavorkit.set_experiment(experiment_id=experiment)
    with flavorkit.start_run() as run:
        with pytest.raises((flavorkit.FlavorkitError, OSError), match=r"cannot be written"):
            flavorkit.sklearn.log_model(iris_model, name="iris", registered_model_name="Iris")
    (model,) = flavorkit.search_logged_models(output_format="list")
    assert model.status == "FAILED"
    assert not flavorkit.get_run(run.info.run_id).outputs.model_outputs
    assert flavorkit.search_registered_models() == []


def test_metrics_belong_to_the_model_of_their_step(iris_model):
    with flavorkit.start_run() as run:
        flavorkit.log_metric("loss", 3, step=1)
        flavorkit.log_metric("loss", 2, step=2)
        early = flavorkit.sklearn.log_model(iris_model, name="m", step=1)
        late = flavorkit.sklearn.log_model(iris_model, name="m", step=2)
        flavorkit.log_metric("accuracy", 0.5, step=1)
        flavorkit.log_metrics({"accuracy": 0.9}, step=2)
        flavorkit.log_metric("accuracy", 0.1, step=3)

    def metrics(info):
        return {one.key: one.value for one in flavorkit.get_logged_model(info.model_id).metrics}

    assert metrics(early) == {"loss": 3.0, "accuracy": 0.5}
    assert metrics(late) == {"loss": 2.0, "accuracy": 0.9}
    history = flavorkit.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [metric.value for metric in history] == [3.0, 2.0]


def test_metrics_on_their_way_belong_to_the_model_too(iris_model):
    with flavorkit.start_run():
        flavorkit.log_metric("loss", 3, synchronous=False)
        info = flavorkit.sklearn.log_model(iris_model, name="m")
    assert [one.value for one in info.metrics] == [3.0]


def test_metrics_of_any_model_can_be_logged(logged):
    _, info = logged
    with flavorkit.start_run() as evaluation:
        flavorkit.log_metric("f1", 0.7, model_id=info.model_id)
    used = flavorkit.get_run(evaluation.info.run_id).inputs.model_inputs
    assert [one.model_id for one in used] == [info.model_id]
    measured = {one.key: one.value for one in flavorkit.get_logged_model(info.model_id).metrics}
    assert measured["f1"] == 0.7
    found = flavorkit.search_logged_models(filter_string="metrics.f1 > 0.5", output_format="list")
    assert [model.model_id for model in found] == [info.model_id]


def test_models_are_found_as_a_frame_like_mlflows(logged, tmp_path):
    frame = flavorkit.search_logged_models()
    assert len(frame) == 1
    assert frame["name"][0] == "iris"
    assert frame["params"][0] == {"C": "1.0"}
    entity = pytest.importorskip("mlflow.entities", reason="MLflow is not installed").LoggedModel
    theirs = entity("1", "m-1", "n", "file:///x", 1, 2).to_dictionary()
    assert list(frame.columns) == list(theirs)


def test_the_active_model_is_what_metrics_are_of(logged):
    _, info = logged
    with flavorkit.start_run():
        with flavorkit.set_active_model(model_id=info.model_id) as model:
            assert model.name == "iris"
            assert flavorkit.get_active_model_id() == info.model_id
            flavorkit.log_metric("f1", 0.7)
            flavorkit.log_model_params({"extra": 1})
        assert flavorkit.get_active_model_id() is None
        with pytest.raises(InvalidArgumentError, match=r"no logged model is active: .*set_active"):
            flavorkit.log_model_params({"more": 1})
    model = flavorkit.get_logged_model(info.model_id)
    assert {one.key for one in model.metrics} == {"accuracy", "f1"}
    assert model.params["extra"] == "1"
    made = flavorkit.set_active_model(name="elsewhere")
    assert made.tags["mlflow.model.isExternal"] == "true"
    flavorkit.clear_active_model()
    assert flavorkit.get_active_model_id() is None


def test_a_model_may_be_begun_before_its_files(iris_model):
    begun = flavorkit.initialize_logged_model(name="iris", params={"a": 1}, tags={"b": 2})
    assert begun.status == "PENDING"
    info = flavorkit.sklearn.log_model(iris_model, model_id=begun.model_id)
    assert info.model_id == begun.model_id == flavorkit.last_logged_model().model_id
    assert flavorkit.get_logged_model(begun.model_id).status == "READY"
    flavorkit.set_logged_model_tags(begun.model_id, {"c": 3})
    flavorkit.delete_logged_model_tag(begun.model_id, "b")
    tags = flavorkit.get_logged_model(begun.model_id).tags
    assert tags["c"] == "3"
    assert "b" not in tags


def test_a_model_may_be_kept_elsewhere_until_it_comes(iris_model):
    model = flavorkit.create_external_model(name="far", params={"a": 1})
    assert (model.status, model.tags["mlflow.model.isExternal"]) == ("READY", "true")
    flavorkit.sklearn.log_model(iris_model, model_id=model.model_id)
    assert "mlflow.model.isExternal" not in flavorkit.get_logged_model(model.model_id).tags
    failed = flavorkit.initialize_logged_model()
    assert flavorkit.finalize_logged_model(failed.model_id, "FAILED").status == "FAILED"
