"""The five steps of CONTRIBUTING.md, for every flavor there is."""

from __future__ import annotations

import ast
import importlib
import io
import itertools
import tokenize
import tomllib
from pathlib import Path

import pytest

import flavorkit
from flavorkit import _facade
from flavorkit.flavors import registry
from flavorkit.flavors.base import Flavor
from tests.flavors.cases import all_cases

ROOT = Path(__file__).parent.parent.parent
FLAVORS = sorted({*registry.BUILTIN} - {"python_function"})


def source(name: str) -> Path:
    """Where the flavor is: a module, or a package with what only this one needs beside it."""
    module = importlib.import_module(f"flavorkit.flavors.{name}")
    return Path(module.__file__)


def code_lines(path: Path) -> list[str]:
    """The lines that are neither blank, nor comments, nor docstrings."""
    text = path.read_text()
    docstrings = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    kept = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type
        not in {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
        for line in range(token.start[0], token.end[0] + 1)
    }
    lines = text.splitlines()
    return [
        lines[number - 1].strip() for number in sorted(kept - docstrings) if number <= len(lines)
    ]


@pytest.mark.parametrize("name", FLAVORS)
def test_one_its_module_says_only_what_differs(name):
    flavor = registry.get_flavor(name)
    assert isinstance(flavor, Flavor)
    assert flavor.name == name
    assert type(flavor).__module__ == f"flavorkit.flavors.{name}"
    assert len(code_lines(source(name))) <= 120


# What Python and the interface make every module repeat.
COMMON = (
    *("import ", "from ", "def ", "return ", "class ", "self,", "*", ")", "(", "}", "]", "@"),
    *("try:", "else:", "except ", "raise ", "folder: Path", "model: Any", "public = ("),
)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(FLAVORS, 2)))
def test_no_two_flavors_share_more_than_a_handful_of_lines(one, other):
    first, second = (
        {line for line in code_lines(source(name)) if not line.startswith(COMMON)}
        for name in (one, other)
    )
    assert len(first & second) <= 8, sorted(first & second)


@pytest.mark.parametrize("name", FLAVORS)
def test_two_it_is_registered_under_its_name(name):
    assert name in _facade.FLAVORS
    assert name in flavorkit.__all__
    assert (ROOT / "flavorkit" / f"{name}.pyi").is_file()
    assert set(dir(getattr(flavorkit, name))) >= {"save_model", "load_model"}


@pytest.mark.parametrize("name", FLAVORS)
def test_three_an_extra_installs_what_it_needs(name):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert name in extras
    if name == "fastai":  # its torchvision would replace a torch for CPUs
        return
    assert name in extras["all"][0].partition("[")[2].strip("]").split(",")


@pytest.mark.parametrize("name", FLAVORS)
def test_four_it_keeps_the_contract(name):
    assert [case for case in all_cases() if case.flavor == name]
    assert importlib.import_module(f"tests.flavors.cases.{name}").CASE.models


@pytest.mark.parametrize("name", FLAVORS)
def test_five_it_is_documented(name):
    docs = {page: (ROOT / "docs" / page).read_text() for page in ("flavors.md", "format.md")}
    assert f"| `{name}` |" in docs["flavors.md"]
    assert f"### flavors.{name}" in docs["format.md"]
    assert f"`{name}`" in (ROOT / "README.md").read_text()
