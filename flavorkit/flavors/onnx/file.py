"""ONNX files, looked through before anything is built from them.

The format is a protobuf, https://onnx.ai/onnx/repo-docs/IR.html, and holds no code. Its tensors may
lie in other files (https://onnx.ai/onnx/repo-docs/ExternalData.html), and what it says may ask for
more than any machine has. onnxruntime checks much of that itself; what is checked here holds
whichever version is installed, and before it opens a file.
"""

from __future__ import annotations

import math
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flavorkit.descriptor import is_inside
from flavorkit.errors import UnreadableModelError
from flavorkit.flavors.reading import reading

MAX_BYTES = 2**31 - 1
"""The size of the largest protobuf; tensors beyond it lie in other files."""

MAX_DEPTH = 10
"""How deep graphs may stand in the nodes of others; onnxruntime may take ``2**depth`` steps."""

MAX_NODES = 1_000_000
"""How many nodes there may be once each call of a function is replaced by the function's nodes."""

EXTERNAL = "model.onnx.data"
_EXTERNAL_THRESHOLD = 1024
_EXTERNAL_KEYS = frozenset({"location", "offset", "length", "checksum"})

_BITS = {
    2: ("UINT2", "INT2"),
    4: ("UINT4", "INT4", "FLOAT4E2M1"),
    6: ("FLOAT6E2M3", "FLOAT6E3M2"),
    8: (
        *("UINT8", "INT8", "BOOL", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ"),
        *("FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"),
    ),
    16: ("UINT16", "INT16", "FLOAT16", "BFLOAT16"),
    32: ("UINT32", "INT32", "FLOAT"),
    64: ("UINT64", "INT64", "DOUBLE", "COMPLEX64"),
    128: ("COMPLEX128",),
}
_WIDTH = {name: bits for bits, names in _BITS.items() for name in names}
# The most that one byte of an inline tensor holds: four numbers of two bits.
_MOST_PER_BYTE = 4


def read(path: Path) -> Any:
    """The ``ModelProto`` in the file at ``path``; tensors in other files are not read yet.

    Raises:
        UnreadableModelError: it is no such file, a tensor lies outside of the model's folder or is
            not all there, or running it would take more than the file could account for.
    """
    import onnx

    with reading(path):
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        model = onnx.ModelProto.FromString(path.read_bytes())
        if not model.HasField("graph"):
            raise ValueError("it holds no graph")
    try:
        check(model, path.parent)
    except (ValueError, TypeError, RecursionError) as exc:
        raise UnreadableModelError(path, exc) from None
    return model


def check(model: Any, folder: Path) -> None:
    """Refuse what no writer would have written; nothing is opened.

    Args:
        model: a ``ModelProto``.
        folder: where the files of its tensors lie.

    Raises:
        ValueError: it asks for what it must not, or for more than there is.
    """
    import onnx

    look: dict[type[Any], Callable[[Any], None]] = {
        onnx.TensorProto: lambda part: _check_tensor(part, folder),
        onnx.SparseTensorProto: _check_sparse,
        onnx.NodeProto: _check_node,
    }
    for part, depth in _parts(model):
        if depth > MAX_DEPTH + 1:
            raise ValueError(f"its graphs are nested more than {MAX_DEPTH} deep")
        one = look.get(type(part))
        if one is not None:
            one(part)
    _check_calls(model)


def external_tensors(model: Any) -> list[Any]:
    """The tensors of a ``ModelProto`` that lie in other files."""
    return [tensor for tensor in _tensors(model) if _is_external(tensor)]


def load_external(model: Any, folder: Path) -> None:
    """Put the tensors that lie in other files into ``model``, which :func:`check` has seen."""
    from onnx.external_data_helper import load_external_data_for_tensor

    for tensor in external_tensors(model):
        load_external_data_for_tensor(tensor, str(folder))


def write_external(model: Any, folder: Path) -> Any:
    """Write the large tensors of a ``ModelProto`` to :data:`EXTERNAL`.

    Returns:
        A copy of ``model`` that refers to them, in place of holding them.
    """
    import onnx
    from onnx.external_data_helper import set_external_data

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with (folder / EXTERNAL).open("wb") as file:
        for tensor in _tensors(copy):
            if len(tensor.raw_data) >= _EXTERNAL_THRESHOLD:
                set_external_data(tensor, EXTERNAL, file.tell(), len(tensor.raw_data))
                file.write(tensor.raw_data)
                tensor.ClearField("raw_data")
    return copy


def _parts(model: Any) -> Iterator[tuple[Any, int]]:
    """Every message in ``model``, and in how many graphs it stands.

    It follows every field that there is: a tensor may stand in one that is new to the format.
    """
    import onnx

    waiting = [(model, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        depth += isinstance(part, onnx.GraphProto)
        for field, value in part.ListFields():
            if field.message_type is not None:
                inner = [value] if hasattr(value, "DESCRIPTOR") else value
                waiting.extend((one, depth) for one in inner)


def _tensors(model: Any) -> Iterator[Any]:
    import onnx

    return (part for part, _ in _parts(model) if isinstance(part, onnx.TensorProto))


def _is_external(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location == tensor.EXTERNAL


def _check_tensor(tensor: Any, folder: Path) -> None:
    where = f"the tensor {tensor.name[:100]!r}"
    count = _count(tensor.dims, where)
    if _is_external(tensor):
        _check_external(tensor, count, folder, where)
    elif count > _MOST_PER_BYTE * tensor.ByteSize():
        raise ValueError(f"{where} has {count} elements and not as many bits")


def _check_external(tensor: Any, count: int, folder: Path, where: str) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    if len(entries) < len(tensor.external_data) or not entries.keys() <= _EXTERNAL_KEYS:
        raise ValueError(f"{where} describes its file by {str([*entries])[:200]}")
    location = entries.get("location")
    if location is None or not is_inside(location) or "/" in location:
        raise ValueError(f"{where} lies in {str(location)[:100]!r}, which is no file of the folder")
    try:
        status = os.lstat(folder / location)
    except OSError:
        raise ValueError(f"{where} lies in {location!r}, which is not there") from None
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise ValueError(f"{where} lies in {location!r}, which is a link or no plain file")
    bits = _WIDTH.get(_type_name(tensor))
    if bits is None:
        raise ValueError(f"{where} has a type that no file holds")
    size = math.ceil(count * bits / 8)
    offset, length = (_number(entries.get(key), where) for key in ("offset", "length"))
    if length not in {None, size}:
        raise ValueError(f"{where} takes {size} bytes and names {length}")
    if (offset or 0) + size > status.st_size:
        raise ValueError(f"{where} ends beyond the {status.st_size} bytes of {location!r}")


def _check_sparse(tensor: Any) -> None:
    # It is made dense when it is loaded, whatever its size is then.
    where = f"the sparse tensor {tensor.values.name[:100]!r}"
    size = _count(tensor.dims, where) * _WIDTH.get(_type_name(tensor.values), 128) / 8
    if size > MAX_BYTES:
        raise ValueError(f"{where} takes {size:.0f} bytes when it is dense")


def _check_node(node: Any) -> None:
    if node.op_type == "EPContext":
        raise ValueError("it brings a graph compiled for some device (EPContext), which is no data")


def _count(dims: Any, where: str) -> int:
    if any(dim < 0 for dim in dims):
        raise ValueError(f"{where} has the dimensions {list(dims)[:20]}")
    return math.prod(dims)


def _type_name(tensor: Any) -> str:
    names = tensor.DataType.DESCRIPTOR.values_by_number
    known = names.get(tensor.data_type)
    return known.name if known else ""


def _number(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError(f"{where} has the offset or length {text[:100]!r}")
    return int(text)


def _check_calls(model: Any) -> None:
    """Count the nodes as if each call of a function were its nodes, which onnxruntime makes of it.

    Functions that call others ten times each are a short file and more nodes than any memory holds.
    """
    bodies = defaultdict(list)
    for function in model.functions:
        bodies[_domain(function), function.name].append(function.node)
    sizes: dict[tuple[str, str], int | None] = {}

    def size_of(name: tuple[str, str]) -> int:
        if name not in bodies:
            return 1
        if name not in sizes:
            sizes[name] = None
            sizes[name] = max(sum(map(size_of, _called(nodes))) for nodes in bodies[name])
        size = sizes[name]
        if size is None:
            raise ValueError(f"its function {name[1][:100]!r} calls itself")
        return size

    size = sum(map(size_of, _called(model.graph.node)))
    if size > MAX_NODES:
        raise ValueError(f"its functions make {size} nodes, more than {MAX_NODES}")


def _called(nodes: Any) -> Iterator[tuple[str, str]]:
    """What all ``nodes`` call, those of the graphs in them too."""
    for node in nodes:
        yield _domain(node), node.op_type
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _called(graph.node)


def _domain(part: Any) -> str:
    """Its domain; that of ONNX itself has two names."""
    return "" if part.domain == "ai.onnx" else str(part.domain)
