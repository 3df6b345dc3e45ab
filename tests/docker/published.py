"""The published schemas of what is deployed, as functions that fail on what does not fit."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from flavorkit import strict_yaml

HERE = Path(__file__).parent
OLDEST = "1.27"
"""The first release in which all that we write is known without being asked for."""
NEWEST = kubernetes_validate.latest_version()


def parsed(text: str) -> list[dict[str, Any]]:
    """The documents of a file; each is read strictly, without anchors, tags or a key twice."""
    return [
        strict_yaml.loads(part.encode(), path="written") for part in f"\n{text}".split("\n---\n")
    ]


def check_kubernetes(document: dict[str, Any], release: str = NEWEST) -> None:
    kubernetes_validate.validate(document, release, strict=True)


def check_kserve(document: dict[str, Any]) -> None:
    kserve().validate(document)


def check_compose(document: dict[str, Any]) -> None:
    compose().validate(document)


@functools.cache
def kserve() -> Draft202012Validator:
    folder = f"kubernetes-json-schema/v{NEWEST}-local-strict"
    definitions = schema_contents(f"{folder}/_definitions.json", NEWEST)
    registry: Registry[Any] = Resource.from_contents(definitions) @ Registry()
    return Draft202012Validator(vendored("kserve-inferenceservice"), registry=registry)


@functools.cache
def compose() -> Draft202012Validator:
    return Draft202012Validator(vendored("compose-spec"))


def vendored(name: str) -> Any:
    return json.loads((HERE / "schemas" / f"{name}.json").read_text("utf-8"))
