"""What a model takes, or gives: columns or tensors.

The JSON forms are MLflow's, to the letter: key order, optional keys, the string inside the YAML.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flavorkit.errors import SignatureError
from flavorkit.signature.types import (
    ColumnType,
    TypeLike,
    as_type,
    type_from_dict,
)


@dataclass(frozen=True, repr=False)
class ColSpec:
    """One column. An unnamed one is known by its position."""

    type: ColumnType
    name: str | int | None = None
    required: bool = True

    def __init__(
        self,
        type: TypeLike,  # noqa: A002 - the name it has in MLflow
        name: str | int | None = None,
        required: bool | None = True,
    ) -> None:
        object.__setattr__(self, "type", as_type(type))
        object.__setattr__(self, "name", name)
        # MLflow's reader leaves None where a nested type's JSON has no "required".
        object.__setattr__(self, "required", required is not False)

    def __repr__(self) -> str:
        kind = "required" if self.required else "optional"
        return (
            f"{self.type!r} ({kind})"
            if self.name is None
            else f"{self.name!r}: {self.type!r} ({kind})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        named = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **named, "required": self.required}


@dataclass(frozen=True, repr=False)
class TensorSpec:
    """One array. A dimension of -1 may have any length; the first one counts the rows."""

    type: np.dtype[Any]
    shape: tuple[int, ...]
    name: str | None = None
    required: bool = field(default=True, init=False, compare=False)

    def __init__(
        self,
        type: np.dtype[Any] | str,  # noqa: A002 - the name it has in MLflow
        shape: Sequence[int],
        name: str | None = None,
    ) -> None:
        dtype = _tensor_dtype(type)
        dimensions = tuple(shape)
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= -1 for n in dimensions):
            raise SignatureError(f"{shape!r} is not the shape of a tensor")
        object.__setattr__(self, "type", dtype)
        object.__setattr__(self, "shape", dimensions)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "required", True)

    def __repr__(self) -> str:
        tensor = f"Tensor({self.type.name!r}, {self.shape!r})"
        return tensor if self.name is None else f"{self.name!r}: {tensor}"

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form."""
        named = {} if self.name is None else {"name": self.name}
        spec = {"dtype": self.type.name, "shape": list(self.shape)}
        return {**named, "type": "tensor", "tensor-spec": spec}


Spec = ColSpec | TensorSpec


@dataclass(frozen=True, repr=False)
class Schema:
    """Columns or tensors, all of them named or none."""

    inputs: tuple[Any, ...]

    def __init__(self, inputs: Sequence[Spec]) -> None:
        specs = tuple(inputs)
        _check_specs(specs)
        object.__setattr__(self, "inputs", specs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inputs)

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        return repr(list(self.inputs))

    def is_tensor_spec(self) -> bool:
        """Whether these are tensors rather than columns."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Whether the inputs are known by name rather than by position."""
        return self.inputs[0].name is not None

    def input_names(self) -> list[str | int]:
        """The names, or the positions of unnamed inputs."""
        return [position if spec.name is None else spec.name for position, spec in enumerate(self)]

    def required_input_names(self) -> list[str | int]:
        """The names that every frame must have."""
        return [n for n, spec in zip(self.input_names(), self, strict=True) if spec.required]

    def optional_input_names(self) -> list[str | int]:
        """The names that a frame may leave out."""
        return [n for n, spec in zip(self.input_names(), self, strict=True) if not spec.required]

    def input_types(self) -> list[Any]:
        """The types of columns, or the dtypes of tensors."""
        return [spec.type for spec in self]

    def input_dict(self) -> dict[str | int, Any]:
        """Each input by its name."""
        return dict(zip(self.input_names(), self, strict=True))

    def to_dict(self) -> list[dict[str, Any]]:
        """The JSON form as plain values."""
        return [spec.to_dict() for spec in self]

    def to_json(self) -> str:
        """The JSON form, as it stands in an MLmodel file."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The inverse of :meth:`to_json`.

        Raises:
            SignatureError: ``text`` is no such form.
        """
        return cls([_spec_from_dict(raw) for raw in read_json_list(text)])


def _check_specs(specs: tuple[Any, ...]) -> None:
    if not specs:
        raise SignatureError("a schema needs at least one column or tensor")
    tensors = [isinstance(spec, TensorSpec) for spec in specs]
    if not all(isinstance(spec, Spec) for spec in specs) or len(set(tensors)) > 1:
        raise SignatureError("a schema holds either ColSpec or TensorSpec, and nothing else")
    named = [spec.name is not None for spec in specs]
    if len(set(named)) > 1:
        raise SignatureError("either all inputs of a schema have names or none has")
    if named[0]:
        refuse_duplicates([spec.name for spec in specs], "input")
    elif tensors[0] and len(specs) > 1:
        raise SignatureError("several tensors need names")
    elif not all(spec.required for spec in specs):
        raise SignatureError("an unnamed column cannot be optional")


def refuse_duplicates(names: list[Any], what: str) -> None:
    """Raise a SignatureError that names what stands twice."""
    twice = sorted(str(name) for name, count in Counter(names).items() if count > 1)
    if twice:
        raise SignatureError(
            f"the {what} {', '.join(map(repr, twice))} stands twice in the signature"
        )


def read_json_list(text: Any) -> list[dict[str, Any]]:
    """The objects in the JSON text of a schema.

    Raises:
        SignatureError: it is no JSON, or no list of objects.
    """
    if not isinstance(text, str):
        raise SignatureError(f"expected a JSON string, got {type(text).__name__}")
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise SignatureError(f"not valid JSON: {exc}") from None
    except RecursionError:
        raise SignatureError("the JSON is nested too deep") from None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SignatureError("expected a JSON list of objects")
    return value


def _spec_from_dict(raw: dict[str, Any]) -> Spec:
    name = raw.get("name")
    if name is not None and (not isinstance(name, str | int) or isinstance(name, bool)):
        raise SignatureError(f"the name of an input must be a string, got {name!r}")
    if raw.get("type") != "tensor":
        required = raw.get("required", True)
        if not isinstance(required, bool):
            raise SignatureError(f'"required" must be true or false, got {required!r}')
        return ColSpec(type_from_dict(raw), name, required)
    spec = raw.get("tensor-spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("shape"), list):
        raise SignatureError('a tensor needs a "tensor-spec" with "dtype" and "shape"')
    if not isinstance(spec.get("dtype"), str):
        raise SignatureError(f"{spec.get('dtype')!r} is not the dtype of a tensor")
    return TensorSpec(spec["dtype"], spec["shape"], None if name is None else str(name))


def _tensor_dtype(value: Any) -> np.dtype[Any]:
    if isinstance(value, str) and value not in _TENSOR_DTYPES:
        raise SignatureError(f"{value!r} is not the dtype of a tensor")
    try:
        dtype: np.dtype[Any] = np.dtype(value)
    except TypeError as exc:
        raise SignatureError(f"{value!r} is not the dtype of a tensor: {exc}") from None
    if dtype.kind in "US" and dtype.itemsize:
        raise SignatureError(f"the dtype of a tensor has no length: 'str' or 'bytes', not {dtype}")
    return dtype


# What numpy's parser of dtype strings takes goes far beyond these ("i4,(2,3)f8", "V10000000000").
_TIME_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns")
_TENSOR_DTYPES = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "float128", "complex64", "complex128"),
    *("str", "bytes", "object", "datetime64", "timedelta64"),
    *(f"datetime64[{unit}]" for unit in _TIME_UNITS),
    *(f"timedelta64[{unit}]" for unit in _TIME_UNITS),
}
