"""Which format a PyTorch model is saved in."""

from __future__ import annotations

from typing import Any, Literal

from flavorkit.errors import UnsavableModelError

Format = Literal["pt2", "pickle"]
"""What people choose between. TorchScript has a format of its own."""


def format_of(
    model: Any, wanted: Format | None, export_model: bool, has_example: bool
) -> Literal["pt2", "pickle", "torchscript"]:
    """The format to save ``model`` in.

    Args:
        model: a module, an exported program, or a module of TorchScript.
        wanted: what the caller has named.
        export_model: MLflow's other way to name "pt2".
        has_example: whether there are rows to export a module with.

    Raises:
        UnsavableModelError: it is none of these, or has no such format.
    """
    import torch

    is_program = isinstance(model, torch.export.ExportedProgram)
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
    if isinstance(model, torch.jit.ScriptModule):
        if wanted == "pt2":
            raise UnsavableModelError(
                'TorchScript is no exported program; leave serialization_format="pt2" away'
            )
        return "torchscript"
    if is_program:
        if wanted == "pickle":
            raise UnsavableModelError('an exported program is saved as "pt2" only')
        return "pt2"
    if wanted == "pt2" and not has_example:
        raise UnsavableModelError(
            "torch.export runs the module to export it: pass input_example, one row is enough"
        )
    return wanted or ("pt2" if has_example else "pickle")
