"""MLflow's client, as it is, on our server, and our client on MLflow's: the same programs."""

from __future__ import annotations

import os

import numpy as np
import pytest

import flavorkit
from tests.interop import tracking_searches as searches
from tests.interop.tracking_steps import AT, STEPS, Side
from tests.tracking.workspace import forget, settings

pytestmark = pytest.mark.xdist_group("tracking servers")

BOTH = ("mlflow on our server", "flavorkit on their server")


def use(mlflow, url):
    """Both products work there."""
    for product in (mlflow, flavorkit):
        product.set_tracking_uri(url)
        product.set_registry_uri(url)


@pytest.fixture
def environment(tmp_path, monkeypatch, mlflow):
    """The variables of the environment as they were, after the products have written theirs."""
    before = {name: os.environ[name] for name in settings()}
    uris = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    monkeypatch.setenv("FLAVORKIT_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    forget()
    yield
    while mlflow.active_run():
        mlflow.end_run()
    forget()
    mlflow.set_tracking_uri(uris[0])
    mlflow.set_registry_uri(uris[1])
    for name in settings():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(params=BOTH)
def side(request, mlflow, environment, tmp_path):
    """A client on the server of the other product."""
    if request.param == BOTH[0]:
        use(mlflow, request.getfixturevalue("flavorkit_tracking_server"))
        return Side(mlflow, flavorkit, tmp_path)
    use(mlflow, request.getfixturevalue("mlflow_tracking_server"))
    return Side(flavorkit, mlflow, tmp_path)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_the_same_program_does_the_same(side, step):
    step(side)


def fitted(flavor, data, species, python_model):
    """A small model of a flavor, and what it is asked."""
    if flavor == "sklearn":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000).fit(data, species), data[:5]
    if flavor == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(n_estimators=3, n_jobs=1).fit(data, species), data[:5]
    if flavor == "lightgbm":
        from lightgbm import LGBMClassifier

        model = LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1)
        return model.fit(data, species), data[:5]
    if flavor == "pytorch":
        import torch

        torch.manual_seed(0)
        return torch.nn.Linear(4, 2).eval(), data[:5].to_numpy(np.float32)

    class Doubled(python_model):
        def predict(self, context, model_input, params=None):
            return model_input["sepal length (cm)"] * 2

    return Doubled(), data[:5]


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost", "lightgbm", "pytorch", "pyfunc"])
def test_a_model_is_logged_published_and_loaded(side, flavor, iris):
    product, client, name = side.product, side.client, f"both {flavor}"
    module = getattr(product, flavor)
    model, data = fitted(flavor, *iris, product.pyfunc.PythonModel)
    side.experiment("models")
    with product.start_run() as run:
        product.log_metric("acc", 0.5)
        given = {"python_model": model} if flavor == "pyfunc" else {}
        if flavor == "pytorch":  # which MLflow traces
            given = {"pytorch_model": model, "input_example": data}
        info = module.log_model(
            *(() if given else (model,)),
            **given,
            name="model",
            registered_model_name=name,
            pip_requirements=["pandas"],
        )
    version = client.get_model_version(name, "1")
    assert (version.source, version.run_id) == (f"models:/{info.model_id}", run.info.run_id)
    assert client.get_logged_model(info.model_id).status == "READY"
    client.set_registered_model_alias(name, "champion", "1")
    uris = {
        *(f"models:/{name}@champion", f"models:/{name}/1", f"models:/{name}/latest"),
        *(f"runs:/{run.info.run_id}/model", info.model_uri),
    }
    expected = None
    for uri in sorted(uris):
        for found in side.predictions(uri, data):
            expected = found if expected is None else expected
            assert found == expected, uri
    if flavor == "pyfunc":
        assert expected == (data["sepal length (cm)"] * 2).tolist()
    elif flavor != "pytorch":
        assert expected == model.predict(data).tolist()
    again = product.register_model(f"runs:/{run.info.run_id}/model", name)
    assert str(again.version) == "2"
    first, second = side.predictions(f"models:/{name}/2", data)
    assert first == second == expected


def test_a_version_may_name_a_model_by_its_run(
    mlflow, environment, flavorkit_tracking_server, iris, iris_model, tmp_path
):
    """As programs do that call the registry themselves; MLflow's server would find nothing."""
    use(mlflow, flavorkit_tracking_server)
    side, client, name = Side(mlflow, flavorkit, tmp_path), mlflow.MlflowClient(), "both by run"
    side.experiment("by run")
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(iris_model, name="model", pip_requirements=["pandas"])
    client.create_registered_model(name)
    client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
    # MLflow's client does not read the id.
    assert flavorkit.MlflowClient().get_model_version(name, "1").model_id == info.model_id
    for found in side.predictions(f"models:/{name}/1", iris[0][:5]):
        assert found == iris_model.predict(iris[0][:5]).tolist()


def test_what_autolog_writes_is_there(mlflow, environment, flavorkit_tracking_server, iris):
    from sklearn.linear_model import LogisticRegression

    use(mlflow, flavorkit_tracking_server)
    experiment = mlflow.set_experiment("autolog").experiment_id
    mlflow.sklearn.autolog(registered_model_name="both autolog")
    try:
        model = LogisticRegression(max_iter=1000, C=0.5).fit(*iris)
    finally:
        mlflow.sklearn.autolog(disable=True)
    (run,) = flavorkit.MlflowClient().search_runs([experiment])
    assert run.info.status == "FINISHED"
    assert run.data.params.items() >= {"C": "0.5", "max_iter": "1000"}.items()
    assert run.data.metrics["training_accuracy_score"] == model.score(*iris)
    assert run.data.tags["estimator_name"] == "LogisticRegression"
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["dataset"]
    files = {one.path for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert "training_confusion_matrix.png" in files
    expected = model.predict(iris[0]).tolist()
    for uri in ("models:/both autolog/1", f"runs:/{run.info.run_id}/model"):
        assert mlflow.pyfunc.load_model(uri).predict(iris[0]).tolist() == expected
        loaded = flavorkit.pyfunc.load_model(uri, trust="all")
        assert loaded.predict(iris[0]).tolist() == expected


def fill(side):
    """What is searched, in an experiment; its id, and the ids of the runs by their names."""
    client, entities = side.client, side.product.entities
    experiment = client.create_experiment("both searches")
    ids = {}
    for number, (name, logged) in enumerate(searches.RUNS.items(), 1):
        run_id = client.create_run(experiment, number * 1000, logged.tags, name).info.run_id
        ids[name] = run_id
        client.log_batch(
            run_id,
            [entities.Metric(key, value, AT, 0) for key, value in logged.metrics.items()],
            [entities.Param(key, value) for key, value in logged.params.items()],
        )
        if logged.dataset:
            dataset, digest, context = logged.dataset
            tag = entities.InputTag("mlflow.data.context", context)
            used = entities.Dataset(dataset, digest, "local", "{}")
            client.log_inputs(run_id, [entities.DatasetInput(used, [tag])])
        if logged.status != "RUNNING":
            client.set_terminated(run_id, logged.status, number * 1000 + 500)
    for name, tags in searches.MODELS.items():
        client.create_registered_model(name, tags)
    for (number, tags), run_id in zip(searches.VERSIONS.items(), ids.values(), strict=False):
        client.create_model_version("both-fox", f"s3://bucket/{number}", run_id, tags)
    for name, value in searches.LOGGED_MODELS.items():
        model = client.create_logged_model(
            experiment, name, ids["r1"], {"team": "red"}, {"of": name}
        )
        client.log_metric(ids["r1"], "f1", value, AT, 0, model_id=model.model_id)
        client.finalize_logged_model(model.model_id, "READY")
    return experiment, ids


@pytest.fixture(scope="module")
def filled():
    """What was made already, by direction."""
    return {}


@pytest.fixture
def searched(side, filled):
    """The client, the experiment, and the ids of its runs."""
    if side.product.__name__ not in filled:
        filled[side.product.__name__] = fill(side)
    return side.client, *filled[side.product.__name__]


def named(runs):
    return [one.info.run_name for one in runs]


@pytest.mark.parametrize("text", searches.RUN_FILTERS)
def test_filters_of_runs(searched, text):
    client, experiment, ids = searched
    found = client.search_runs([experiment], text.format(**ids))
    assert sorted(named(found)) == sorted(searches.RUN_FILTERS[text].split())


@pytest.mark.parametrize("order", searches.RUN_ORDERS, ids=", ".join)
def test_orders_of_runs(searched, order):
    client, experiment, _ = searched
    found = client.search_runs([experiment], order_by=list(order))
    assert named(found) == searches.RUN_ORDERS[order].split()


@pytest.mark.parametrize("text", searches.MODEL_FILTERS)
def test_filters_of_registered_models(searched, text):
    client, _, _ = searched
    found = client.search_registered_models(text)
    assert sorted(one.name for one in found) == sorted(searches.MODEL_FILTERS[text].split())


@pytest.mark.parametrize("order", searches.MODEL_ORDERS, ids=", ".join)
def test_orders_of_registered_models(searched, order):
    client, _, _ = searched
    found = client.search_registered_models("name LIKE 'both-%'", order_by=list(order))
    assert [one.name for one in found] == searches.MODEL_ORDERS[order].split()


@pytest.mark.parametrize("text", searches.VERSION_FILTERS)
def test_filters_of_versions(searched, text):
    client, _, ids = searched
    condition = f" and {text.format(**ids)}" if text else ""
    found = client.search_model_versions(f"name = 'both-fox'{condition}")
    assert sorted(str(one.version) for one in found) == searches.VERSION_FILTERS[text].split()


@pytest.mark.parametrize("order", searches.VERSION_ORDERS, ids=", ".join)
def test_orders_of_versions(searched, order):
    client, _, _ = searched
    found = client.search_model_versions("name = 'both-fox'", order_by=list(order))
    assert [str(one.version) for one in found] == searches.VERSION_ORDERS[order].split()


@pytest.mark.parametrize("text", searches.LOGGED_FILTERS)
def test_filters_of_logged_models(searched, text):
    client, experiment, ids = searched
    found = client.search_logged_models([experiment], text.format(**ids))
    assert sorted(one.name for one in found) == searches.LOGGED_FILTERS[text].split()


@pytest.mark.parametrize("order", searches.LOGGED_ORDERS)
@pytest.mark.parametrize("ascending", [True, False])
def test_orders_of_logged_models(searched, order, ascending):
    client, experiment, _ = searched
    by = [{"field_name": order, "ascending": ascending}]
    found = [one.name for one in client.search_logged_models([experiment], order_by=by)]
    expected = searches.LOGGED_ORDERS[order].split()
    assert found == (expected if ascending else expected[::-1])
