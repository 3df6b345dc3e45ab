"""PyTorch's modules, as exported programs, as pickles, and as TorchScript."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

from flavorkit.errors import (
    FlavorkitError,
    InvalidInputError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.flavors import state_dicts, torch_export
from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.code_paths import CODE, bundle_of, copy_code, imports_of
from flavorkit.flavors.pickle_file import pickler
from flavorkit.flavors.private_names import plain
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.torch_tensors import (
    Forward,
    float_dtype,
    leaves,
    like_rows,
    to_arrays,
    to_tensors,
)
from flavorkit.flavors.trial import enforced
from flavorkit.flavors.unsafe_load import (
    load_exported_program,
    load_torch_module,
)
from flavorkit.signature import ModelSignature
from flavorkit.signature.example import Example
from flavorkit.trust import Grant

Format = Literal["pt2", "pickle"]

SERIALIZATION_FORMAT_PT2: Format = "pt2"
SERIALIZATION_FORMAT_PICKLE: Format = "pickle"

load_state_dict = state_dicts.load_state_dict
save_state_dict = state_dicts.save_state_dict

_DATA = "data"
_EXPORTED = "model.pt2"
_PICKLED = "model.pth"
_PICKLE_MODULE = "pickle_module_info.txt"
# What stock MLflow imports to unpickle with: pickle's own Unpickler, beside cloudpickle's Pickler.
_CLOUDPICKLE = "mlflow.pytorch.pickle_module"
_PICKLE_MODULES = {
    "pickle": "pickle",
    **dict.fromkeys(("cloudpickle", "cloudpickle.cloudpickle", _CLOUDPICKLE), _CLOUDPICKLE),
}


@dataclass(frozen=True)
class Exported:
    """An exported program, and the module that runs it."""

    program: Any
    module: Any

    @classmethod
    def of(cls, program: Any) -> Exported:
        """The module of ``program``."""
        return cls(program, program.module())

    def to(self, device: Any) -> Exported:
        """The same on ``device``, which is itself if nothing has to move."""
        from torch.export.passes import move_to_device_pass

        tensors = (*self.program.state_dict.values(), *self.program.constants.values())
        if all(tensor.device == device for tensor in leaves(tensors)):
            return self
        return Exported.of(move_to_device_pass(self.program, device))


class Pytorch(Flavor):
    """``nn.Module``, programs of ``torch.export``, and TorchScript. All of these are code."""

    name = "pytorch"
    modules = ("torch",)
    packages = ("torch",)
    accepts = ("dataframe", "array", "dict", "list")
    model_argument = "pytorch_model"
    public = (
        "SERIALIZATION_FORMAT_PICKLE",
        "SERIALIZATION_FORMAT_PT2",
        "load_state_dict",
        "save_state_dict",
    )
    loader_module = "mlflow.pytorch"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: Format | None = None,
        export_model: bool = False,
        pickle_module: ModuleType | None = None,
        code_paths: str | Path | Sequence[str | Path] | None = None,
        example: Example | None = None,
        signature: ModelSignature | None = None,
    ) -> Saved:
        """Write ``data/model.pt2`` or ``data/model.pth``.

        Args:
            model: a module, a program of ``torch.export.export``, or a module of TorchScript.
            folder: where to.
            serialization_format: "pt2" exports the module with the example, and runs without its
                class; "pickle" holds the module itself, by cloudpickle. "pt2" when not given and
                there is an example. TorchScript has a format of its own.
            export_model: the same as "pt2".
            pickle_module: ``pickle`` or ``cloudpickle``; only the latter takes classes of the
                script itself with it.
            code_paths: modules and packages to copy in; a pickled module imports them from there.
            example: exported with.
            signature: sizes of -1 in it may vary in the program, as the first of a tensor always
                may.
        """
        import torch

        model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped
        chosen = _format_of(model, serialization_format, export_model, example)
        (folder / _DATA).mkdir()
        code = copy_code(code_paths, folder)
        packages: tuple[str, ...] = ()
        data = None if example is None else enforced(example, signature, self.accepts)
        if chosen == "pt2":
            loaded = _write_program(model, folder / _DATA / _EXPORTED, data, example, signature)
        elif chosen == "pickle":
            packages = _write_pickle(
                model, folder / _DATA, pickle_module, folder / CODE if code else None
            )
        else:
            (folder / _DATA / _PICKLE_MODULE).write_text(_CLOUDPICKLE, "utf-8")
            torch.jit.ScriptModule.save(model, folder / _DATA / _PICKLED)
        section = {
            "model_data": _DATA,
            "pytorch_version": str(torch.__version__),
            CODE: code,
        }
        if chosen != "pt2":
            loaded = self.load(folder, section, trust=Grant.of_own(folder))
            _refuse_main(loaded.modules)
        pyfunc = {
            "data": _DATA,
            "pickle_module_name": _CLOUDPICKLE,
            "config": {"device": None},
            **({CODE: code} if code else {}),
        }
        if example is not None and not self._is_for_mlflow(loaded.native, data, example):
            pyfunc["loader_module"] = "flavorkit.mlflow_loader"
        return Saved(
            config=section,
            pyfunc=pyfunc,
            packages=packages,
            loaded=Loaded(loaded.native, loaded.modules | imports_of(folder)),
        )

    def load(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        device: Any = None,
        map_location: Any = None,
        trust: Grant,
    ) -> Loaded:
        """Rebuild the module, in evaluation mode.

        Args:
            folder: the model's.
            config: its section.
            device: where the module goes, such as "cpu" or "cuda:1"; by default where it was, or to
                the CPU where there is no CUDA.
            map_location: where tensors of a pickle go as they are read, as PyTorch takes it.
            trust: must allow code.
        """
        import torch

        if not trust.code:
            raise trust.refusal(self.executes_code(folder, config))
        data = data_file(folder, config, "model_data")
        place = None if device is None else _device(device)
        if not (data / _PICKLED).exists():
            program = load_exported_program(data_file(data, {"data": _EXPORTED}), trust=trust)
            exported = Exported.of(program)
            return Loaded(exported if place is None else exported.to(place))
        _refuse_unknown_pickles(data / _PICKLE_MODULE)
        if map_location is None and not torch.cuda.is_available():
            map_location = "cpu"
        bundle = bundle_of(folder, config, trust=trust)
        loaded = load_torch_module(
            data / _PICKLED, trust=trust, bundle=bundle, map_location=map_location or place
        )
        if not isinstance(loaded.native, torch.nn.Module):
            kind = type(loaded.native).__name__
            raise UnreadableModelError(data / _PICKLED, f"it holds a {kind} and no module")
        module = loaded.native.eval()
        return Loaded(module if place is None else module.to(place), loaded.modules)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """A call of the module on tensors, on the device that the configuration names.

        Without one that is CUDA where there is any, as in MLflow. Parameters are keyword arguments
        of ``forward``.
        """
        import torch

        wanted = (config.get("config") or {}).get("device")
        device = _device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
        native = native.to(device)
        if isinstance(native, Exported):
            module, forward = native.module, Forward.of_program(native.module, native.program)
            dtype = float_dtype(torch_export.input_tensors(native.program))
        else:
            module, forward = native, Forward.of(native)
            dtype = float_dtype(native.parameters())

        def predict(data: Any, params: Mapping[str, Any]) -> Any:
            if "device" in params:
                raise InvalidInputError(
                    "device is no parameter of a prediction: name it when the model is loaded, with"
                    ' model_config={"device": "cuda"}'
                )
            args, kwargs = forward.arguments(to_tensors(data, dtype, device))
            kwargs |= {name: params[name] for name in params if forward.takes(name)}
            with torch.inference_mode():
                try:
                    output = module(*args, **kwargs)
                except (RuntimeError, IndexError, AssertionError) as exc:
                    if _is_of_memory(exc):
                        raise
                    # What torch says of shapes, dtypes and indices that do not fit.
                    raise InvalidInputError(f"the model cannot take this data: {exc}") from exc
            return like_rows(to_arrays(output), data)

        return predict

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: programs hold pickles too."""
        data = str(config.get("model_data") or _DATA)
        if (folder / data / _PICKLED).exists():
            return f"{data}/{_PICKLED} is a pickle, which can run any code when it is loaded"
        return (
            f"{data}/{_EXPORTED} is an exported program, which holds pickles, and those can run any"
            " code when it is loaded"
        )

    def unwrap(self, native: Any) -> Any:
        """The module, which for an exported program is the one that runs it."""
        return native.module if isinstance(native, Exported) else native

    def _is_for_mlflow(self, native: Any, data: Any, example: Example) -> bool:
        """Whether MLflow's own wrapper can predict with it, which converts nothing but frames."""
        if isinstance(data, Mapping | list):
            return False
        exported = isinstance(native, Exported)
        tensors = torch_export.input_tensors(native.program) if exported else native.parameters()
        given, dtype = to_tensors(data), float_dtype(tensors)
        if given.is_floating_point() and dtype not in {None, given.dtype}:
            return False
        try:
            answer = self.predictor(native, {})(data, example.params or {})
        except FlavorkitError:  # which the trial that saving ends with will say
            return True
        return not isinstance(answer, Mapping)


def _format_of(
    model: Any, wanted: str | None, export_model: bool, example: Example | None
) -> Literal["pt2", "pickle", "torchscript"]:
    import torch

    is_program = isinstance(model, torch.export.ExportedProgram)
    is_script = isinstance(model, torch.jit.ScriptModule)
    if not is_program and not isinstance(model, torch.nn.Module):
        raise UnsavableModelError(
            f"a {type(model).__name__} is no module; the tensors of one are saved with"
            " flavorkit.pytorch.save_state_dict"
        )
    if wanted not in {None, "pt2", "pickle"}:
        raise UnsavableModelError(f"{wanted!r} is no serialization format: pt2, pickle")
    if export_model and wanted == "pickle":
        raise UnsavableModelError('export_model=True contradicts serialization_format="pickle"')
    if export_model:
        wanted = "pt2"
    if is_script:
        if wanted == "pt2":
            raise UnsavableModelError(
                'TorchScript is no exported program; leave serialization_format="pt2" away'
            )
        return "torchscript"
    if is_program:
        if wanted == "pickle":
            raise UnsavableModelError('an exported program is saved as "pt2" only')
        return "pt2"
    if wanted == "pt2" and example is None:
        raise UnsavableModelError(
            "torch.export runs the module to export it: pass input_example, one row is enough"
        )
    if wanted is None:
        return "pickle" if example is None else "pt2"
    return "pt2" if wanted == "pt2" else "pickle"


def _write_program(
    model: Any, path: Path, data: Any, example: Example | None, signature: ModelSignature | None
) -> Loaded:
    """Write the program, exported first if it is none, and read it back."""
    import torch

    is_program = isinstance(model, torch.export.ExportedProgram)
    if is_program:
        program = model
        shapes = torch_export.input_shapes(program).items()
        frozen = [name for name, shape in shapes if shape and isinstance(shape[0], int)]
        if frozen:
            warnings.warn(
                f"the program takes batches of one size only ({', '.join(frozen)}): export it with"
                " torch.export.Dim.AUTO for the first dimension, and an example of two rows",
                stacklevel=5,
            )
    else:
        assert example is not None
        if example.params:
            raise UnsavableModelError(
                f"torch.export makes constants of the parameters {', '.join(example.params)};"
                f" {torch_export.WAY_OUT}"
            )
        tensors = [*model.parameters(), *model.buffers()]
        device = tensors[0].device if tensors else None
        data = to_tensors(data, float_dtype(tensors), device)
        program = torch_export.export(model, data, _free_dimensions(signature))
    torch.export.save(program, path)
    loaded = Exported.of(load_exported_program(path, trust=Grant.of_own(path.parent)))
    if not is_program:
        torch_export.check(loaded.module, model, data)
    return Loaded(loaded)


def _free_dimensions(signature: ModelSignature | None) -> dict[str | None, set[int]]:
    if signature is None or signature.inputs is None or not signature.inputs.is_tensor_spec():
        return {}
    return {
        spec.name: {i for i, size in enumerate(spec.shape) if size == -1}
        for spec in signature.inputs.inputs
    }


def _write_pickle(
    model: Any, data: Path, pickle_module: ModuleType | None, code: Path | None
) -> tuple[str, ...]:
    """Write both files.

    Returns:
        The distributions that reading them needs.
    """
    import torch

    given = _CLOUDPICKLE if pickle_module is None else pickle_module.__name__
    if given not in _PICKLE_MODULES:
        raise UnsavableModelError(f"pickle_module is pickle or cloudpickle, and not {given}")
    name = _PICKLE_MODULES[given]
    by_value = SimpleNamespace(__name__="cloudpickle", Pickler=pickler(code))
    library: Any = pickle if name == "pickle" else by_value
    (data / _PICKLE_MODULE).write_text(name, "utf-8")
    try:
        torch.save(model, data / _PICKLED, library, pickle.DEFAULT_PROTOCOL)
    except UnsavableModelError:
        raise
    except Exception as exc:  # pickling calls methods of the user's
        raise UnsavableModelError(
            f"{given} cannot write the module: {plain(str(exc))}; with an input_example,"
            ' serialization_format="pt2" may'
        ) from exc
    return () if name == "pickle" else ("cloudpickle",)


def _refuse_main(modules: frozenset[str]) -> None:
    if "__main__" in modules:
        raise UnsavableModelError(
            "the module is of a class that this script defines, which no other process could"
            " import; without pickle_module=, cloudpickle takes it along"
        )


def _refuse_unknown_pickles(path: Path) -> None:
    """Never import what a file names; what these write, pickle's own Unpickler reads."""
    name = path.read_text("utf-8").strip() if path.is_file() else "pickle"
    if name not in _PICKLE_MODULES:
        raise UnreadableModelError(
            path,
            f"it was pickled with {name[:100]!r}, and only {', '.join(_PICKLE_MODULES)} are read;"
            " load it with what has saved it, and save it again",
        )


def _device(name: Any) -> Any:
    import torch

    try:
        return torch.empty(0, device=name).device  # "cuda" is the first of them
    except (RuntimeError, AssertionError) as exc:
        raise InvalidInputError(f"device {name!r}: {str(exc).splitlines()[0]}") from None


def _is_of_memory(exc: BaseException) -> bool:
    import torch

    return isinstance(exc, torch.OutOfMemoryError) or "allocate memory" in str(exc)
