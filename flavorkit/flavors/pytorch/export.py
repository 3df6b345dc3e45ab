"""Exporting a PyTorch module, and finding out what that has frozen or changed.

``torch.export`` records what a module does with its example. Sizes that it takes for constants,
numbers that Python code has computed: all of that becomes part of the program, which then answers
other batches with an error, or with something else than the module would. So the program is run
beside the module on batches of several sizes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flavorkit.errors import FlavorkitError, InvalidInputError, UnsavableModelError
from flavorkit.flavors.pytorch.tensors import Forward, leaves

# An example of one row is exported with two: a size of 0 or 1 is always taken for a constant.
_LEAST_ROWS = 2
_BATCHES = (1, 2, 3, 7)
_RELATIVE_ERROR = 1e-4
_RELATIVE_ERROR_HALF = 2e-2  # of float16 and bfloat16

WAY_OUT = 'serialization_format="pickle" saves the module as it is, and needs its class to load it'


def export(module: Any, data: Any, free: Mapping[str | None, set[int]]) -> Any:
    """The program that ``torch.export`` makes of ``module`` in its evaluation mode.

    Args:
        module: it is left as it was, its training mode included.
        data: one tensor, or a dict of them by the names of forward's parameters. Those of one row
            are repeated.
        free: which dimensions may vary, by the name of the tensor; beside the first, which always
            may.

    Raises:
        InvalidInputError: the module cannot take ``data``.
        UnsavableModelError: the module cannot be exported, or its batch or another of these
            dimensions cannot vary.
    """
    import torch

    wide = _widened(data)
    args, kwargs = Forward.of(module).arguments(wide)
    with _at_rest(module):
        try:
            _run(module, args, kwargs)
        except FlavorkitError:
            raise
        except Exception as exc:  # the user's own code
            raise InvalidInputError(
                f"the model cannot predict on input_example: {type(exc).__name__}: {exc}"
            ) from exc
        shapes = _shapes(args, free, wide)
        if kwargs:
            shapes = dict(zip(Forward.of(module).positional, shapes, strict=False))
            shapes |= _shapes(kwargs, free, wide)
        try:
            program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes)
        except Exception as exc:  # torch raises errors of many kinds here
            said = str(exc).strip().split("\n")[0][:500]
            raise UnsavableModelError(
                f"torch.export cannot export the module: {type(exc).__name__}: {said}. {WAY_OUT}"
            ) from exc
    frozen = [
        f"dimension {dimension} of {name} at {size}"
        for name, shape in input_shapes(program).items()
        for dimension, size in enumerate(shape)
        if size is not None and dimension in {0, *free.get(name, free.get(None, ()))}
    ]
    if frozen:
        raise UnsavableModelError(
            f"torch.export has fixed {' and '.join(frozen)}, so the program would take no other"
            " size: the example's size is 1 there, or forward makes a number of it, as len(x) does."
            f" Write x.shape[0] and operations on tensors; or {WAY_OUT}"
        )
    _forget_source(program)
    return program


def check(program: Any, module: Any, data: Any) -> None:
    """Compare an exported program with its module on batches of several sizes.

    Args:
        program: the module of the program, as it is loaded.
        module: the one that was exported.
        data: the example, whose rows are repeated.

    Raises:
        UnsavableModelError: the program refuses a batch that the module takes, or answers it
            otherwise.
    """
    import torch

    forward = Forward.of(module)
    rows = max(len(tensor) for tensor in leaves(data))
    for size in dict.fromkeys((*_BATCHES, rows)):
        args, kwargs = forward.arguments(_of_size(data, size))
        with _at_rest(module):
            try:
                expected = _run(module, args, kwargs)
            except Exception:  # noqa: BLE001, S112 - then there is nothing to compare with
                continue
        args, kwargs = forward.arguments(_of_size(data, size))
        try:
            found = _run(program, args, kwargs)
        except Exception as exc:
            raise UnsavableModelError(
                f"the exported program refuses a batch of {size}, which the module takes ({exc});"
                f" {WAY_OUT}"
            ) from exc
        for ours, theirs in zip(leaves(found), leaves(expected), strict=True):
            shapes = tuple(ours.shape), tuple(theirs.shape)
            if shapes[0] != shapes[1]:
                raise UnsavableModelError(
                    f"for a batch of {size}, the module answers in the shape {shapes[1]} and the"
                    f" exported program in the shape {shapes[0]}; if forward calls squeeze(), name"
                    f" the dimension, as in squeeze(-1); or {WAY_OUT}"
                )
            half = theirs.dtype in {torch.float16, torch.bfloat16}
            allowed = _RELATIVE_ERROR_HALF if half else _RELATIVE_ERROR
            if not _agree(ours, theirs, allowed):
                raise UnsavableModelError(
                    f"for a batch of {size}, the exported program answers otherwise than the"
                    " module: something in forward was computed by Python, and recorded as a"
                    f" constant. Write it with tensor operations; or {WAY_OUT}"
                )


def input_shapes(program: Any) -> dict[str, tuple[int | None, ...]]:
    """The shape of each tensor that a program takes; sizes that may vary are None."""
    names = set(program.graph_signature.user_inputs)
    return {
        node.name: tuple(map(_fixed, node.meta["val"].shape))
        for node in _placeholders(program)
        if node.name in names and hasattr(node.meta.get("val"), "shape")
    }


def input_tensors(program: Any) -> list[Any]:
    """Tensors without content that stand for those that a program takes."""
    names = set(program.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in _placeholders(program) if node.name in names]
    return [value for value in values if hasattr(value, "is_floating_point")]


def _placeholders(program: Any) -> list[Any]:
    return [node for node in program.graph.nodes if node.op == "placeholder"]


def _fixed(size: Any) -> int | None:
    if isinstance(size, int):
        return size
    known: int | None = size.node.maybe_as_int()  # of a symbol that turned out to be one number
    return known


def _widened(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _widened(tensor) for name, tensor in data.items()}
    if not data.ndim or not len(data):
        raise InvalidInputError("input_example has a tensor without rows; give one row or more")
    return _of_size(data, max(len(data), _LEAST_ROWS))


def _of_size(data: Any, size: int) -> Any:
    """A batch of ``size`` rows, which are those of ``data`` in turn."""
    import torch

    if isinstance(data, Mapping):
        return {name: _of_size(tensor, size) for name, tensor in data.items()}
    return data[torch.arange(size, device=data.device) % len(data)]


def _shapes(arguments: Any, free: Mapping[str | None, set[int]], wide: Any) -> Any:
    """Which dimensions are free, in the structure of ``arguments``."""
    import torch

    if isinstance(arguments, tuple):
        return tuple(_shapes(argument, free, wide) for argument in arguments)
    if isinstance(arguments, Mapping):
        return {key: _shapes(argument, free, wide) for key, argument in arguments.items()}
    named = wide.items() if isinstance(wide, Mapping) else ()
    name = next((key for key, tensor in named if tensor is arguments), None)
    return dict.fromkeys({0, *free.get(name, ())}, torch.export.Dim.AUTO)


def _run(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """One answer; random numbers are the same ones each time, and the caller's go on as before."""
    import torch

    places = {tensor.device for tensor in leaves((args, kwargs))}
    devices = [place.index for place in places if place.type == "cuda"]
    with torch.random.fork_rng(devices), torch.no_grad():
        # torch.manual_seed would also note down, with a stack trace, what to seed on a GPU later.
        torch.default_generator.manual_seed(0)
        if devices:
            torch.cuda.manual_seed_all(0)
        return module(*args, **kwargs)


def _agree(ours: Any, theirs: Any, allowed: float) -> bool:
    import torch

    if not (theirs.is_floating_point() or theirs.is_complex()):
        return bool(torch.equal(ours, theirs))
    scale = theirs.abs().nan_to_num(posinf=0).max().item() if theirs.numel() else 0.0
    return bool(torch.allclose(ours, theirs, allowed, allowed * scale, equal_nan=True))


def _forget_source(program: Any) -> None:
    """Drop the lines of the user's files that each operation comes from, paths included."""
    for module in program.graph_module.modules():
        for node in module.graph.nodes if hasattr(module, "graph") else ():
            node.meta.pop("stack_trace", None)


@contextmanager
def _at_rest(module: Any) -> Iterator[None]:
    """In evaluation mode, and afterwards as it was: its mode, its buffers, its attributes."""
    import torch

    before = []
    for part in module.modules():
        buffers = {name: (buffer, _copy(buffer)) for name, buffer in part._buffers.items()}  # noqa: SLF001 - the public view of it cannot be put back
        before.append((part, dict(vars(part)), buffers))
    module.eval()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            # What it assigns, such as an RNN's list of its weights, is no part of the answer.
            warnings.filterwarnings("ignore", "The tensor attributes? .* assigned during export")
            yield
    finally:
        with torch.no_grad():
            for part, attributes, buffers in before:
                vars(part).clear()
                vars(part).update(attributes)
                part._buffers.clear()  # noqa: SLF001
                for name, (buffer, content) in buffers.items():
                    part._buffers[name] = buffer  # noqa: SLF001
                    if buffer is not None and not torch.equal(buffer, content):
                        buffer.copy_(content)


def _copy(tensor: Any) -> Any:
    return None if tensor is None else tensor.detach().clone()
