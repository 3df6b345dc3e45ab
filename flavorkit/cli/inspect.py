"""``flavorkit inspect``: what a folder says of itself, without loading anything from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from flavorkit.cli import options


@click.command()
@options.model()
@options.json_output()
def inspect(model_uri: str, as_json: bool) -> None:
    """Show what the model folder MODEL_URI holds. Nothing in it is run, no object is built.

    Flavors, signature, requirements, files with their digests, who signed it, and whether loading
    it can run code.
    """
    from flavorkit import uris

    facts = describe(uris.fetch(model_uri))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _print(model_uri, facts)


def describe(folder: Path) -> dict[str, Any]:
    """All that a folder says of itself, as plain values."""
    from flavorkit import manifest
    from flavorkit.descriptor import ModelDescriptor
    from flavorkit.environment import files
    from flavorkit.errors import RequirementError

    checked = manifest.verify(folder)
    descriptor = ModelDescriptor.read(folder)
    signature = descriptor.signature
    try:
        requirements: Any = list(files.read(folder).lines)
    except RequirementError as exc:
        requirements = {"refused": str(exc)}
    return {
        "flavors": {name: dict(config) for name, config in descriptor.flavors.items()},
        "signature": {
            part: None if schema is None else schema.to_dict()
            for part, schema in (
                ("inputs", signature.inputs if signature else None),
                ("outputs", signature.outputs if signature else None),
                ("params", signature.params if signature else None),
            )
        },
        "requirements": requirements,
        "runs_code": _code_of(folder, descriptor),
        "unreviewed_types": _types_of(folder, descriptor),
        "files": [vars(file) for file in checked.files],
        "digest": checked.digest,
        "signed_by": _signer_of(checked),
        "has_manifest": checked.is_recorded,
        "model_uuid": descriptor.model_uuid,
        "created": descriptor.utc_time_created,
        "saved_by": _writer_of(descriptor),
        "run_id": descriptor.run_id,
        "metadata": descriptor.metadata,
    }


def _code_of(folder: Path, descriptor: Any) -> str | None:
    """Why loading the folder can run code that it brings, or None."""
    from flavorkit.errors import NotFoundError
    from flavorkit.flavors.loading import config_of
    from flavorkit.flavors.registry import get_flavor

    reasons: list[str | None] = []
    for name in descriptor.loadable_flavors:
        try:
            flavor = get_flavor(name)
        except NotFoundError:
            reasons.append(f"nobody here knows the flavor {name!r}")
            continue
        reasons.append(flavor.executes_code(folder, config_of(descriptor, name)))
    return "; ".join(filter(None, reasons)) or None


def _types_of(folder: Path, descriptor: Any) -> list[str] | None:
    """The types in its files that nobody has reviewed; None where that cannot be told here."""
    from flavorkit.errors import MissingDependencyError, NotFoundError, UnreadableModelError
    from flavorkit.flavors.loading import config_of, needing
    from flavorkit.flavors.registry import get_flavor

    found: set[str] = set()
    for name in descriptor.loadable_flavors:
        try:
            flavor = get_flavor(name)
            with needing(flavor):
                found |= set(flavor.unreviewed_types(folder, config_of(descriptor, name)))
        except (NotFoundError, MissingDependencyError, UnreadableModelError):
            return None
    return sorted(found)


def _signer_of(checked: Any) -> dict[str, Any] | None:
    from flavorkit.trust.keys import Key, Keyring

    if checked.key is None:
        return None
    genuine = Key(checked.key).has_signed(checked.payload, checked.signature)
    known = {key.text: key.name for key in Keyring.load()}
    return {
        "key": checked.key,
        "is_genuine": genuine,
        "is_trusted": genuine and checked.key in known,
        "name": known.get(checked.key, ""),
    }


def _writer_of(descriptor: Any) -> str | None:
    for writer in ("flavorkit", "mlflow"):
        version = getattr(descriptor, f"{writer}_version")
        if version:
            return f"{writer} {version}"
    return None


def _print(uri: str, facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    # Not wrapped, so that each can be found by grep and a digest copied whole.
    for label, value in _lines(uri, facts):
        shown = escape(options.printable(value))
        console.print(f"[bold]{label:<12}[/bold]  {shown}", soft_wrap=True)
    for part in ("inputs", "outputs", "params"):
        if facts["signature"][part]:
            console.print(_signature_table(part, facts["signature"][part]))
    table = Table("file", "bytes", "sha256", title="Files", title_justify="left", box=None)
    for file in facts["files"]:
        table.add_row(escape(file["path"]), f"{file['size']:,}", file["sha256"][:16] + "…")
    console.print(table)


def _lines(uri: str, facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "model", uri
    yield "flavors", ", ".join(facts["flavors"])
    yield "created", f"{facts['created'] or 'unknown'} UTC by {facts['saved_by'] or 'unknown'}"
    if facts["run_id"]:
        yield "run", facts["run_id"]
    yield "loading", facts["runs_code"] or _loading_line(facts["unreviewed_types"])
    yield "digest", facts["digest"]
    yield "signed", _signature_line(facts)
    requirements = facts["requirements"]
    if isinstance(requirements, dict):
        yield "requirements", f"refused: {requirements['refused']}"
    else:
        yield "requirements", ", ".join(map(_without_hashes, requirements)) or "none listed"
    if facts["metadata"]:
        yield "metadata", json.dumps(facts["metadata"])


def _without_hashes(line: str) -> str:
    return line.partition(" --hash=")[0]


def _loading_line(unreviewed: list[str] | None) -> str:
    if unreviewed is None:
        return "whether it reads data only cannot be told: its framework does not read it here"
    if unreviewed:
        return f"takes trust in the signer, or in the types {', '.join(unreviewed)}"
    return "reads data only; no code of the folder is run"


def _signature_line(facts: dict[str, Any]) -> str:
    signer = facts["signed_by"]
    if signer is None:
        return "by nobody" if facts["has_manifest"] else "by nobody; it has no manifest"
    if not signer["is_genuine"]:
        return f"FORGED: {signer['key']} has not signed this"
    if signer["is_trusted"]:
        return f"by {signer['key']} {signer['name']}, in your keyring"
    return f"by {signer['key']}, not in your keyring (flavorkit keys trust {signer['key']} NAME)"


def _signature_table(part: str, entries: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    third = "default" if part == "params" else "required"
    table = Table("name", "type", third, title=part.title(), title_justify="left", box=None)
    for position, entry in enumerate(entries):
        name = str(entry.get("name", position))
        shown = entry.get("default") if part == "params" else entry.get("required", True)
        table.add_row(
            *(
                escape(options.printable(text))
                for text in (name, _type_of(entry), json.dumps(shown))
            )
        )
    return table


def _type_of(entry: dict[str, Any]) -> str:
    kind = str(entry["type"])
    if kind == "tensor":
        spec = entry["tensor-spec"]
        return f"{spec['dtype']} {tuple(spec['shape'])}"
    if kind == "array":
        return f"array of {_type_of(entry['items'])}"
    if kind == "map":
        return f"map of {_type_of(entry['values'])}"
    if kind == "object":
        inner = ", ".join(f"{key}: {_type_of(value)}" for key, value in entry["properties"].items())
        return f"{{{inner}}}"
    return kind
