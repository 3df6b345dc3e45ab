"""The shape of the package, kept true by machine: layers, homes, light imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flavorkit
from flavorkit.flavors.registry import all_flavors

ROOT = Path(flavorkit.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# A module may import from the rows below its own, and from its own package. Nothing else.
LAYERS = [
    ["testing"],
    ["cli", "_facade", "mlflow_loader", "__main__", "__init__"],
    ["ui", "deployments"],
    ["serving", "docker", "projects", "autolog"],
    ["tracking"],
    ["pyfunc"],
    ["flavors"],
    ["manifest", "descriptor"],
    ["trust"],
    ["tables"],
    ["signature", "environment", "uris"],
    ["atomic", "strict_yaml", "web"],
    ["errors", "version"],
]
RANK = {name: rank for rank, row in enumerate(reversed(LAYERS)) for name in row}

# Two members of one row that may import each other all the same, and why.
EXCEPTIONS = {
    ("__init__", "_facade"): "the table of public names is part of the package's front door",
    ("__main__", "cli"): "it is the command under another name",
}

# The only places a third-party package may be imported in. numpy and pandas are the data model.
HOMES = {
    "adlfs": {"tracking"},
    "alembic": {"tracking"},
    "catboost": {"flavors"},
    "click": {"cli", "__main__"},
    "cloudpickle": {"flavors"},
    "cryptography": {"trust"},
    "fastai": {"flavors"},
    "onnx": {"flavors"},
    "onnxruntime": {"flavors"},
    "fsspec": {"tracking"},
    "gcsfs": {"tracking"},
    "google": {"flavors"},
    "h2o": {"flavors"},
    "keras": {"flavors"},
    "httptools": {"web"},
    "lightgbm": {"flavors"},
    "orjson": {"serving", "tables", "tracking", "web"},
    "packaging": {"environment"},
    "platformdirs": {"deployments", "trust", "environment", "tracking"},
    "polars": {"signature"},
    "PIL": {"tracking"},
    "psutil": {"tracking"},
    "pynvml": {"tracking"},
    "py4j": {"flavors"},
    "pyarrow": {"flavors", "signature", "tables"},
    "prometheus_client": {"serving", "tracking"},
    "pydantic": {"flavors"},
    "pyspark": {"flavors"},
    "pytest": {"testing"},
    "rich": {"cli"},
    "s3fs": {"tracking"},
    "scipy": {"signature", "flavors"},
    "skops": {"flavors"},
    "sklearn": {"flavors"},
    "patsy": {"flavors"},
    "spacy": {"flavors"},
    "statsmodels": {"flavors"},
    "torch": {"flavors"},
    "sshfs": {"tracking"},
    "starlette": {"serving", "tracking"},
    "sqlalchemy": {"tracking"},
    "tensorflow": {"flavors"},
    "urllib3": {"deployments", "tracking"},
    "uvicorn": {"web"},
    "xgboost": {"flavors"},
    "yaml": {"strict_yaml"},
    "numpy": {
        *("signature", "tables", "environment", "flavors", "pyfunc", "serving", "testing"),
        *("deployments", "tracking"),
    },
    "pandas": {
        *("signature", "tables", "environment", "flavors", "pyfunc", "serving", "testing"),
        *("deployments", "tracking"),
    },
}


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, module, and whether it stands at the top of the file."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        top = node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module, top
            if node.module == "flavorkit":
                yield from ((node.lineno, f"flavorkit.{name.name}", top) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, name.name, top) for name in node.names)


def member(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path):
    own = member(path)
    for line, module, _ in imports(path):
        parts = module.split(".")
        if (
            parts[0] != "flavorkit"
            or len(parts) == 1
            or parts[1] in {own, *vars(flavorkit)} - set(RANK)
        ):
            continue
        other = parts[1]
        if other == own or (own, other) in EXCEPTIONS or other not in RANK:
            continue
        assert RANK[other] < RANK[own], f"{name_of(path)}:{line}: {own} may not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_party_packages_stay_home(path):
    own = member(path)
    for line, module, _ in imports(path):
        root = module.partition(".")[0]
        if root == "flavorkit" or root in sys.stdlib_module_names:
            continue
        assert own in HOMES.get(root, ()), f"{name_of(path)}:{line}: {own} may not import {root}"


FRAMEWORKS = {"sklearn", "skops", "cloudpickle", "polars", "pyarrow", "cryptography"}
FRAMEWORKS |= {root for flavor in all_flavors().values() for root in flavor.modules[:1]}
FRAMEWORKS -= {"flavorkit"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_frameworks_are_imported_where_they_are_used(path):
    at_the_top = {module.partition(".")[0] for _, module, top in imports(path) if top}
    assert not at_the_top & FRAMEWORKS


def test_every_member_has_its_place_in_the_layers():
    members = {member(path) for path in MODULES}
    assert members <= set(RANK)


def loaded_by(code: str) -> set[str]:
    code = f"{code}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


HEAVY = {
    *("numpy", "pandas", "yaml", "sqlalchemy", "starlette", "uvicorn", "cryptography"),
    *("sklearn", "skops", "scipy", "pyarrow", "polars", "orjson", "rich", "packaging"),
}


def test_importing_flavorkit_imports_nothing_heavy():
    assert not loaded_by("import flavorkit, flavorkit.sklearn, flavorkit.models") & {
        *HEAVY,
        "click",
    }


def test_help_imports_nothing_heavy():
    code = "import flavorkit.cli as c; c.main(['--help'], standalone_mode=False)"
    assert not loaded_by(code) & HEAVY


def test_flavors_are_known_without_their_frameworks():
    code = "from flavorkit.flavors.registry import all_flavors; all_flavors()"
    assert not loaded_by(code) & {"sklearn", "skops", "scipy"}


def test_nothing_of_mlflow_is_imported():
    code = (
        "import flavorkit.cli, flavorkit.mlflow_loader, flavorkit.serving.server;"
        " from flavorkit.flavors.registry import all_flavors; all_flavors()"
    )
    assert "mlflow" not in loaded_by(code)


def test_every_public_name_is_declared_and_importable():
    assert flavorkit.__all__ == sorted(flavorkit.__all__)
    for name in flavorkit.__all__:
        assert getattr(flavorkit, name) is not None
    assert set(dir(flavorkit)) == set(flavorkit.__all__)


UNSAFE = re.compile(
    r"\b(pickle|cloudpickle|dill|joblib|marshal|torch|torch\.jit|torch\.export|shelve)"
    r"\.(load|loads|Unpickler)\b"
    r"|allow_pickle\s*=\s*True|read_pickle|(?<!\.)\b(eval|exec)\(|os\.system|shell\s*=\s*True"
)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_are_read_unsafely_in_one_place_only(path):
    found = [
        line
        for line in path.read_text("utf-8").splitlines()
        if UNSAFE.search(line.partition("#")[0]) and '"""' not in line
    ]
    assert not found or name_of(path) == "flavors/unsafe_load.py", found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
