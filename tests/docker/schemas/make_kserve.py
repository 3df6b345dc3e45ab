"""Write kserve-inferenceservice.json from the SDK of KServe, which is generated from its API.

pip download --no-deps kserve==0.21.0 && unzip kserve-*.whl -d sdk
python tests/docker/schemas/make_kserve.py sdk
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
PRIMITIVES = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "object": {},
}
# What we never write: what the cluster says, and components besides the predictor.
CUT = {
    "V1beta1InferenceService": {"status"},
    "V1beta1InferenceServiceSpec": {"explainer", "transformer"},
}
KUBERNETES = "https://kubernetes.io/api/_definitions.json#/$defs/io.k8s."


def main(sdk: Path) -> None:
    classes = {}
    for path in (sdk / "kserve" / "models").glob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = (node, source)
    written: dict[str, object] = {}
    wanted = ["V1beta1InferenceService"]
    while wanted:
        name = wanted.pop()
        if name not in written:
            written[name] = schema_of(*classes[name], classes, wanted)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://kserve.github.io/serving.kserve.io/v1beta1/inferenceservice.json",
        "$comment": "Made by make_kserve.py from kserve 0.21.0 (Apache-2.0); see README.md.",
        "$ref": "#/$defs/V1beta1InferenceService",
        "$defs": dict(sorted(written.items())),
    }
    text = json.dumps(document, indent=1, sort_keys=False)
    (HERE / "kserve-inferenceservice.json").write_text(f"{text}\n")


def schema_of(node: ast.ClassDef, source: str, classes: dict, wanted: list[str]) -> dict:
    tables = {
        target.id: ast.literal_eval(statement.value)
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in {"openapi_types", "attribute_map"}
    }
    keys = tables["attribute_map"]
    properties = {
        keys[name]: type_schema(kind, classes, wanted)
        for name, kind in tables["openapi_types"].items()
        if name not in CUT.get(node.name, ())
    }
    required = re.findall(r"Invalid value for `(\w+)`, must not be `None`", source)
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = sorted({keys[name] for name in required})
    return schema


def type_schema(kind: str, classes: dict, wanted: list[str]) -> dict:
    if match := re.fullmatch(r"list\[(.*)\]", kind):
        return {"type": "array", "items": type_schema(match[1], classes, wanted)}
    if match := re.fullmatch(r"dict\(str, (.*)\)", kind):
        values = type_schema(match[1], classes, wanted)
        return {"type": "object", "additionalProperties": values}
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    if kind in classes:
        wanted.append(kind)
        return {"$ref": f"#/$defs/{kind}"}
    return {"$ref": KUBERNETES + kubernetes_name(kind)}


def kubernetes_name(kind: str) -> str:
    """What the SDK of Kubernetes calls a type, in the definitions of Kubernetes itself."""
    if match := re.fullmatch(r"K8sIoApi([A-Z][a-z]+)(V\d)(\w+)", kind):
        return f"api.{match[1].lower()}.{match[2].lower()}.{match[3]}"
    name = re.sub(r"^V1(?=[A-Z])", "", kind)
    if kind.endswith("Quantity"):
        return "apimachinery.pkg.api.resource.Quantity"
    if name in {"ObjectMeta", "Duration", "Time", "ListMeta", "LabelSelector"}:
        return f"apimachinery.pkg.apis.meta.v1.{name}"
    return f"api.core.v1.{name}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
