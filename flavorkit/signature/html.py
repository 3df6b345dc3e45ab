"""How a signature looks in a notebook. What it says comes from anybody, so all of it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flavorkit.signature.model_signature import ModelSignature


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table of plain values."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"


def of_signature(signature: ModelSignature) -> str:
    """One table for each part that the signature has."""
    parts = []
    for title, schema in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if schema is not None:
            names = schema.input_names()
            rows = [
                (name, spec.type, "yes" if getattr(spec, "required", True) else "no")
                for name, spec in zip(names, schema, strict=True)
            ]
            parts.append(table(title, ("name", "type", "required"), rows))
    if signature.params:
        values = [(spec.name, spec.dtype, spec.default) for spec in signature.params]
        parts.append(table("params", ("name", "type", "default"), values))
    return "".join(parts)
