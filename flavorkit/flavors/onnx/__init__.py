"""ONNX graphs, as ``.onnx`` files, run by onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from flavorkit.environment.infer import provider_of
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.onnx import graph as onnx_graph
from flavorkit.flavors.onnx import tensors as onnx_tensors
from flavorkit.flavors.onnx.session import EXECUTION_PROVIDERS, Settings
from flavorkit.flavors.reading import data_file
from flavorkit.signature.example import Example
from flavorkit.trust import Grant

ONNX_EXECUTION_PROVIDERS = list(EXECUTION_PROVIDERS)

# Older ones use the indices in a graph as they stand there, and read and write where these lead.
_CHECKING_RUNTIME = (1, 27)
_DATA = "model.onnx"
_RUNTIME = "onnxruntime"


class Onnx(Flavor):
    """Graphs in ONNX's format."""

    name = "onnx"
    modules = ("onnx",)
    packages = ("onnx",)
    helpers = (_RUNTIME,)
    accepts = ("dataframe", "array", "dict")
    model_argument = "onnx_model"
    public = ("ONNX_EXECUTION_PROVIDERS",)
    loader_module = "mlflow.onnx"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        onnx_execution_providers: Sequence[Any] | None = None,
        onnx_session_options: Mapping[str, Any] | None = None,
        save_as_external_data: bool = False,
        example: Example | None = None,
    ) -> Saved:
        """Write ``model.onnx``, and ``model.onnx.data`` where one file does not do.

        Args:
            model: an ``onnx.ModelProto``, with all of its tensors in it.
            folder: where to.
            onnx_execution_providers: what to run it on, the preferred first: names, or pairs of a
                name and its options. Those that are not there when it is loaded are passed over.
            onnx_session_options: options of onnxruntime's ``SessionOptions``, such as
                ``intra_op_num_threads``.
            save_as_external_data: write large tensors to a file of their own. A model of two
                gigabytes or more is written so in any case.
            example: the caller's; without one, the signature is what the graph says.
        """
        import onnx

        if not isinstance(model, onnx.ModelProto):
            raise UnsavableModelError(
                f"a {type(model).__name__} is no onnx.ModelProto; read a file with onnx.load(path)"
            )
        try:
            settings = Settings.of(onnx_execution_providers, onnx_session_options)
        except ValueError as exc:
            raise UnsavableModelError(str(exc)) from None
        if settings.ignored:
            raise UnsavableModelError(
                f"a model folder cannot ask for {', '.join(settings.ignored)}; make a session of"
                " your own from what flavorkit.onnx.load_model returns, where you need it"
            )
        onnx_graph.write(model, folder / _DATA, is_external=save_as_external_data)
        config = {
            "onnx_version": onnx.__version__,
            "data": _DATA,
            "providers": _plain(onnx_execution_providers or ONNX_EXECUTION_PROVIDERS),
            "onnx_session_options": dict(onnx_session_options) if onnx_session_options else None,
            "code": None,
        }
        native = onnx_graph.Graph(folder / _DATA)
        try:
            inputs, outputs = onnx_tensors.ports(native.session(settings))
        except UnreadableModelError as exc:
            raise UnsavableModelError(f"onnxruntime cannot run it: {exc.problem}") from exc
        return Saved(
            config=config,
            pyfunc={"data": _DATA},
            packages=(provider_of(_RUNTIME, _RUNTIME),),
            signature=None if example else onnx_tensors.signature(inputs, outputs),
            loaded=Loaded(native),
        )

    def load(self, folder: Path, config: Mapping[str, Any], *, trust: Grant) -> Loaded:
        """Read and check the file; the framework's own object is the ``ModelProto``."""
        self.check_grant(folder, config, trust)
        return Loaded(onnx_graph.Graph(data_file(folder, config)))

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """One run of the graph for each call, by a session that is made once."""
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument

        try:
            settings = Settings.of(config.get("providers"), config.get("onnx_session_options"))
        except ValueError as exc:
            raise UnreadableModelError(native.path, exc) from None
        if settings.ignored:
            warnings.warn(
                f"a model folder cannot ask for {', '.join(settings.ignored)}, which was ignored",
                stacklevel=2,
            )
        runner = native.session(settings)
        inputs, outputs = onnx_tensors.ports(runner)
        names = [port.name for port in outputs]
        quiet = onnxruntime.RunOptions()
        quiet.log_severity_level = 4  # what it would print is in the exception

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            fed = onnx_tensors.feed(data, inputs)
            try:
                made = runner.run(names, fed, quiet)
            except (InvalidArgument, Fail) as exc:
                raise InvalidInputError(f"the graph does not run on these data: {exc}") from exc
            return onnx_tensors.answer(made, outputs, data)

        return predict

    def unwrap(self, native: Any) -> Any:
        """The ``ModelProto``, with all of its tensors."""
        return native.proto()

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str | None:
        """The format holds no code; an onnxruntime that does not check what it says may run it."""
        try:
            installed = metadata.version(provider_of(_RUNTIME, _RUNTIME))
            release = tuple(map(int, installed.split(".")[:2]))
        except (metadata.PackageNotFoundError, ValueError):
            return None
        if release >= _CHECKING_RUNTIME:
            return None
        return (
            f"onnxruntime {installed} does not check the indices in a graph, by which a forged one"
            f" can run code ({'.'.join(map(str, _CHECKING_RUNTIME))} checks them)"
        )


def _plain(providers: Sequence[Any]) -> list[Any]:
    return [
        entry if isinstance(entry, str) else [entry[0], dict(entry[1] or {})] for entry in providers
    ]
