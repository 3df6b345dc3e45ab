"""How a signature looks in a notebook. What it says comes from anybody, so all of it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from flavorkit.signature.params import ParamSchema
from flavorkit.signature.schema import Schema


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table of plain values."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"


def of_parts(inputs: Schema | None, outputs: Schema | None, params: ParamSchema | None) -> str:
    """One table for each part that a signature has."""
    parts = []
    for title, schema in (("inputs", inputs), ("outputs", outputs)):
        if schema is not None:
            names = schema.input_names()
            rows = [
                (name, spec.type, "yes" if getattr(spec, "required", True) else "no")
                for name, spec in zip(names, schema, strict=True)
            ]
            parts.append(table(title, ("name", "type", "required"), rows))
    if params:
        values = [(spec.name, spec.dtype, spec.default) for spec in params]
        parts.append(table("params", ("name", "type", "default"), values))
    return "".join(parts)
