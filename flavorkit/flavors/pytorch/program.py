"""The file of an exported program, ``.pt2``, and the program as it is called."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flavorkit.errors import UnsavableModelError
from flavorkit.flavors.pytorch import export as torch_export
from flavorkit.flavors.pytorch.tensors import Forward, float_dtype, leaves, to_tensors
from flavorkit.flavors.unsafe_load import load_exported_program
from flavorkit.signature import ModelSignature
from flavorkit.signature.example import Example
from flavorkit.trust import Grant


@dataclass(frozen=True)
class Exported:
    """An exported program, and the module that runs it."""

    program: Any
    module: Any

    @classmethod
    def of(cls, program: Any) -> Exported:
        """The module of ``program``."""
        return cls(program, program.module())

    @cached_property
    def forward(self) -> Forward:
        """What it takes: just what it was exported with."""
        return Forward.of_program(self.module, self.program)

    @cached_property
    def dtype(self) -> Any:
        """The dtype of the floating-point tensors that it takes, or None."""
        return float_dtype(torch_export.input_tensors(self.program))

    def to(self, device: Any) -> Exported:
        """The same on ``device``, which is itself if nothing has to move."""
        from torch.export.passes import move_to_device_pass

        tensors = (*self.program.state_dict.values(), *self.program.constants.values())
        if all(tensor.device == device for tensor in leaves(tensors)):
            return self
        return Exported.of(move_to_device_pass(self.program, device))


def write(
    model: Any, path: Path, rows: Any, example: Example | None, signature: ModelSignature | None
) -> Exported:
    """Write a program, or what a module exports to, and read it back.

    Args:
        model: a program of ``torch.export``, or a module, which is left as it was.
        path: the file to write.
        rows: the data of ``example`` as predictors get it; for a program, None will do.
        example: whose parameters nothing can be exported with.
        signature: sizes of -1 in it stay free.

    Returns:
        The program as the file holds it. One that was exported here answers as its module does.

    Raises:
        InvalidInputError: the module cannot take ``rows``.
        UnsavableModelError: the module cannot be exported, or the program answers otherwise.
    """
    import torch

    if isinstance(model, torch.export.ExportedProgram):
        _warn_of_fixed_batches(model)
        torch.export.save(model, path)
        return read(path, trust=Grant.of_own(path.parent))
    if example is not None and example.params:
        raise UnsavableModelError(
            f"torch.export makes constants of the parameters {', '.join(example.params)};"
            f" {torch_export.WAY_OUT}"
        )
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else None
    data = to_tensors(rows, float_dtype(tensors), device)
    torch.export.save(torch_export.export(model, data, _free_dimensions(signature)), path)
    exported = read(path, trust=Grant.of_own(path.parent))
    torch_export.check(exported.module, model, data)
    return exported


def read(path: Path, *, trust: Grant) -> Exported:
    """The program in the file at ``path``.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: the file is no such program.
    """
    return Exported.of(load_exported_program(path, trust=trust))


def _warn_of_fixed_batches(program: Any) -> None:
    shapes = torch_export.input_shapes(program).items()
    fixed = [name for name, shape in shapes if shape and shape[0] is not None]
    if fixed:
        warnings.warn(
            f"the program takes batches of one size only ({', '.join(fixed)}): export it with"
            " torch.export.Dim.AUTO for the first dimension, and an example of two rows",
            stacklevel=6,
        )


def _free_dimensions(signature: ModelSignature | None) -> dict[str | None, set[int]]:
    if signature is None or signature.inputs is None or not signature.inputs.is_tensor_spec():
        return {}
    return {
        spec.name: {i for i, size in enumerate(spec.shape) if size == -1}
        for spec in signature.inputs.inputs
    }
