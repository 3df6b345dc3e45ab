"""The text of Dockerfiles: compared with files, and with what Docker's parser makes of values."""

from __future__ import annotations

from pathlib import Path

import pytest

from flavorkit.docker.dockerfile import dockerfile
from flavorkit.docker.names import Image
from flavorkit.docker.recipe import Needs, Recipe, Sources

GOLDEN = Path(__file__).parent / "golden"
DIGEST = "sha256:" + "5" * 64
WHEEL = "flavorkit-1.0-py3-none-any.whl"

RECIPES = {
    "sklearn": Recipe(
        python="3.12",
        base=Image.parse("python:3.12-slim"),
        wheel=WHEEL,
        needs=Needs(model=("scikit-learn==1.9.1",), own=("starlette>=1.3.1",)),
        digest=DIGEST,
        variables=(("FLAVORKIT_PORT", "8080"), ("FLAVORKIT_TRUST", DIGEST)),
        labels=(("io.flavorkit.model.digest", DIGEST),),
    ),
    "everything": Recipe(
        python="3.11",
        base=Image.parse("nvidia/cuda:12.8.1-base-ubuntu24.04"),
        wheel=WHEEL,
        needs=Needs(
            model=("torch==2.13.0 --hash=sha256:00",),
            pins=("torch==2.13.0",),
            own=("starlette>=1.3.1",),
            has_hashes=True,
            system=("default-jre-headless", "libgomp1"),
        ),
        sources=Sources(
            index="https://pypi.example.com/simple",
            extra_indexes=("https://more.example.com/simple",),
            has_wheels=True,
            torch_backend="cu128",
            has_netrc=True,
        ),
        digest=DIGEST,
        variables=(("GREETING", 'say "hi" to $USER \\ all'),),
        labels=(("com.example.formula", "${a} \\n `b`"), ("com.example.team", "search")),
        platform="linux/arm64",
        brings_python=True,
    ),
    "offline": Recipe(
        python="3.11",
        base=Image.parse("python:3.11-slim"),
        wheel=WHEEL,
        sources=Sources(has_wheels=True, is_offline=True),
        digest=DIGEST,
        variables=(("FLAVORKIT_PORT", "8080"),),
        labels=(("io.flavorkit.version", "1.0"),),
    ),
    "without-model": Recipe(
        python="3.11",
        base=Image.parse("python:3.11-slim"),
        wheel=WHEEL,
        needs=Needs(own=("starlette>=1.3.1",)),
        variables=(("FLAVORKIT_PORT", "8080"),),
        labels=(("io.flavorkit.version", "1.0"),),
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_dockerfile_is_what_it_was(name):
    expected = (GOLDEN / f"{name}.Dockerfile").read_text("utf-8")
    assert dockerfile(RECIPES[name]) == expected


@pytest.mark.parametrize("name", RECIPES)
def test_every_command_is_an_array_that_no_shell_reads(name):
    for line in dockerfile(RECIPES[name]).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "RUN":
            assert rest.removeprefix("--mount=type=secret,id=netrc,target=/root/.netrc ")[0] == "["
        if instruction in {"COPY", "ADD", "ENTRYPOINT", "CMD"}:
            assert (
                rest.removeprefix("--from=dependencies ").removeprefix("--from=flavorkit ")[0]
                == "["
            )


def test_a_new_model_changes_only_what_names_it():
    one = RECIPES["sklearn"]
    other = Recipe(**{**vars(one), "digest": "sha256:" + "6" * 64})
    ours, theirs = dockerfile(one).splitlines(), dockerfile(other).splitlines()
    changed = [
        number for number, pair in enumerate(zip(ours, theirs, strict=True)) if len({*pair}) > 1
    ]
    first = next(number for number, line in enumerate(ours) if line.startswith("ADD"))
    assert changed
    assert min(changed) > first
