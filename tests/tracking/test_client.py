"""The client does what it is told to the runs, models and versions that it is told."""

from __future__ import annotations

import math

import pytest

import flavorkit
from flavorkit.entities import Metric, Param, RunTag, ViewType
from flavorkit.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from flavorkit.tracking.client.progress import line
from tests.tracking.workspace import anywhere, workspace

__all__ = ["anywhere", "workspace"]
pytestmark = pytest.mark.usefixtures("anywhere")


@pytest.fixture
def client():
    return flavorkit.MlflowClient()


@pytest.fixture
def run_id(client):
    return client.create_run("0", run_name="one").info.run_id


def test_experiments_come_and_go(client):
    made = client.create_experiment("ours", tags={"a": 1})
    client.set_experiment_tag(made, "b", 2)
    client.delete_experiment_tag(made, "a")
    client.rename_experiment(made, "theirs")
    assert client.get_experiment(made).tags == {"b": "2"}
    assert client.get_experiment_by_name("ours") is None
    with pytest.raises(AlreadyExistsError, match=r"theirs"):
        client.create_experiment("theirs")
    client.delete_experiment(made)
    assert [one.name for one in client.list_experiments()] == ["Default"]
    assert [one.name for one in client.list_experiments(ViewType.DELETED_ONLY)] == ["theirs"]
    client.restore_experiment(made)
    assert len(client.search_experiments()) == 2


def test_experiments_are_found_page_by_page(client):
    for number in range(5):
        client.create_experiment(f"e{number}")
    first = client.search_experiments(max_results=4, order_by=["name ASC"])
    second = client.search_experiments(max_results=4, order_by=["name ASC"], page_token=first.token)
    names = [one.name for one in [*first, *second]]
    assert names == ["Default", "e0", "e1", "e2", "e3", "e4"]
    assert second.token is None


def test_runs_come_and_go(client, run_id):
    assert client.get_run(run_id).info.run_name == "one"
    client.update_run(run_id, status="SCHEDULED", name="two")
    assert client.get_run(run_id).info.status == "SCHEDULED"
    client.set_terminated(run_id, "FAILED", end_time=5)
    ended = client.get_run(run_id).info
    assert (ended.run_name, ended.status, ended.end_time) == ("two", "FAILED", 5)
    client.delete_run(run_id)
    assert client.search_runs(["0"]) == []
    client.restore_run(run_id)
    assert [info.run_id for info in client.list_run_infos("0")] == [run_id]


def test_a_run_has_the_user_that_its_tag_names(client):
    assert client.create_run("0", tags={"mlflow.user": "ada"}).info.user_id == "ada"
    assert client.create_run("0").info.user_id == "unknown"


def test_what_is_logged_is_there(client, run_id):
    client.log_metric(run_id, "m", 1.5, timestamp=7, step=3)
    assert client.log_param(run_id, "p", 2) == 2
    client.set_tag(run_id, "t", True)
    client.log_batch(
        run_id,
        [Metric("m", 2, 8, 4), Metric("n", math.nan, 8)],
        [Param("q", 1)],
        [RunTag("u", 2)],
    )
    client.delete_tag(run_id, "t")
    data = client.get_run(run_id).data
    assert data.metrics["m"] == 2.0
    assert math.isnan(data.metrics["n"])
    assert data.params == {"p": "2", "q": "1"}
    assert data.tags["u"] == "2"
    assert "t" not in data.tags
    history = [
        (one.value, one.timestamp, one.step) for one in client.get_metric_history(run_id, "m")
    ]
    assert history == [(1.5, 7, 3), (2.0, 8, 4)]


def test_a_batch_may_be_larger_than_what_a_store_takes(client, run_id):
    client.log_batch(
        run_id,
        [Metric("m", step, 1, step) for step in range(2345)],
        [Param(f"p{number}", str(number)) for number in range(234)],
        [RunTag(f"t{number}", str(number)) for number in range(123)],
    )
    data = client.get_run(run_id).data
    assert len(client.get_metric_history(run_id, "m")) == 2345
    assert (len(data.params), len([key for key in data.tags if key.startswith("t")])) == (234, 123)


def test_histories_longer_than_a_page_are_whole(client, run_id, monkeypatch):
    monkeypatch.setattr("flavorkit.tracking.client.runs._HISTORY_PAGE", 10)
    client.log_batch(run_id, [Metric("m", step, 1, step) for step in range(25)])
    assert [one.step for one in client.get_metric_history(run_id, "m")] == list(range(25))


def test_what_is_not_there_is_an_error(client):
    with pytest.raises(NotFoundError, match=r"f{32}"):
        client.get_run("f" * 32)
    with pytest.raises(NotFoundError, match=r"f{32}"):
        client.log_metric("f" * 32, "m", 1)
    with pytest.raises(NotFoundError, match=r"no-such"):
        client.get_registered_model("no-such")


@pytest.fixture
def iris(client, run_id):
    """Two versions of a registered model."""
    client.create_registered_model("iris", {"team": "blue"}, "Flowers.")
    for name in ("a", "b"):
        client.log_text(run_id, "x", f"{name}/MLmodel")
        client.create_model_version("iris", f"runs:/{run_id}/{name}", run_id, {"name": name})
    return "iris"


def test_registered_models_come_and_go(client, iris):
    model = client.get_registered_model(iris)
    assert (model.description, model.tags) == ("Flowers.", {"team": "blue"})
    with pytest.raises(AlreadyExistsError, match=r"iris"):
        client.create_registered_model(iris)
    client.set_registered_model_tag(iris, "a", 1)
    client.delete_registered_model_tag(iris, "team")
    client.update_registered_model(iris, "Better.")
    client.rename_registered_model(iris, "flowers")
    model = client.get_registered_model("flowers")
    assert (model.description, model.tags) == ("Better.", {"a": "1"})
    assert [one.name for one in client.list_registered_models()] == ["flowers"]
    with pytest.raises(InvalidArgumentError, match=r"pass description="):
        client.update_registered_model("flowers")
    client.delete_registered_model("flowers")
    assert client.search_registered_models() == []


def test_versions_come_and_go(client, iris, run_id):
    version = client.get_model_version(iris, 1)
    assert (version.version, version.run_id, version.tags) == ("1", run_id, {"name": "a"})
    assert version.status == "READY"
    client.update_model_version(iris, "1", "The first.")
    client.set_model_version_tag(iris, "1", "b", 2)
    client.delete_model_version_tag(iris, "1", "name")
    version = client.get_model_version(iris, "1")
    assert (version.description, version.tags) == ("The first.", {"b": "2"})
    assert client.get_model_version_download_uri(iris, "1").endswith(f"{run_id}/artifacts/a")
    found = client.search_model_versions("name = 'iris'", order_by=["version_number ASC"])
    assert [one.version for one in found] == ["1", "2"]
    client.delete_model_version(iris, "1")
    assert [one.version for one in client.search_model_versions("name = 'iris'")] == ["2"]


def test_an_alias_points_at_one_version(client, iris):
    client.set_registered_model_alias(iris, "best", 1)
    client.set_registered_model_alias(iris, "best", "2")
    assert client.get_model_version_by_alias(iris, "best").version == "2"
    assert client.get_registered_model(iris).aliases == {"best": "2"}
    client.delete_registered_model_alias(iris, "best")
    with pytest.raises(InvalidArgumentError, match=r"best"):
        client.get_model_version_by_alias(iris, "best")
    changes = [(one.subject, one.before, one.after) for one in client.get_registry_history(iris)]
    assert changes == [("best", None, "1"), ("best", "1", "2"), ("best", "2", None)]


def test_stages_are_what_they_were(client, iris):
    assert client.get_model_version_stages(iris, "1") == [
        *("None", "Staging", "Production", "Archived"),
    ]
    client.transition_model_version_stage(iris, "1", "production")
    client.transition_model_version_stage(iris, 2, "Production", archive_existing_versions=True)
    assert client.get_model_version(iris, "1").current_stage == "Archived"
    assert [one.version for one in client.get_latest_versions(iris, ["Production"])] == ["2"]
    client.set_model_version_tag(iris, key="a", value=1, stage="Production")
    assert client.get_model_version(iris, "2").tags["a"] == "1"
    client.delete_model_version_tag(iris, key="a", stage="Production")
    with pytest.raises(NotFoundError, match=r"no version of 'iris' has the stage 'Staging'"):
        client.set_model_version_tag(iris, key="a", value=1, stage="Staging")
    with pytest.raises(InvalidArgumentError, match=r"pass version= or stage=, and not both"):
        client.set_model_version_tag(iris, "1", "a", 1, "Staging")


@pytest.mark.parametrize("which", ["/1", "@best", "/latest"])
def test_a_version_is_copied_to_another_model(client, iris, which):
    client.set_registered_model_alias(iris, "best", "1")
    copied = client.copy_model_version(f"models:/iris{which}", "flowers")
    assert (copied.name, copied.version) == ("flowers", "1")
    wanted = "2" if which == "/latest" else "1"
    assert copied.tags == client.get_model_version(iris, wanted).tags
    assert client.get_model_version_download_uri("flowers", "1") == (
        client.get_model_version_download_uri(iris, wanted)
    )
    assert client.copy_model_version("models:/iris/2", "flowers").version == "2"


@pytest.mark.parametrize("uri", ["runs:/x/y", "models:/iris", "iris/1"])
def test_what_names_no_version_is_not_copied(client, uri):
    with pytest.raises(InvalidArgumentError, match=r"models:/NAME/VERSION or models:/NAME@ALIAS"):
        client.copy_model_version(uri, "flowers")


def test_logged_models_come_and_go(client, workspace):
    model = client.create_logged_model("0", "m", tags={"a": 1}, params={"p": 2}, model_type="t")
    assert (model.status, model.tags, model.params) == ("PENDING", {"a": "1"}, {"p": "2"})
    (workspace / "w.bin").write_text("x")
    client.log_model_artifact(model.model_id, workspace / "w.bin", "data")
    assert [file.path for file in client.list_logged_model_artifacts(model.model_id, "data")] == [
        "data/w.bin"
    ]
    client.finalize_logged_model(model.model_id, "READY")
    client.log_model_params(model.model_id, {"q": 3})
    client.set_logged_model_tags(model.model_id, {"b": 2})
    client.delete_logged_model_tag(model.model_id, "a")
    found = client.get_logged_model(model.model_id)
    assert (found.status, found.tags, found.params) == ("READY", {"b": "2"}, {"p": "2", "q": "3"})
    other = client.create_logged_model("0", "n")
    ordered = client.search_logged_models(["0"], order_by=[{"field_name": "name"}])
    assert [one.model_id for one in ordered] == [model.model_id, other.model_id]
    with pytest.raises(InvalidArgumentError, match=r"has a field_name.* not \{'field': 'name'\}"):
        client.search_logged_models(["0"], order_by=[{"field": "name"}])
    client.delete_logged_model(model.model_id)
    with pytest.raises(NotFoundError, match=model.model_id):
        client.get_logged_model(model.model_id)


def test_a_client_may_have_a_registry_of_its_own(workspace):
    client = flavorkit.MlflowClient(f"sqlite:///{workspace}/a.db", f"sqlite:///{workspace}/b.db")
    client.create_registered_model("iris")
    assert client.tracking_uri == f"sqlite:///{workspace}/a.db"
    assert flavorkit.MlflowClient(f"sqlite:///{workspace}/a.db").search_registered_models() == []
    flavorkit.set_registry_uri(f"sqlite:///{workspace}/b.db")
    assert len(flavorkit.search_registered_models()) == 1
    assert (
        len(flavorkit.MlflowClient(f"sqlite:///{workspace}/a.db").search_registered_models()) == 1
    )


@pytest.mark.parametrize("registry", ["sqlite:///{}/b.db", "file://{}/registry"])
def test_a_registry_of_its_own_takes_models_that_were_logged_elsewhere(workspace, registry):
    flavorkit.set_tracking_uri(f"sqlite:///{workspace}/a.db")
    flavorkit.set_registry_uri(registry.format(workspace))
    model = flavorkit.MlflowClient().create_logged_model("0", name="tree")
    version = flavorkit.register_model(f"models:/{model.model_id}", "iris")
    assert (version.version, version.model_id) == ("1", model.model_id)
    with pytest.raises(NotFoundError, match=r"m-00000000"):
        flavorkit.MlflowClient().create_model_version("iris", "models:/m-00000000")


@pytest.mark.parametrize("source", ["iris@champion", "iris/latest", "iris/None", "iris/2"])
def test_a_version_published_by_what_can_move_does_not_move(client, iris, source):
    client.set_registered_model_alias(iris, "champion", 2)
    client.create_registered_model("other")
    assert client.create_model_version("other", f"models:/{source}").source == "models:/iris/2"
    with pytest.raises(InvalidArgumentError, match=r"/inner' is a part of a model, not a model"):
        client.create_model_version("other", f"models:/{source}/inner")


def test_what_leads_to_no_version_is_not_published(client):
    client.create_registered_model("new")
    with pytest.raises(NotFoundError, match=r"models:/new/latest' leads to no version"):
        client.create_model_version("new", "models:/new/latest")


def test_a_client_shows_no_password():
    assert "secret" not in repr(flavorkit.MlflowClient("postgresql://me:secret@host/runs"))


def test_progress_is_told_in_megabytes():
    assert line("sending", 1_500_000, None) == "sending: 1.5 MB"
    assert line("sending", 5, 10).startswith("sending: [###############...............] 0.0 of")
