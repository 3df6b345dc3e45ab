"""Programs written for MLflow find every name, with its arguments, in its order."""

from __future__ import annotations

import importlib
import inspect

import pytest

import flavorkit

pytestmark = pytest.mark.filterwarnings("ignore")

# What there is no use for outside of Databricks.
ONLY_DATABRICKS = {
    *("trace_location", "env_pack", "deployment_job_id", "workspace_store_uri"),
}

FLUENT = [
    "active_run",
    "clear_active_model",
    "create_experiment",
    "create_external_model",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "finalize_logged_model",
    "flush_artifact_async_logging",
    "flush_async_logging",
    "get_active_model_id",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_registry_uri",
    "get_run",
    "get_tracking_uri",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "register_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_active_model",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_registry_uri",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]

CLIENT = [
    "__init__",
    "copy_model_version",
    "create_experiment",
    "create_logged_model",
    "create_model_version",
    "create_registered_model",
    "create_run",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model",
    "delete_logged_model_tag",
    "delete_model_version",
    "delete_model_version_tag",
    "delete_registered_model",
    "delete_registered_model_alias",
    "delete_registered_model_tag",
    "delete_run",
    "delete_tag",
    "download_artifacts",
    "finalize_logged_model",
    "get_experiment",
    "get_experiment_by_name",
    "get_latest_versions",
    "get_logged_model",
    "get_metric_history",
    "get_model_version",
    "get_model_version_by_alias",
    "get_model_version_download_uri",
    "get_model_version_stages",
    "get_parent_run",
    "get_registered_model",
    "get_run",
    "list_artifacts",
    "list_logged_model_artifacts",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_batch",
    "log_dict",
    "log_figure",
    "log_image",
    "log_inputs",
    "log_metric",
    "log_model_artifact",
    "log_model_artifacts",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_stream",
    "log_table",
    "log_text",
    "rename_experiment",
    "rename_registered_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_experiment_tag",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_registered_model_alias",
    "set_registered_model_tag",
    "set_tag",
    "set_terminated",
    "transition_model_version_stage",
    "update_model_version",
    "update_registered_model",
    "update_run",
]

ELSEWHERE = [
    *(f"artifacts.{name}" for name in ("download_artifacts", "list_artifacts")),
    *(f"artifacts.{name}" for name in ("load_dict", "load_image", "load_text")),
    *(f"data.{name}" for name in ("from_numpy", "from_pandas", "from_polars", "get_source")),
    *(f"tracking.{name}" for name in ("get_tracking_uri", "set_tracking_uri")),
    *(f"tracking.{name}" for name in ("get_registry_uri", "set_registry_uri")),
    "tracking.is_tracking_uri_set",
    *("config.enable_async_logging", "config.enable_system_metrics_logging"),
    *("config.get_tracking_uri", "config.set_tracking_uri", "config.set_registry_uri"),
    *("system_metrics.enable_system_metrics_logging", "system_metrics.set_system_metrics_node_id"),
]

# What MLflow 1 had and people's programs still call.
OLD_FLUENT = {
    "create_experiment": "name, artifact_location=None",
    "end_run": "status='FINISHED'",
    "list_run_infos": "experiment_id, run_view_type=1, max_results=1000, order_by=None",
    "log_metric": "key, value, step=None",
    "log_param": "key, value",
    "register_model": "model_uri, name, await_registration_for=300",
    "start_run": "run_id=None, experiment_id=None, run_name=None, nested=False, tags=None",
}
OLD_CLIENT = {
    "create_model_version": (
        "name, source, run_id=None, tags=None, run_link=None, description=None,"
        " await_creation_for=300"
    ),
    "list_experiments": "view_type=None",
    "list_registered_models": "max_results=100, page_token=None",
    "list_run_infos": (
        "experiment_id, run_view_type=1, max_results=1000, order_by=None, page_token=None"
    ),
    "get_latest_versions": "name, stages=None",
    "set_terminated": "run_id, status=None, end_time=None",
}


def takes_all_of(ours, theirs):
    """Whether each of their arguments is ours, in the same place, with the same default."""
    mine = list(inspect.signature(ours).parameters.values())
    wanted = [
        one
        for one in inspect.signature(theirs).parameters.values()
        if one.name not in ONLY_DATABRICKS
    ]
    positional = [one.name for one in mine if one.kind is not one.KEYWORD_ONLY]
    expected = [one.name for one in wanted if one.kind is not one.KEYWORD_ONLY]
    assert positional[: len(expected)] == expected
    defaults = {one.name: one.default for one in mine}
    assert {one.name: one.default for one in wanted}.items() <= defaults.items()


@pytest.mark.parametrize("name", FLUENT)
def test_functions_take_what_mlflows_take(name):
    import mlflow

    takes_all_of(getattr(flavorkit, name), getattr(mlflow, name))


@pytest.mark.parametrize("name", CLIENT)
def test_methods_of_the_client_take_what_mlflows_take(name):
    import mlflow

    takes_all_of(getattr(flavorkit.MlflowClient, name), getattr(mlflow.MlflowClient, name))


@pytest.mark.parametrize("name", ELSEWHERE)
def test_functions_of_modules_take_what_mlflows_take(name):
    module, _, function = name.partition(".")
    theirs = importlib.import_module(f"mlflow.{module}")
    ours = importlib.import_module(f"flavorkit.{module}")
    takes_all_of(getattr(ours, function), getattr(theirs, function))


def arguments(text):
    """The parameters that a text such as ``name, stages=None`` declares."""
    scope = {}
    exec(f"def declared({text}): pass", scope)
    return inspect.signature(scope["declared"]).parameters.values()


@pytest.mark.parametrize(
    ("owner", "name", "text"),
    [
        *((flavorkit, *item) for item in OLD_FLUENT.items()),
        *((flavorkit.MlflowClient, *item) for item in OLD_CLIENT.items()),
    ],
    ids=[*OLD_FLUENT, *OLD_CLIENT],
)
def test_what_older_programs_call_is_there(owner, name, text):
    taken = inspect.signature(getattr(owner, name)).parameters
    for wanted in arguments(text):
        assert taken[wanted.name].default == wanted.default


def test_the_client_has_all_its_names():
    from flavorkit.client import MlflowClient
    from flavorkit.tracking import MlflowClient as of_tracking
    from flavorkit.tracking.client import MlflowClient as of_client

    assert {MlflowClient, of_tracking, of_client} == {flavorkit.FlavorkitClient}
    assert flavorkit.MLflowClient is flavorkit.MlflowClient is flavorkit.FlavorkitClient


def test_the_lists_above_are_complete():
    import mlflow

    theirs = {
        name
        for name, value in vars(mlflow.MlflowClient).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    missing = theirs - set(CLIENT) - set(dir(flavorkit.MlflowClient))
    # What is left out is of traces, prompts and the like, of webhooks and of workspaces.
    others = ("trace", "prompt", "mcp", "webhook", "workspace", "span", "dataset")
    assert not {name for name in missing if not any(word in name for word in others)}


@pytest.mark.parametrize("name", ["entities", "entities.model_registry"])
def test_entities_have_mlflows_names(name):
    ours = importlib.import_module(f"flavorkit.{name}")
    theirs = importlib.import_module(f"mlflow.{name}")
    assert set(ours.__all__) <= {
        *dir(theirs),
        *("ModelVersion", "ModelVersionTag", "RegisteredModel", "RegisteredModelTag"),
    }
