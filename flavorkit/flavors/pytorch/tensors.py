"""Rows as the tensors that a PyTorch module takes, and what it gives as arrays."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError, PredictionError
from flavorkit.signature.containers import without_tensors

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Forward:
    """What ``forward`` takes."""

    positional: tuple[str, ...]
    keyword: frozenset[str] = frozenset()
    takes_any: bool = False
    """Whether it takes keywords that it does not name."""

    @classmethod
    def of(cls, module: Any) -> Forward:
        """What a module takes, whether it is Python's or TorchScript's."""
        schema = getattr(module.forward, "schema", None)
        if schema is not None:
            arguments = schema.arguments[1:]
            return cls(
                tuple(a.name for a in arguments if not a.kwarg_only),
                frozenset(a.name for a in arguments if a.kwarg_only),
            )
        parameters = inspect.signature(module.forward).parameters.values()
        return cls(
            tuple(
                p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
            ),
            frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY),
            any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    @classmethod
    def of_program(cls, module: Any, program: Any) -> Forward:
        """What the module of an exported program takes: just what it was exported with."""
        names = tuple(inspect.signature(module.forward).parameters)
        count = program.call_spec.in_spec.children()[0].num_children
        return cls(names[:count], frozenset(names[count:]))

    def arguments(self, data: Any) -> Arguments:
        """How to pass ``data``: one tensor, or a dict of tensors by their names.

        A dict goes to the parameters that have the names of its tensors. A module that has none of
        them gets the dict itself.

        Raises:
            InvalidInputError: it has some of them.
        """
        if not isinstance(data, Mapping):
            by_keyword = self.keyword and not self.positional
            return ((), dict.fromkeys(self.keyword, data)) if by_keyword else ((data,), {})
        known = {*self.positional, *self.keyword}
        unknown = [name for name in data if name not in known]
        if unknown and not self.takes_any:
            if len(unknown) == len(data):
                return (dict(data),), {}
            raise InvalidInputError(
                f"the model takes {', '.join(sorted(known))}, and not {', '.join(unknown)}"
            )
        first = tuple(takewhile(data.__contains__, self.positional))
        rest = {name: tensor for name, tensor in data.items() if name not in first}
        return tuple(data[name] for name in first), rest

    def takes(self, name: str) -> bool:
        """Whether it takes a parameter of this name."""
        return self.takes_any or name in self.positional or name in self.keyword


def float_dtype(tensors: Iterable[Any]) -> Any:
    """The dtype of the floating-point ones among ``tensors``; None if there are none."""
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)


def to_tensors(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """Rows as tensors of their own memory, which a module may change.

    Args:
        data: a frame of numbers, which becomes one tensor of ``dtype`` and shape ``(rows,
            columns)``; an array or nested lists; or a dict of these.
        dtype: what floating-point numbers are converted to: that of the module's parameters. None
            leaves them as they are, and makes a frame float32.
        device: where the tensors go.

    Raises:
        InvalidInputError: it holds anything but numbers and booleans.
    """
    import torch

    if isinstance(data, Mapping):
        return {name: to_tensors(values, dtype, device) for name, values in data.items()}
    data = without_tensors(data)
    try:
        if isinstance(data, pd.DataFrame):
            double = dtype is torch.float64
            data = data.to_numpy(np.float64 if double else np.float32)
            dtype = dtype or torch.float32
        # In one layout, since another one may be multiplied, and rounded, otherwise.
        array = np.array(data, order="C")
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except (TypeError, ValueError) as exc:
        raise InvalidInputError(
            f"the model takes tensors of numbers: {exc}; pass a numpy array"
        ) from None
    if dtype is not None and tensor.is_floating_point():
        return tensor.to(device=device, dtype=dtype)
    return tensor.to(device=device)


def to_arrays(output: Any) -> Any:
    """What ``forward`` has returned: an array, or a dict of arrays for several outputs.

    The outputs have the names that the module gives them, in a dict or a named tuple; those of a
    tuple or list are ``output_0`` and so on.

    Raises:
        PredictionError: it is neither a tensor, nor a dict or tuple of tensors.
    """
    import torch

    if isinstance(output, torch.Tensor):
        return _array_of(output)
    if isinstance(output, Mapping):
        named = output.items()
    elif isinstance(output, tuple | list):
        names = getattr(output, "_fields", None) or (f"output_{i}" for i in range(len(output)))
        named = zip(names, output, strict=True)  # type: ignore[assignment]
    else:
        raise PredictionError(
            f"forward returned a {type(output).__name__}, not a tensor, nor a dict or tuple of"
            " tensors"
        )
    arrays = {}
    for name, value in named:
        if value is None:
            continue
        if not isinstance(value, torch.Tensor):
            raise PredictionError(f"its output {name} is a {type(value).__name__}, not a tensor")
        arrays[str(name)] = _array_of(value)
    return arrays


def like_rows(predictions: Any, data: Any) -> Any:
    """Predictions for a frame as a frame with its index, as MLflow gives them, if they fit in one.

    Args:
        predictions: an array, or a dict of them.
        data: what they were made of.
    """
    is_table = isinstance(data, pd.DataFrame) and isinstance(predictions, np.ndarray)
    if is_table and predictions.ndim in {1, 2} and len(predictions) == len(data):
        return pd.DataFrame(predictions, index=data.index)
    return predictions


def leaves(value: Any) -> Iterator[Any]:
    """The tensors in dicts, tuples and lists of any depth, in order."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    elif hasattr(value, "is_floating_point"):
        yield value


def _array_of(tensor: Any) -> Any:
    import torch

    tensor = tensor.detach().cpu()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.dtype is torch.bfloat16:  # which numpy has not
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().numpy()
