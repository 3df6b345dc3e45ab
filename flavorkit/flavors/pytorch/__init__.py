"""PyTorch's modules, as exported programs, as pickles, and as TorchScript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from flavorkit.flavors.base import Flavor, Loaded, Predictor, Saved
from flavorkit.flavors.code_paths import CODE, bundle_of, copy_code, imports_of
from flavorkit.flavors.pytorch import formats as torch_formats
from flavorkit.flavors.pytorch import pickled as torch_pickle
from flavorkit.flavors.pytorch import program as torch_program
from flavorkit.flavors.pytorch import state_dicts
from flavorkit.flavors.pytorch.call import device_named, predictor_of, suits_mlflow, usual_device
from flavorkit.flavors.pytorch.program import Exported
from flavorkit.flavors.reading import data_file
from flavorkit.flavors.trial import enforced
from flavorkit.signature import ModelSignature
from flavorkit.signature.example import Example
from flavorkit.trust import Grant

Format = torch_formats.Format

SERIALIZATION_FORMAT_PT2: Format = "pt2"
SERIALIZATION_FORMAT_PICKLE: Format = "pickle"

load_state_dict = state_dicts.load_state_dict
save_state_dict = state_dicts.save_state_dict

_DATA = "data"
_PROGRAM = "model.pt2"


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
        has_example = example is not None
        chosen = torch_formats.format_of(model, serialization_format, export_model, has_example)
        data = folder / _DATA
        data.mkdir()
        code = copy_code(code_paths, folder)
        section = {"model_data": _DATA, "pytorch_version": str(torch.__version__), CODE: code}
        rows = None if example is None else enforced(example, signature, self.accepts)
        packages: tuple[str, ...] = ()
        if chosen == "pt2":
            program = torch_program.write(model, data / _PROGRAM, rows, example, signature)
            loaded = Loaded(program)
        else:
            bundled = folder / CODE if code else None
            packages = torch_pickle.write(model, data, pickle_module, code=bundled)
            loaded = self.load(folder, section, trust=Grant.of_own(folder))
            torch_pickle.refuse_main(loaded.modules)
        pyfunc = {
            "data": _DATA,
            "pickle_module_name": torch_pickle.CLOUDPICKLE,
            "config": {"device": None},
            **({CODE: code} if code else {}),
        }
        if example is not None:
            predict = self.predictor(loaded.native, {})
            if not suits_mlflow(loaded.native, predict, rows, example.params or {}):
                pyfunc["loader_module"] = "flavorkit.mlflow_loader"
        with_code = Loaded(loaded.native, loaded.modules | imports_of(folder))
        return Saved(config=section, pyfunc=pyfunc, packages=packages, loaded=with_code)

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
        self.check_grant(folder, config, trust)
        data = data_file(folder, config, "model_data")
        place = None if device is None else device_named(device)
        if not (data / torch_pickle.FILE).exists():
            path = data_file(data, {"data": _PROGRAM})
            loaded = Loaded(torch_program.read(path, trust=trust))
        else:
            bundle = bundle_of(folder, config, trust=trust)
            where = map_location or place
            loaded = torch_pickle.read(data, trust=trust, bundle=bundle, map_location=where)
        return loaded if place is None else Loaded(loaded.native.to(place), loaded.modules)

    def predictor(self, native: Any, config: Mapping[str, Any]) -> Predictor:
        """A call of the module on tensors, on the device that the configuration names.

        Without one that is CUDA where there is any, as in MLflow. Parameters are keyword arguments
        of ``forward``.
        """
        wanted = (config.get("config") or {}).get("device")
        return predictor_of(native, device_named(wanted) if wanted else usual_device())

    def executes_code(self, folder: Path, config: Mapping[str, Any]) -> str:
        """Always: programs hold pickles too."""
        data = str(config.get("model_data") or _DATA)
        if (folder / data / torch_pickle.FILE).exists():
            data = f"{data}/{torch_pickle.FILE}"
            return f"{data} is a pickle, which can run any code when it is loaded"
        return (
            f"{data}/{_PROGRAM} is an exported program, which holds pickles, and those can run any"
            " code when it is loaded"
        )

    def unwrap(self, native: Any) -> Any:
        """The module, which for an exported program is the one that runs it."""
        return native.module if isinstance(native, Exported) else native
