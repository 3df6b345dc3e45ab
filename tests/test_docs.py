"""What the docs show is run, and what there is stands in the docs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flavorkit import errors
from flavorkit.flavors import registry
from tests.conftest import ROOT, as_a_user_has_it, need

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"]
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A block of Python or of commands, and the output that the page shows for it."""

    kind: str
    code: str
    expected: str


def steps_of(page: Path) -> list[Step]:
    steps: list[Step] = []
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "python":
            steps.append(Step("python", text, ""))
        elif kind == "text" and steps and steps[-1].kind == "python":
            last = steps.pop()
            steps.append(Step("python", last.code, text))
        elif kind == "console":
            steps += commands_of(text)
    return steps


def commands_of(text: str) -> list[Step]:
    steps = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        if not command.startswith(("make ", "pip ", "git ", "python ")):  # set-up, run by CI itself
            steps.append(Step("console", command, output))
    return steps


RUNNABLE = [page for page in PAGES if steps_of(page)]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_what_the_page_shows_is_what_happens(page, tmp_path, iris_folder, monkeypatch, port):
    need("curl")
    if page.name in {"serving.md", "predict.md"}:  # they start from a model that is there
        (tmp_path / "iris").symlink_to(iris_folder)
    runner = tmp_path / "runner.py"
    steps = steps_of(page)
    code = [(step.kind, step.code.replace("5000", str(port))) for step in steps]
    runner.write_text(RUNNER.format(steps=code))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(runner)],
        cwd=tmp_path,
        env={
            **as_a_user_has_it(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "FLAVORKIT_ENV_ROOT": str(tmp_path / "envs"),
            "PORT": str(port),
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.split("\x1e")[:-1]
    for step, output in zip(steps, outputs, strict=True):
        assert agrees(output, step.expected), (
            f"{step.code}\nshown:\n{step.expected}\ngot:\n{output}"
        )


# Runs the steps of a page in one process and folder, each one's output closed by a separator.
RUNNER = """
import os, subprocess, sys, urllib.request

steps = {steps!r}
names, started = {{}}, []
try:
    for kind, code in steps:
        if kind == "python":
            exec(compile(code, "<page>", "exec"), names)
        elif code.endswith("&"):
            server = subprocess.Popen(code[:-1].split(), stderr=subprocess.PIPE)
            started.append(server)
            for line in server.stderr:
                if line.startswith(b"serving "):
                    break
            else:
                sys.exit("the server did not start")
        else:
            sys.stdout.flush()
            subprocess.run(code, shell=True, check=True)
        print(end="\\x1e", flush=True)
finally:
    for server in started:
        server.kill()
        server.communicate()
"""


def agrees(output: str, expected: str) -> bool:
    """Equal but for spaces at the ends of lines; ``...`` stands for anything."""
    if not expected:
        return True
    wanted, got = (
        "\n".join(line.rstrip() for line in text.strip().splitlines())
        for text in (expected, output)
    )
    pattern = ".*".join(map(re.escape, wanted.split("...")))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def test_a_difference_is_noticed():
    assert agrees("a b\n", "a b")
    assert agrees("sha256:12 yours", "sha256:... yours")
    assert not agrees("sha256:12 others", "sha256:... yours")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors_of(linked), target


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


GUIDES = "\n".join(page.read_text() for page in PAGES)


def test_the_page_of_commands_is_what_they_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import generate

    assert (ROOT / "docs" / "commands.md").read_text() == generate.commands_page()


def test_every_environment_variable_is_documented():
    sources = "\n".join(path.read_text() for path in (ROOT / "flavorkit").rglob("*.py"))
    for variable in set(re.findall(r"\bFLAVORKIT_[A-Z_]+\b", sources)):
        assert f"`{variable}" in GUIDES, variable


def test_every_flavor_and_its_keys_are_in_the_format():
    page = (ROOT / "docs" / "format.md").read_text()
    for name in registry.BUILTIN:
        assert f"### flavors.{name}" in page


def test_every_error_is_in_the_tree_of_errors():
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.FlavorkitError):
            assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_run(example, tmp_path):
    need("curl")
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"error_code"' not in done.stdout
