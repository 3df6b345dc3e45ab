"""flavorkit: package a trained model of any framework, and serve it the same way."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from flavorkit import _facade
from flavorkit.version import __version__

if TYPE_CHECKING:
    from flavorkit import (
        artifacts,
        catboost,
        client,
        config,
        crate,
        data,
        entities,
        exceptions,
        fastai,
        h2o,
        keras,
        lightgbm,
        models,
        onnx,
        pytorch,
        sklearn,
        spacy,
        spark,
        statsmodels,
        system_metrics,
        tensorflow,
        types,
        xgboost,
    )
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.errors import FlavorkitError
    from flavorkit.errors import FlavorkitError as MlflowException
    from flavorkit.flavors.saving import save_model
    from flavorkit.pyfunc import PyFuncModel, load_model
    from flavorkit.signature import ModelSignature, infer_signature
    from flavorkit.tracking.client import FlavorkitClient, MLflowClient, MlflowClient
    from flavorkit.tracking.defaults import is_tracking_uri_set, set_registry_uri, set_tracking_uri
    from flavorkit.tracking.defaults import registry_uri as get_registry_uri
    from flavorkit.tracking.defaults import tracking_uri as get_tracking_uri
    from flavorkit.tracking.fluent.active import (
        ActiveRun,
        active_run,
        end_run,
        last_active_run,
        start_run,
    )
    from flavorkit.tracking.fluent.artifacts import (
        flush_artifact_async_logging,
        get_artifact_uri,
        load_table,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_stream,
        log_table,
        log_text,
    )
    from flavorkit.tracking.fluent.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        restore_experiment,
        search_experiments,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
    )
    from flavorkit.tracking.fluent.log_model import log_model
    from flavorkit.tracking.fluent.logging import (
        delete_tag,
        flush_async_logging,
        log_input,
        log_inputs,
        log_metric,
        log_metrics,
        log_outputs,
        log_param,
        log_params,
        set_tag,
        set_tags,
    )
    from flavorkit.tracking.fluent.models import (
        ActiveModel,
        clear_active_model,
        create_external_model,
        delete_logged_model_tag,
        finalize_logged_model,
        get_active_model_id,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        search_logged_models,
        set_active_model,
        set_logged_model_tags,
    )
    from flavorkit.tracking.fluent.registry import (
        register_model,
        search_model_versions,
        search_registered_models,
        set_model_version_tag,
    )
    from flavorkit.tracking.fluent.runs import (
        delete_run,
        get_parent_run,
        get_run,
        list_run_infos,
        restore_run,
        search_runs,
    )
    from flavorkit.tracking.images import Image
    from flavorkit.tracking.spool import RunOperations
    from flavorkit.tracking.system_metrics import (
        disable_system_metrics_logging,
        enable_system_metrics_logging,
        set_system_metrics_node_id,
        set_system_metrics_samples_before_logging,
        set_system_metrics_sampling_interval,
    )

# Public name -> where it lives. Nothing is imported before it is used (PEP 562).
_EXPORTS = {
    **_facade.TRACKING,
    "FlavorkitError": "flavorkit.errors:FlavorkitError",
    "MlflowException": "flavorkit.errors:FlavorkitError",
    "ModelDescriptor": "flavorkit.descriptor:ModelDescriptor",
    "ModelSignature": "flavorkit.signature:ModelSignature",
    "PyFuncModel": "flavorkit.pyfunc:PyFuncModel",
    "infer_signature": "flavorkit.signature:infer_signature",
    "load_model": "flavorkit.pyfunc:load_model",
    "save_model": "flavorkit.flavors.saving:save_model",
}
__all__ = [
    "ActiveModel",
    "ActiveRun",
    "FlavorkitClient",
    "FlavorkitError",
    "Image",
    "MLflowClient",
    "MlflowClient",
    "MlflowException",
    "ModelDescriptor",
    "ModelSignature",
    "PyFuncModel",
    "RunOperations",
    "__version__",
    "active_run",
    "artifacts",
    "catboost",
    "clear_active_model",
    "client",
    "config",
    "crate",
    "create_experiment",
    "create_external_model",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "entities",
    "exceptions",
    "fastai",
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
    "h2o",
    "infer_signature",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "keras",
    "last_active_run",
    "last_logged_model",
    "lightgbm",
    "list_run_infos",
    "load_model",
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
    "log_model",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "models",
    "onnx",
    "pytorch",
    "register_model",
    "restore_experiment",
    "restore_run",
    "save_model",
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
    "sklearn",
    "spacy",
    "spark",
    "start_run",
    "statsmodels",
    "system_metrics",
    "tensorflow",
    "types",
    "xgboost",
]

_facade.install()


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        value = _facade.lookup(_EXPORTS[name])
        globals()[name] = value
        return value
    if name.startswith("_"):
        raise AttributeError(f"module 'flavorkit' has no attribute {name!r}")
    # `from flavorkit import errors` asks here first, so this must not look far for what is near.
    if name in _facade.submodules():
        return importlib.import_module(f"flavorkit.{name}")
    return _facade.third_party_flavor(name)


def __dir__() -> list[str]:
    return __all__
