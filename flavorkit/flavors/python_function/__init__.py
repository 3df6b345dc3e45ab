"""Any Python code as a model: classes, functions, files of code, and modules with a loader."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit import atomic
from flavorkit.descriptor import PYFUNC, inside
from flavorkit.errors import DescriptorError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.bundled_code import Bundle
from flavorkit.flavors.code_paths import CODE, bundle_of, copy_code, imports_of
from flavorkit.flavors.python_function import pickle_file, type_hints
from flavorkit.flavors.python_function.mlflow_code import listening
from flavorkit.flavors.python_function.python_model import (
    FunctionModel,
    PythonModelContext,
    caller_of,
    collecting,
    config_of,
)
from flavorkit.flavors.unsafe_load import explaining, load_pickle
from flavorkit.trust import Grant

_PICKLE = "python_model.pkl"
_ARTIFACTS = "artifacts"
_DATA = "data"


@dataclass(frozen=True)
class Runnable:
    """A model that is Python code, with what it finds beside it."""

    model: Any
    context: PythonModelContext


class PythonFunction(Flavor):
    """What no framework covers. All of it is code, whatever the files hold."""

    name = PYFUNC
    modules = ("flavorkit", "mlflow")
    suffixes = (".py",)
    packages = ("cloudpickle",)
    accepts = ("dataframe", "array", "sparse", "dict", "list")
    model_argument = "python_model"
    loader_module = "flavorkit.mlflow_loader"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        artifacts: Mapping[str, str | Path] | None = None,
        code_paths: Sequence[str | Path] | None = None,
        model_config: Mapping[str, Any] | str | Path | None = None,
        streamable: bool | None = None,
        loader_module: str | None = None,
        data_path: str | Path | None = None,
    ) -> Saved:
        """Write a pickle, a file of code, or the data of a module that loads it.

        Args:
            model: a :class:`~flavorkit.pyfunc.PythonModel`, a function of the data, or the path of
                a file that calls :func:`flavorkit.models.set_model`; None with ``loader_module``.
            folder: where to.
            artifacts: files and folders to copy in, by the name under which the context has them.
            code_paths: modules and packages to copy in; the model imports them from there.
            model_config: what the context has as ``model_config``: a mapping, or a YAML file.
            streamable: whether it has a ``predict_stream``; found out when not given.
            loader_module: one of ``code_paths``, whose ``_load_pyfunc(data_path)`` is the model.
            data_path: the file or folder that ``loader_module`` loads, copied in.
        """
        if (model is None) != (loader_module is not None):
            raise UnsavableModelError("pass either a model or a loader_module with code_paths")
        section: dict[str, Any] = {CODE: copy_code(code_paths, folder)}
        if model_config is not None:
            section["config"] = config_of(model_config)
        packages: tuple[str, ...] = ()
        if loader_module is not None:
            section |= _copy_data(loader_module, data_path, folder)
        elif _is_code_file(model):
            section["model_code_path"] = _copy_file(Path(model), folder)
        else:
            code = folder / CODE if section[CODE] else None
            pickle_file.dump(_picklable(model), folder / _PICKLE, code=code)
            packages = ("cloudpickle",)
            section |= _pickle_section()
        if artifacts:
            section[_ARTIFACTS] = _copy_artifacts(artifacts, folder)
        loaded = self.load(folder, section, trust=Grant.of_own(folder))
        runnable: Runnable = loaded.native
        section["streamable"] = _is_streamable(runnable.model) if streamable is None else streamable
        return Saved(
            config=section,
            pyfunc=section,
            packages=packages,
            loaded=Loaded(runnable, loaded.modules | imports_of(folder)),
            signature=type_hints.signature_of(runnable.model),
            is_signature_from_type_hint=True,
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Run what the folder holds, and let the model load its context."""
        self.check_grant(folder, config, trust)
        bundle = bundle_of(folder, config, trust=trust)
        settings = dict(config.get("config") or {})
        loaded = self._load_model(folder, config, bundle, settings, trust)
        context = PythonModelContext(
            {
                name: os.path.abspath(inside(folder, entry["path"]))  # noqa: PTH100 - not resolved
                for name, entry in (config.get(_ARTIFACTS) or {}).items()
            },
            settings,
        )
        model = loaded.native
        if callable(model) and not hasattr(model, "predict"):
            model = FunctionModel(model)
        if hasattr(model, "load_context"):
            model.load_context(context=context)
        return Loaded(Runnable(model, context), loaded.modules)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """The model's ``predict``, with the data as its type hint says."""
        return type_hints.converting(
            native.model, "predict", caller_of(native.model, "predict", native.context)
        )

    def streamer(self, native: Any, config: Mapping[str, Any]) -> Predictor | None:
        """The model's ``predict_stream``, if it has one."""
        if not config.get("streamable"):
            return None
        return type_hints.converting(
            native.model,
            "predict_stream",
            caller_of(native.model, "predict_stream", native.context),
        )

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: the model is code."""
        if "model_code_path" in config:
            return f"{Path(str(config['model_code_path'])).name} is Python code, which is the model"
        if "python_model" in config:
            return f"{config['python_model']} is a pickle, which can run any code when it is loaded"
        return f"the module {config.get('loader_module')!r} would be run to load it"

    def row_wise(self, native: Any) -> bool:
        """Only if the model says so."""
        return bool(getattr(native.model, "row_wise", False))

    def checks_data(self, native: Any) -> bool:
        """Where it has type hints for pydantic to check."""
        return type_hints.checks_data(native.model)

    def unwrap(self, native: Any) -> Any:
        """The :class:`~flavorkit.pyfunc.PythonModel` itself."""
        return native.model

    def _load_model(
        self,
        folder: Path,
        config: Mapping[str, Any],
        bundle: Bundle,
        settings: Mapping[str, Any],
        trust: Grant,
    ) -> Loaded:
        if "model_code_path" in config:
            # An absolute path of the author's machine, of which only the name means anything.
            name = str(config["model_code_path"]).replace("\\", "/").rpartition("/")[2]
            return Loaded(_run(inside(folder, name), bundle, settings))
        if "python_model" in config:
            return load_pickle(
                inside(folder, config["python_model"]),
                trust=trust,
                bundle=bundle,
                compression=config.get("python_model_compression"),
            )
        return Loaded(_load_by_module(folder, config, bundle, settings))


def _run(path: Path, bundle: Bundle, settings: Mapping[str, Any]) -> Any:
    """What the file of code says is the model."""
    with (
        collecting(settings) as models,
        listening(path, settings) as told_to_mlflow,
        explaining(path),
    ):
        bundle.run(path)
    chosen = [*models, *told_to_mlflow]
    if not chosen:
        raise UnreadableModelError(path, "it does not call flavorkit.models.set_model(model)")
    return chosen[-1]


def _load_by_module(
    folder: Path, config: Mapping[str, Any], bundle: Bundle, settings: Mapping[str, Any]
) -> Any:
    name = str(config.get("loader_module"))
    if not bundle.has(name):
        raise DescriptorError(
            folder,
            PYFUNC,
            f"the loader_module {name!r} is not among the modules that the folder brings",
        )
    path = inside(folder, config["data"]) if config.get("data") else folder
    with explaining(path):
        load = bundle.import_module(name)._load_pyfunc  # noqa: SLF001 - MLflow's name for it
        return load(str(path), dict(settings)) if settings else load(str(path))


def _is_code_file(model: Any) -> bool:
    return isinstance(model, str | Path) and str(model).endswith(".py")


def _is_streamable(model: Any) -> bool:
    stream = getattr(type(model), "predict_stream", None)
    home = getattr(stream, "__module__", "") or ""  # None where the code has no name
    return stream is not None and home.partition(".")[0] not in {"flavorkit", "mlflow"}


def _picklable(model: Any) -> Any:
    """``model``, or what makes one of it."""
    if callable(getattr(model, "predict", None)):
        return model
    if not callable(model):
        raise UnsavableModelError(
            f"a {type(model).__name__} is no PythonModel, no function and no path of a .py file"
        )
    return FunctionModel(model)


def _pickle_section() -> dict[str, Any]:
    import cloudpickle

    return {"python_model": _PICKLE, "cloudpickle_version": cloudpickle.__version__}


def _copy_data(loader: str, data_path: str | Path | None, folder: Path) -> dict[str, Any]:
    section: dict[str, Any] = {"loader_module": loader}
    if data_path is not None:
        source = Path(data_path)
        section["data"] = f"{_DATA}/{source.resolve().name}"
        atomic.copy(source, folder / section["data"])
    return section


def _copy_file(source: Path, folder: Path) -> str:
    if not source.is_file():
        raise UnsavableModelError(f"there is no file of code at {source}")
    atomic.copy(source, folder / source.name)
    return source.name


def _copy_artifacts(artifacts: Mapping[str, str | Path], folder: Path) -> dict[str, Any]:
    section: dict[str, Any] = {}
    for name, given in artifacts.items():
        source = Path(str(given).removeprefix("file://"))
        if not source.exists():
            raise UnsavableModelError(f"the artifact {name!r} is not at {given}")
        place = f"{_ARTIFACTS}/{source.resolve().name}"
        if (folder / place).exists():
            place = f"{_ARTIFACTS}/{len(section)}/{source.resolve().name}"
        atomic.copy(source, folder / place)
        section[str(name)] = {"path": place, "uri": str(given)}
    return section
