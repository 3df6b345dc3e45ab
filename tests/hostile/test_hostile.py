"""Folders that mean harm: refused before anything in them runs, and the refusal says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flavorkit
from tests.hostile import corpus

FOLDERS = list(corpus.all_folders())
REQUIREMENTS = list(corpus.all_requirements())
LOADS = ("load", "load as data", "native", "verify")
# What is seen only when the arrays inside a file are read, which verify does not.
SEEN_ON_READING = {"an array of objects inside skops"}


def test_the_corpus_is_large():
    assert len(FOLDERS) + len(REQUIREMENTS) >= 150


@pytest.fixture(scope="module")
def observed(tmp_path_factory, iris_model, iris):
    """What each attempt on each folder did, by folder and attempt."""
    root = tmp_path_factory.mktemp("hostile")
    builders = {**corpus.all_folders(), **corpus.all_requirements()}
    places = {name: f"{number:03}" for number, name in enumerate(builders)}
    for name, build in builders.items():
        place = root / "corpus" / places[name]
        place.mkdir(parents=True)
        build(place / "m")
    flavorkit.save_model(iris_model, root / "good", input_example=iris[0][:2])
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "watcher.py"), root / "good", root / "corpus"],
        env={**os.environ, "CANARY": str(root / "canary")},
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines.pop() == {"canary": False}
    found = {(line["folder"], line["attempt"]): line for line in lines}
    slowest = max(lines, key=lambda line: line["seconds"])
    names = {place: name for name, place in places.items()}
    print(f"the slowest of {len(lines)}: {names[slowest['folder']]}, {slowest['seconds']:.2f} s")
    return {
        (name, attempt): {**line, "root": str(root / "corpus" / place)}
        for (place, attempt), line in found.items()
        for name in [names[place]]
    }


def own_folders():
    return [os.environ.get("XDG_CONFIG_HOME", ""), str(Path.home() / ".config" / "flavorkit")]


def harmless(event: str, root: str) -> bool:
    """Reading the folder itself, or the reader's own keys."""
    kind, _, rest = event.partition(" ")
    path, _, mode = rest.rpartition(" ")
    if kind != "open" or "w" in mode or "a" in mode or "+" in mode:
        return False
    if not path.startswith("/"):
        return True  # a descriptor of the folder, or a file opened beneath one
    # What is installed is looked up in the interpreter's own folders.
    own = (sys.prefix, sys.base_prefix, *filter(None, own_folders()))
    return path.startswith((root, *own))


@pytest.mark.parametrize("name", FOLDERS)
def test_it_is_refused_and_the_refusal_says_why(observed, name):
    for attempt in LOADS:
        line = observed[name, attempt]
        if attempt == "verify" and name in SEEN_ON_READING:
            continue
        assert line["error"] is not None, f"{attempt} accepted it"
        assert line["is_ours"], (attempt, line["error"], line["message"])
        assert len(line["message"]) > 20


@pytest.mark.parametrize("name", [*FOLDERS, *REQUIREMENTS])
def test_nothing_is_run_and_nothing_outside_is_opened(observed, name):
    for attempt in (*LOADS, "inspect", "requirements"):
        line = observed[name, attempt]
        assert [e for e in line["events"] if not harmless(e, line["root"])] == [], attempt
        assert line["error"] is None or line["is_ours"], (attempt, line["message"])


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_that_smuggle_are_refused(observed, name):
    line = observed[name, "requirements"]
    assert line["error"] == "RequirementError", line
