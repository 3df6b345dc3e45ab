"""The names people know from MLflow, and where each of them lives here.

``flavorkit.sklearn``, ``flavorkit.models`` and the others are no files: they are entries of one
table, put into ``sys.modules`` when flavorkit is imported, so that ``import flavorkit.sklearn`` and
``from flavorkit.sklearn import load_model`` work at no cost. What an entry names is imported when
it is first used. Stub files (``sklearn.pyi``, ``models.pyi``, ...) say the same to editors.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.flavors.base import Flavor
    from flavorkit.tracking.fluent.log_model import LoggedModelInfo

# The flavors that come with flavorkit; each has its module here under its own name.
FLAVORS = (
    "catboost",
    "crate",
    "fastai",
    "h2o",
    "keras",
    "lightgbm",
    "onnx",
    "pytorch",
    "sklearn",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
    "xgboost",
)

_TYPES = {
    name: f"flavorkit.signature:{name}"
    for name in (
        *("AnyType", "Array", "ColSpec", "DataType", "Map", "Object", "ParamSchema", "ParamSpec"),
        *("Property", "Schema", "SparkMLVector", "TensorSpec"),
    )
}
_SIGNATURE = {
    "ModelSignature": "flavorkit.signature:ModelSignature",
    "infer_signature": "flavorkit.signature:infer_signature",
}
_ERRORS = (
    *("AlreadyExistsError", "InvalidArgumentError", "StoreUnavailableError"),
    *("UnsupportedByStoreError",),
    *("BrokenFlavorError", "DeadlineExceededError", "DescriptorError", "EnvironmentBuildError"),
    *("BrokenTargetError", "DeploymentError", "UnsupportedByTargetError"),
    *("EnvironmentMismatchError", "FlavorkitError", "ImageBuildError", "IntegrityError"),
    *("InvalidInputError", "MissingDependencyError", "NotFoundError", "PayloadTooLargeError"),
    *("RequestError", "RequirementError", "SignatureError", "TrustError", "UnreadableModelError"),
    *(
        "PathOccupiedError",
        "UnsavableModelError",
        "UnsupportedModelError",
        "UnsupportedMediaTypeError",
    ),
)

_RUN_ENTITIES = (
    *("Dataset", "DatasetInput", "Experiment", "ExperimentTag", "FileInfo", "InputTag"),
    *("LifecycleStage", "LoggedModel", "LoggedModelInput", "LoggedModelOutput"),
    *("LoggedModelParameter", "LoggedModelStatus", "LoggedModelTag", "Metric", "Param", "Run"),
    *("RunData", "RunInfo", "RunInputs", "RunOutputs", "RunStatus", "RunTag", "ViewType"),
)
_REGISTRY_ENTITIES = {
    name: f"flavorkit.tracking.entities:{name}"
    for name in ("ModelVersion", "ModelVersionTag", "RegisteredModel", "RegisteredModelTag")
}
_CLIENTS = {
    name: f"flavorkit.tracking.client:{name}"
    for name in ("FlavorkitClient", "MLflowClient", "MlflowClient")
}
_URIS = {
    name: f"flavorkit.tracking.defaults:{target}"
    for name, target in (
        ("get_registry_uri", "registry_uri"),
        ("get_tracking_uri", "tracking_uri"),
        ("is_tracking_uri_set", "is_tracking_uri_set"),
        ("set_registry_uri", "set_registry_uri"),
        ("set_tracking_uri", "set_tracking_uri"),
    )
}
_SYSTEM_METRICS = {
    name: f"flavorkit.tracking.system_metrics:{name}"
    for name in (
        "disable_system_metrics_logging",
        "enable_system_metrics_logging",
        "set_system_metrics_node_id",
        "set_system_metrics_samples_before_logging",
        "set_system_metrics_sampling_interval",
    )
}
_DATASETS = "flavorkit.tracking.data"
_FLUENT = {
    "active": ("ActiveRun", "active_run", "end_run", "last_active_run", "start_run"),
    "artifacts": (
        *("flush_artifact_async_logging", "get_artifact_uri", "load_table", "log_artifact"),
        *("log_artifacts", "log_dict", "log_figure", "log_image", "log_stream", "log_table"),
        "log_text",
    ),
    "experiments": (
        *("create_experiment", "delete_experiment", "delete_experiment_tag", "get_experiment"),
        *("get_experiment_by_name", "restore_experiment", "search_experiments"),
        *("set_experiment", "set_experiment_tag", "set_experiment_tags"),
    ),
    "log_model": ("log_model",),
    "logging": (
        *("delete_tag", "flush_async_logging", "log_input", "log_inputs", "log_metric"),
        *("log_metrics", "log_outputs", "log_param", "log_params", "set_tag", "set_tags"),
    ),
    "models": (
        *("ActiveModel", "clear_active_model", "create_external_model"),
        *("delete_logged_model_tag", "finalize_logged_model", "get_active_model_id"),
        *("get_logged_model", "initialize_logged_model", "last_logged_model", "log_model_params"),
        *("search_logged_models", "set_active_model", "set_logged_model_tags"),
    ),
    "registry": (
        *("register_model", "search_model_versions", "search_registered_models"),
        "set_model_version_tag",
    ),
    "runs": (
        *("delete_run", "get_parent_run", "get_run", "list_run_infos", "restore_run"),
        "search_runs",
    ),
}

# Functions and classes of runs and registered models, as attributes of flavorkit itself.
TRACKING: dict[str, str] = {
    **{
        name: f"flavorkit.tracking.fluent.{module}:{name}"
        for module, names in _FLUENT.items()
        for name in names
    },
    **_CLIENTS,
    **_SYSTEM_METRICS,
    **_URIS,
    "Image": "flavorkit.tracking.images:Image",
    "RunOperations": "flavorkit.tracking.spool:RunOperations",
}

# module -> public name -> "module:attribute".
MODULES: dict[str, dict[str, str]] = {
    "artifacts": {
        name: f"flavorkit.tracking.files_by_uri:{name}"
        for name in (
            *("download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"),
        )
    },
    "client": _CLIENTS,
    "config": {
        **_SYSTEM_METRICS,
        **_URIS,
        "enable_async_logging": "flavorkit.tracking.spool:enable_async_logging",
    },
    "data": {
        "Dataset": f"{_DATASETS}.dataset:Dataset",
        "DatasetSource": f"{_DATASETS}.sources:DatasetSource",
        "MetaDataset": f"{_DATASETS}.dataset:MetaDataset",
        "from_numpy": f"{_DATASETS}.numpy_dataset:from_numpy",
        "from_pandas": f"{_DATASETS}.pandas_dataset:from_pandas",
        "from_polars": f"{_DATASETS}.polars_dataset:from_polars",
        "get_source": f"{_DATASETS}.dataset:get_source",
    },
    "data.code_dataset_source": {"CodeDatasetSource": f"{_DATASETS}.sources:CodeDatasetSource"},
    "data.dataset": {"Dataset": f"{_DATASETS}.dataset:Dataset"},
    "data.dataset_source": {"DatasetSource": f"{_DATASETS}.sources:DatasetSource"},
    "data.filesystem_dataset_source": {
        "FileSystemDatasetSource": f"{_DATASETS}.sources:FileDatasetSource"
    },
    "data.http_dataset_source": {"HTTPDatasetSource": f"{_DATASETS}.sources:HTTPDatasetSource"},
    "data.meta_dataset": {"MetaDataset": f"{_DATASETS}.dataset:MetaDataset"},
    "data.numpy_dataset": {
        "NumpyDataset": f"{_DATASETS}.numpy_dataset:NumpyDataset",
        "from_numpy": f"{_DATASETS}.numpy_dataset:from_numpy",
    },
    "data.pandas_dataset": {
        "PandasDataset": f"{_DATASETS}.pandas_dataset:PandasDataset",
        "from_pandas": f"{_DATASETS}.pandas_dataset:from_pandas",
    },
    "data.polars_dataset": {
        "PolarsDataset": f"{_DATASETS}.polars_dataset:PolarsDataset",
        "from_polars": f"{_DATASETS}.polars_dataset:from_polars",
    },
    "entities": {
        **{name: f"flavorkit.tracking.entities:{name}" for name in _RUN_ENTITIES},
        **_REGISTRY_ENTITIES,
    },
    "entities.model_registry": _REGISTRY_ENTITIES,
    "exceptions": {
        "MlflowException": "flavorkit.errors:FlavorkitError",
        "RestException": "flavorkit.errors:FlavorkitError",
        **{name: f"flavorkit.errors:{name}" for name in _ERRORS},
    },
    "models": {
        **_SIGNATURE,
        "Model": "flavorkit.descriptor:ModelDescriptor",
        "ModelConfig": "flavorkit.flavors.python_function.python_model:ModelConfig",
        "convert_input_example_to_serving_input": (
            "flavorkit.signature.example:convert_input_example_to_serving_input"
        ),
        "build_docker": "flavorkit.docker.as_mlflow:build_docker",
        "get_model_info": "flavorkit.pyfunc.info:get_model_info",
        "predict": "flavorkit.pyfunc.in_environment:predict",
        "set_model": "flavorkit.flavors.python_function.python_model:set_model",
        "validate_serving_input": "flavorkit.pyfunc.serving_input:validate_serving_input",
        "update_model_requirements": "flavorkit.flavors.requirements:update_model_requirements",
    },
    "models.signature": _SIGNATURE,
    "system_metrics": _SYSTEM_METRICS,
    "types": _TYPES,
    "types.schema": _TYPES,
}


def install() -> None:
    """Make every module of the table importable."""
    for name, targets in MODULES.items():
        _add(_TableModule(name, targets))
    for name in FLAVORS:
        _add(_FlavorModule(name))


def lookup(target: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def submodules() -> frozenset[str]:
    """The modules that are reached as attributes of flavorkit: files, packages, and the table's."""
    here = {entry.name for entry in pkgutil.iter_modules([str(Path(__file__).parent)])}
    return frozenset({*here, *FLAVORS, *(name for name in MODULES if "." not in name)})


def third_party_flavor(name: str) -> ModuleType:
    """The module of a flavor that an installed distribution adds.

    Raises:
        AttributeError: there is no such flavor.
        BrokenFlavorError: there is, and it cannot be used.
    """
    from flavorkit.errors import BrokenFlavorError, NotFoundError
    from flavorkit.flavors.registry import get_flavor

    try:
        get_flavor(name)
    except BrokenFlavorError:
        raise
    except NotFoundError:
        raise AttributeError(f"module 'flavorkit' has no attribute {name!r}") from None
    module = _FlavorModule(name)
    _add(module)
    return module


def _add(module: ModuleType) -> None:
    sys.modules[module.__name__] = module


class _TableModule(ModuleType):
    """A module whose names are looked up in the table when they are used."""

    def __init__(self, name: str, targets: dict[str, str]) -> None:
        super().__init__(f"flavorkit.{name}", f"What MLflow has in ``mlflow.{name}``.")
        self.__path__: list[str] = []
        self.__all__ = sorted(targets)
        self._targets = targets

    def __getattr__(self, name: str) -> Any:
        if name not in self._targets:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = lookup(self._targets[name])
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return self.__all__


class _FlavorModule(ModuleType):
    """``save_model`` and ``load_model`` of one flavor, and its constants."""

    def __init__(self, name: str) -> None:
        super().__init__(f"flavorkit.{name}", f"Save and load models of the {name} flavor.")
        self._name = name
        self.__all__ = ["load_model", "log_model", "save_model"]

    def log_model(self, *args: Any, **kwargs: Any) -> LoggedModelInfo:
        """Save a model of this flavor and keep it with the active run.

        See :func:`flavorkit.log_model` for the arguments; the model may be passed under the name
        that MLflow gives it, such as ``sk_model``.
        """
        from flavorkit.tracking.fluent.log_model import log_model

        return log_model(*self._model_first(args, kwargs, "log_model"), **kwargs, flavor=self._name)

    def save_model(self, *args: Any, **kwargs: Any) -> ModelDescriptor:
        """Save a model of this flavor; see :func:`flavorkit.save_model` for the arguments.

        The model may be passed under the name that MLflow gives it, such as ``sk_model``.
        """
        from flavorkit.flavors.saving import save_model

        return save_model(
            *self._model_first(args, kwargs, "save_model"), **kwargs, flavor=self._name
        )

    def load_model(
        self, model_uri: Any, dst_path: Any = None, *, trust: Any = None, **options: Any
    ) -> Any:
        """The framework's own object; see :func:`flavorkit.load_model` for the arguments.

        ``options`` are those of the flavor, such as ``device=`` of PyTorch.
        """
        from flavorkit import uris
        from flavorkit.flavors.loading import load_native

        folder = uris.fetch(model_uri, dst_path)
        loaded = load_native(folder, trust=trust, flavor=self._name, options=options)
        return loaded.flavor.unwrap(loaded.native)

    def _model_first(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], function: str
    ) -> tuple[Any, ...]:
        """The positional arguments, with the model that was passed by its name in front."""
        place = "path" if function == "save_model" else "artifact_path"
        for argument in (self._flavor.model_argument, *self._flavor.model_aliases):
            if argument in kwargs:
                if args and place in kwargs:
                    raise TypeError(f"{function}() got several values for {argument!r}")
                args = (kwargs.pop(argument), *args)
        return args

    @property
    def _flavor(self) -> Flavor:
        from flavorkit.flavors.registry import get_flavor

        return get_flavor(self._name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and name in self._flavor.public:
            return lookup(f"{type(self._flavor).__module__}:{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return self.__all__
