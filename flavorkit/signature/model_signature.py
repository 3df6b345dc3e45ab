"""The signature of a model: its inputs, its outputs and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flavorkit.errors import SignatureError
from flavorkit.signature import html
from flavorkit.signature.params import ParamSchema
from flavorkit.signature.schema import Schema


@dataclass(frozen=True, repr=False)
class ModelSignature:
    """What a model takes, gives, and can be told at inference; at least one of the three."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def __post_init__(self) -> None:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise SignatureError("a signature needs inputs, outputs or params")
        for part, kind in (("inputs", Schema), ("outputs", Schema), ("params", ParamSchema)):
            value = getattr(self, part)
            if value is not None and not isinstance(value, kind):
                raise SignatureError(
                    f"{part} must be a {kind.__name__}, got {type(value).__name__}"
                )

    def __repr__(self) -> str:
        parts = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        return "\n".join(f"{name}:\n  {part!r}" for name, part in parts.items())

    def _repr_html_(self) -> str:
        return html.of_parts(self.inputs, self.outputs, self.params)

    def to_dict(self) -> dict[str, str | None]:
        """Its form in an MLmodel file: three JSON strings, or None for a missing part."""
        return {
            "inputs": self.inputs.to_json() if self.inputs else None,
            "outputs": self.outputs.to_json() if self.outputs else None,
            "params": self.params.to_json() if self.params else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ModelSignature:
        """The inverse of :meth:`to_dict`.

        Raises:
            SignatureError: ``raw`` is no such form.
        """
        inputs, outputs, parameters = (raw.get(key) for key in ("inputs", "outputs", "params"))
        return cls(
            inputs=Schema.from_json(inputs) if inputs else None,
            outputs=Schema.from_json(outputs) if outputs else None,
            params=ParamSchema.from_json(parameters) if parameters else None,
        )
