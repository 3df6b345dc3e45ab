"""What every target that comes along promises, of real servers."""

from __future__ import annotations

import pytest

from flavorkit.deployments import PredictionsResponse, get_deploy_client
from flavorkit.errors import (
    AlreadyExistsError,
    DeploymentError,
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    UnsupportedByTargetError,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployments")]


@pytest.fixture(scope="module")
def deployed(site):
    """What ``create_deployment`` says of the deployment ``iris``."""
    return site.create("iris")


def test_it_is_ready_when_it_is_there(site, deployed):
    assert deployed["name"] == "iris"
    assert deployed["status"] == "ready"
    assert deployed["flavor"] == "sklearn"
    assert deployed["model_uri"] == site.model
    assert deployed["digest"].startswith("sha256:")
    assert deployed["url"].startswith("http://127.0.0.1:")
    assert deployed["config"] == site.config
    assert site.client.get_deployment("iris") == deployed
    assert site.client.list_deployments() == [deployed]


def test_another_client_knows_it(site, deployed):
    assert get_deploy_client(site.target).get_deployment("iris") == deployed


def test_it_predicts_on_data_of_every_kind(site, deployed, iris):
    rows = iris[0][:3]
    columns = {name: rows[name].to_numpy() for name in rows}
    request = {"dataframe_split": rows.to_dict("split", index=False)}
    for inputs in (rows, rows.to_numpy(), rows.to_numpy().tolist(), columns, request, (rows, {})):
        answer = site.client.predict("iris", inputs)
        assert isinstance(answer, PredictionsResponse)
        assert answer == {"predictions": [0, 0, 0]}
    assert answer.get_predictions()[0].tolist() == [0, 0, 0]


def test_what_does_not_fit_is_the_callers_fault(site, deployed, iris):
    with pytest.raises(InvalidInputError, match=r"petal"):
        site.client.predict("iris", iris[0].iloc[:3, :2])
    with pytest.raises(InvalidArgumentError, match=r"nothing to predict on"):
        site.client.predict("iris")
    with pytest.raises(InvalidArgumentError, match=r"name a deployment"):
        site.client.predict(inputs=iris[0])


def test_a_name_is_taken_once(site, deployed):
    with pytest.raises(AlreadyExistsError, match=r"there is a deployment 'iris'"):
        site.client.create_deployment("iris", site.model, config=site.config)
    assert site.client.get_deployment("iris") == deployed


def identity(described):
    return described.get("pid") or described["container"]


def test_an_update_changes_what_it_is_told_and_leaves_one_server(site, iris, port):
    site.create("changed", timeout=30)
    before = site.client.get_deployment("changed")
    for config in ({"port": port}, {"timeout": None}):
        after = site.client.update_deployment("changed", config=config)
        assert identity(after) != identity(before)
        assert after["url"] == f"http://127.0.0.1:{port}"
        assert site.client.predict("changed", iris[0][:2]) == {"predictions": [0, 0]}
    assert after["config"] == {**site.config, "port": port}
    assert site.client.get_deployment("changed") == after
    site.client.delete_deployment("changed")
    with pytest.raises(NotFoundError, match=r"no deployment 'changed'"):
        site.client.get_deployment("changed")
    with pytest.raises(NotFoundError, match=r"no deployment 'changed'"):
        site.client.update_deployment("changed")
    site.client.delete_deployment("changed")  # as MLflow wants it


def test_an_update_that_fails_changes_nothing(site, deployed, iris):
    with pytest.raises(DeploymentError, match=r"(?s)has not started.*(no model folder|cannot be)"):
        site.client.update_deployment("iris", **site.broken)
    assert site.client.get_deployment("iris") == deployed
    assert site.client.predict("iris", iris[0][:1]) == {"predictions": [0]}


def test_what_does_not_start_leaves_nothing(site):
    model = site.broken.get("model_uri", site.model)
    config = {**site.config, **site.broken.get("config", {})}
    with pytest.raises(DeploymentError, match=r"(?s)has not started.*(no model folder|cannot be)"):
        site.client.create_deployment("broken", model, config=config)
    with pytest.raises(NotFoundError, match=r"no deployment 'broken'"):
        site.client.get_deployment("broken")


def test_what_is_not_ready_in_time_leaves_nothing(site):
    with pytest.raises(DeploymentError, match=r"not ready after 0 seconds \(ready_seconds\)"):
        site.create("late", ready_seconds=0)
    with pytest.raises(NotFoundError, match=r"no deployment 'late'"):
        site.client.get_deployment("late")


def test_another_flavor_than_the_models_is_refused(site):
    with pytest.raises(InvalidArgumentError, match=r"is of the flavor sklearn, not 'onnx'"):
        site.client.create_deployment("other", site.model, "onnx", config=site.config)
    with pytest.raises(NotFoundError, match=r"no deployment 'other'"):
        site.client.get_deployment("other")


BAD_NAMES = ("", "Upper", "-t x", "--rm", "a;id", "a\nb", "../up", "a b", "a" * 64, "a=b", "$HOME")
BAD_SETTINGS = (
    {"port": "80; id"},
    {"port": 65536},
    {"port": True},
    {"timeout": "1\n-h"},
    {"timeout": "nan"},
    {"ready_seconds": "-1"},
    {"trust": "all;id"},
    {"--rm": "x"},
    {"no_such": "x"},
    {"host": "0.0.0.0"},
    {"model_uri": "x"},
)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_none_starts_nothing(site, name):
    listed = site.client.list_deployments()
    with pytest.raises(InvalidArgumentError, match=r"is no name"):
        site.client.create_deployment(name, site.model, config=site.config)
    for call in (site.client.get_deployment, site.client.delete_deployment):
        with pytest.raises(InvalidArgumentError, match=r"is no name"):
            call(name)
    assert site.client.list_deployments() == listed


@pytest.mark.parametrize("setting", BAD_SETTINGS, ids=str)
def test_a_setting_that_is_none_starts_nothing(site, setting):
    with pytest.raises(InvalidArgumentError, match=next(iter(setting)) + r"|policy"):
        site.client.create_deployment("bad", site.model, config={**site.config, **setting})
    with pytest.raises(NotFoundError, match=r"no deployment 'bad'"):
        site.client.get_deployment("bad")


@pytest.mark.parametrize("uri", ["", " ", "a\nb", "a\x1b[2J"])
def test_a_model_that_is_none_starts_nothing(site, uri):
    with pytest.raises(InvalidArgumentError, match=r"the model's URI"):
        site.client.create_deployment("bad", uri, config=site.config)


def test_there_are_no_endpoints(site):
    client = site.client
    for call in (
        lambda: client.create_deployment("a", site.model, endpoint="e"),
        lambda: client.update_deployment("a", endpoint="e"),
        lambda: client.delete_deployment("a", endpoint="e"),
        lambda: client.get_deployment("a", endpoint="e"),
        lambda: client.list_deployments(endpoint="e"),
        lambda: client.predict("a", [1], endpoint="e"),
    ):
        with pytest.raises(UnsupportedByTargetError, match=r"has no endpoints"):
            call()


def test_nothing_stands_after_the_targets_name(site):
    with pytest.raises(InvalidArgumentError, match=r"nothing stands after the name"):
        get_deploy_client(f"{site.target}:/x")
