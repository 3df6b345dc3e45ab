"""What the source of a version says is read in one way, whatever the store."""

from __future__ import annotations

import json

import pytest

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.version_sources import OfLoggedModel, OfRun, OfVersion, noted, parse


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("models:/m-0a1b", OfLoggedModel("m-0a1b")),
        ("models:/m-0a1b/", OfLoggedModel("m-0a1b")),
        ("models:/fox/3", OfVersion("fox", 3)),
        ("models:/m-fox/3", OfVersion("m-fox", 3)),
        ("runs:/abc/model", OfRun("abc", "model", ())),
        ("runs:/abc/model/a b/c/", OfRun("abc", "model", ("a b", "c"))),
        ("models:/fox@best", None),
        ("models:/fox/latest", None),
        ("runs:/abc", None),
        ("s3://bucket/runs:/abc/model", None),
        ("/a/folder", None),
    ],
)
def test_what_a_source_refers_to(source, found):
    assert parse(source) == found


@pytest.mark.parametrize("path", ["../x", "a//b", "a/..", "a?b", "a#b", "a\\b", "./a"])
def test_a_path_stays_in_its_run(path):
    with pytest.raises(InvalidArgumentError, match=r"is no path below a run"):
        parse(f"runs:/abc/{path}")


def test_a_path_below_a_run_is_whole():
    assert OfRun("abc", "model", ("a", "b")).steps == ("model", "a", "b")


@pytest.mark.parametrize("before", [None, "", "[]", "no JSON", '{"a": 1}', "7", "[" * 100_000])
def test_what_people_have_made_of_the_note_is_written_anew(before):
    assert json.loads(noted(before, "fox", "1")) == [{"name": "fox", "version": "1"}]


def test_versions_are_noted_one_after_the_other():
    text = noted(noted(None, "fox", "1"), "lynx", "2")
    assert json.loads(text) == [
        {"name": "fox", "version": "1"},
        {"name": "lynx", "version": "2"},
    ]
