"""A call of a PyTorch module: rows in, arrays out, on a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.errors import FlavorkitError, InvalidInputError
from flavorkit.flavors.base import Predictor
from flavorkit.flavors.pytorch.program import Exported
from flavorkit.flavors.pytorch.tensors import (
    Forward,
    float_dtype,
    like_rows,
    to_arrays,
    to_tensors,
)


def device_named(name: Any) -> Any:
    """The device that people call ``name``, as "cpu", "cuda" (the first of them) or "cuda:1".

    Raises:
        InvalidInputError: there is none.
    """
    import torch

    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as exc:
        raise InvalidInputError(f"device {name!r}: {str(exc).splitlines()[0]}") from None


def usual_device() -> Any:
    """CUDA where there is any, as in MLflow."""
    import torch

    return device_named("cuda" if torch.cuda.is_available() else "cpu")


def predictor_of(native: Any, device: Any) -> Predictor:
    """The function that predicts with ``native``; parameters are keywords of its ``forward``.

    Args:
        native: a module in evaluation mode, or an exported program.
        device: where it goes, and each call's rows.
    """
    import torch

    native, dtype = native.to(device), _dtype_of(native)
    if isinstance(native, Exported):
        module, forward = native.module, native.forward
    else:
        module, forward = native, Forward.of(native)

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


def suits_mlflow(native: Any, predict: Predictor, rows: Any, params: Mapping[str, Any]) -> bool:
    """Whether MLflow's own wrapper can predict with it, which converts nothing but frames.

    Args:
        native: a module or an exported program.
        predict: the function that predicts with it here.
        rows: those of the example.
        params: those of the example.
    """
    if isinstance(rows, Mapping | list):
        return False
    given = to_tensors(rows)
    if given.is_floating_point() and _dtype_of(native) not in {None, given.dtype}:
        return False
    try:
        return not isinstance(predict(rows, params), Mapping)
    except FlavorkitError:  # which the trial that saving ends with will say
        return True


def _dtype_of(native: Any) -> Any:
    is_program = isinstance(native, Exported)
    return native.dtype if is_program else float_dtype(native.parameters())


def _is_of_memory(exc: BaseException) -> bool:
    import torch

    return isinstance(exc, torch.OutOfMemoryError) or "allocate memory" in str(exc)
