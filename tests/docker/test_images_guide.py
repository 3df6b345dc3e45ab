"""The guide to images names every option, label, variable and system package, as it is."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import click
import pytest

from flavorkit.cli.images import OF_THE_IMAGE, build_docker, generate_dockerfile
from flavorkit.docker import dockerfile, system
from flavorkit.docker.engine import PROGRAMS
from flavorkit.docker.labels import labels_of
from flavorkit.docker.model import PackedModel
from flavorkit.docker.origin import Origin
from flavorkit.docker.plan import Options, recipe_of
from flavorkit.docker.recipe import MODEL_FOLDER, PORT, SBOM, USER
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import InvalidArgumentError
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "images.md").read_text()
WHEEL = OwnWheel(())  # no more of it is asked for than its name


def section(heading):
    """The text below a heading, up to the next of its kind."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading):
    """The cells of each line of the tables below a heading."""
    lines = re.findall(r"^\| (`.*) \|$", section(heading), re.MULTILINE)
    return [[cell.strip() for cell in line.split(" |")] for line in lines]


def options_of(command):
    return {
        name: option
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
        for name in option.opts
    }


def names_in(heading):
    return {name for first, *_ in rows(heading) for name in re.findall(r"`(-[a-z-]+)`", first)}


BUILD, GENERATE = options_of(build_docker), options_of(generate_dockerfile)
SECTIONS = {
    "Options of both commands": BUILD.keys() & GENERATE.keys(),
    "Options of build-docker": BUILD.keys() - GENERATE.keys(),
    "Options of generate-dockerfile": GENERATE.keys() - BUILD.keys(),
}


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_option_is_there_and_no_other(heading):
    assert names_in(heading) == SECTIONS[heading]


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_default_is_there(heading):
    options = BUILD | GENERATE
    for first, default, _ in rows(heading):
        option = options[re.findall(r"`(-[a-z-]+)`", first)[0]]
        with click.Context(build_docker) as context:
            given = option.get_default(context)
        if isinstance(given, str | Path):
            assert default == f"`{given}`", first


def test_every_option_that_may_be_given_several_times_says_so():
    with_many = {
        name
        for name, option in (BUILD | GENERATE).items()
        if option.multiple and name != "--trust"  # page of its own
    }
    rows_of_many = [
        first
        for heading in SECTIONS
        for first, *rest in rows(heading)
        if "several times" in rest[-1]
    ]
    assert {first.strip("`") for first in rows_of_many} == with_many


def test_every_option_that_is_taken_for_the_sake_of_mlflow_is_there():
    @click.command
    def command():
        """Nothing; it has the options of an image."""

    for option in OF_THE_IMAGE:
        option(command)
    hidden = {
        name
        for option in command.params
        if isinstance(option, click.Option) and option.hidden
        for name in option.opts
    }
    assert hidden <= names_in("Coming from MLflow")


def test_every_engine_is_there():
    for program in PROGRAMS:
        assert f"`{program}`" in section("Options of build-docker")


def test_every_label_is_there_and_no_other(iris_folder):
    model = dataclasses.replace(
        PackedModel.fetch(str(iris_folder), "all"), origin=Origin("iris", "1", "run", "commit")
    )
    shown = [label for first, _ in rows("Traceability") for label in re.findall(r"`(.+?)`", first)]
    assert sorted(shown) == sorted(key for key, _ in labels_of(model, "base"))


def test_every_variable_is_there_with_its_value(iris_folder):
    model = dataclasses.replace(
        PackedModel.fetch(str(iris_folder), "all"), origin=Origin(name="iris")
    )
    variables = dict(recipe_of(model, WHEEL, Options()).variables)
    said = {first.strip("`"): value for first, value, _ in rows("The container")}
    assert said.keys() == variables.keys()
    of_the_model = {"FLAVORKIT_MODEL_NAME", "FLAVORKIT_TRUST"}
    for name in said.keys() - of_the_model:
        assert said[name] == f"`{variables[name]}`"
    without = dict(recipe_of(None, WHEEL, Options()).variables)
    assert variables.keys() - without.keys() == of_the_model


def test_every_system_package_is_there_and_no_other():
    said = {first.strip("`"): packages for first, packages in rows("System packages")}
    assert said == {
        flavor: ", ".join(f"`{package}`" for package in packages)
        for flavor, packages in system.PACKAGES.items()
    }


@pytest.mark.parametrize("flavor", ["pytorch", "tensorflow"])
def test_every_base_with_cuda_is_there(flavor):
    recipe = recipe_of(None, WHEEL, Options(cuda=True, extras=(flavor,)))
    assert f"`{recipe.base}`" in section("PyTorch and CUDA")


def test_every_build_of_pytorch_is_there():
    with pytest.raises(InvalidArgumentError, match=r"take one of cpu, ") as caught:
        recipe_of(None, WHEEL, Options(torch_backend="other"))
    for build in str(caught.value).partition("take one of ")[2].split(", "):
        assert f"`{build}`" in section("PyTorch and CUDA"), build


def test_the_contract_of_the_container_is_what_the_dockerfile_says():
    text = dockerfile.dockerfile(recipe_of(None, WHEEL, Options()))
    contract = section("The container")
    assert f"| user | {USER}, group {USER};" in contract
    assert f"USER {USER}:{USER}" in text
    assert f"| port | {PORT}," in contract
    assert "every 5 seconds" in contract
    assert "HEALTHCHECK --interval=5s" in text
    assert "`/health/ready`" in contract
    assert json.dumps(["serve"]) in text
    assert f"at `{MODEL_FOLDER}`" in section("What is in it")
    assert f"`{SBOM}`" in section("Traceability")


def test_the_wheel_that_an_offline_build_wants_is_named():
    assert dockerfile.UV in section("Offline")
