"""A path of an artifact stays below its root, whatever it is made of."""

from __future__ import annotations

import dataclasses
import os
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flavorkit.errors import InvalidArgumentError, NotFoundError
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import (
    MAX_BYTES,
    MAX_SEGMENT_BYTES,
    MAX_SEGMENTS,
    ROOT,
    ArtifactPath,
)

# What stands in requests of attackers, as it is sent and as it arrives.
SENT = [
    *("../etc/passwd", "..%2fetc%2fpasswd", "%2e%2e/etc/passwd", "%2e%2e%2fetc"),
    *("..%252fetc", "%252e%252e%252f", "%25252e%25252e/", "..\\etc", "..%5cetc", "..%255c"),
    *("/etc/passwd", "//etc/passwd", "///etc/passwd", "%2fetc%2fpasswd"),
    *("a/../../b", "a/./b", "a//b", "a/", ".", "..", "...", " ", "", "a/..;/b", "a/%2e"),
    *("a%00.txt", "%00", "a%0d%0aX:1", "a%0a", "a#../../b", "%23../..", "a?path=../", "a;path=../"),
    *("C:\\x", "C:/x", "c:x", "\\\\host\\share\\x", "\\\\?\\C:\\x", "/\\host", "CON", "nul.txt"),
    *(
        "aux",
        "a.txt::$DATA",
        "a. ",
        "a.",
        "file:///etc/passwd",
        "file:/etc",
        "file:etc",
        "FILE:///",
    ),
    *("file://localhost/etc", "file://evil/x", "////..", "~/x", "~root", "$HOME/x", "${PATH}"),
    *(
        "%c0%ae%c0%ae/",
        "%e0%80%ae",
        "\uff0e\uff0e\uff0f",
        "\u2025",
        "%ff",
        "\ud800",
        "e\u0301/\u00e9",
    ),
    *("a\u202etxt", "a" * 256, "a/" * 33, "a/" * 5000, "x" * 4096, "x" * 65536),
    *("/proc/self/environ", "/dev/zero", "/dev/stdin", "/proc/self/fd/3"),
    *("/proc/self/root/etc/passwd", ".flavorkit-partial-1", "s3://b/k", "a::file:///etc/passwd"),
]
ARRIVING = sorted({*SENT, *map(unquote, SENT), *(unquote(unquote(text)) for text in SENT)})

REFUSED = [
    *("", ".", "..", "a/", "/a", "a//b", "a/./b", "a/../b", "../a", "a\\b", "\\", "a\0b", "a\nb"),
    *("a\x1bb", "a\x7fb", "a\x85b", "C:", "c:x", "z:/x", "a\ufffd", "\ud800", "file:///etc/passwd"),
    *(".flavorkit-partial-0/x", "x/.flavorkit-partial-0"),
]
TAKEN = [
    *(
        "a",
        "...",
        ".hidden",
        "a b",
        " ",
        "a#b",
        "a?b=c",
        "a;b",
        "%2e%2e",
        "%2F",
        "~",
        "~root",
        "a*",
    ),
    *("$HOME", "${PATH}", "[a]", "{a}", "CON", "a.txt::$DATA", "file:", "1:2", "a@b", "a&b", "a+b"),
    *(
        "été",
        "e\u0301",
        "模型/重み.bin",
        "plots/roc curve.png",
        "a\u202eb",
        "'\"`",
        "-rf",
        "\U0001f680",
    ),
]


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_what_could_lead_elsewhere_is_refused(text):
    with pytest.raises(InvalidArgumentError, match=r"is no path of an artifact"):
        ArtifactPath.parse(text)


@pytest.mark.parametrize("text", TAKEN, ids=ascii)
def test_any_other_characters_are_characters(text, tmp_path):
    path = ArtifactPath.parse(text)
    assert str(path) == text
    repository = LocalArtifactRepository(tmp_path / "root")
    repository.put(path, [b"x"])
    assert [found.path for found in repository.walk()] == [text]


@pytest.mark.parametrize("text", ARRIVING, ids=lambda text: ascii(text)[:40])
def test_nothing_outside_the_root_is_touched(text, tmp_path):
    (tmp_path / "outside.txt").write_text("secret")
    root = tmp_path / "in" / "root"
    root.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    repository = LocalArtifactRepository(root)
    try:
        path = ArtifactPath.parse(text)
    except InvalidArgumentError:
        return
    assert repository.list(path) == []
    assert list(repository.walk(path)) == []
    assert repository.stat(path) is None
    with pytest.raises(NotFoundError, match=r"there is no artifact at"):
        repository.open(path)
    with pytest.raises(NotFoundError, match=r"there is no artifact at"):
        repository.delete(path)
    repository.put(path, [b"x"])
    made = sorted(set(tmp_path.rglob("*")) - set(before))
    assert made
    assert all(os.path.realpath(one).startswith(f"{root}/") for one in made)


@given(st.text(max_size=60) | st.lists(st.sampled_from([*"/\\.:%#~ab", ".."]), max_size=12))
@settings(max_examples=max(1000, settings.default.max_examples))
def test_a_path_joined_to_a_folder_stays_in_it(given_text):
    text = given_text if isinstance(given_text, str) else "".join(given_text)
    try:
        path = ArtifactPath.parse(text)
    except InvalidArgumentError:
        return
    assert os.path.normpath(f"/root/{text}") == f"/root/{text}"
    assert ArtifactPath.parse(str(path)) == path


@pytest.mark.parametrize(
    ("limit", "of_size"),
    [
        (MAX_SEGMENT_BYTES, lambda size: "a" * size),
        (MAX_SEGMENTS, lambda size: "/".join("a" * size)),
        (MAX_BYTES, lambda size: f"{'a' * 200}/" * 5 + "b" * (size - 1005)),
    ],
    ids=["segment", "segments", "bytes"],
)
def test_the_limits_are_exact(limit, of_size):
    ArtifactPath.parse(of_size(limit - 1))
    ArtifactPath.parse(of_size(limit))
    with pytest.raises(InvalidArgumentError, match=r"more than|longer than"):
        ArtifactPath.parse(of_size(limit + 1))


def test_bytes_count_not_characters():
    ArtifactPath.parse("é" * 127)
    with pytest.raises(InvalidArgumentError, match=r"more than 255 bytes"):
        ArtifactPath.parse("é" * 128)


def test_a_path_is_made_of_checked_segments_only():
    with pytest.raises(InvalidArgumentError, match=r"has the segment '\.\.'"):
        ArtifactPath(("a", ".."))
    with pytest.raises(InvalidArgumentError, match=r"slash or a backslash"):
        ArtifactPath(("a/b",))
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"segments"):
        ArtifactPath.parse("a").segments = ("..",)
    with pytest.raises(InvalidArgumentError, match=r"is text, not bytes"):
        ArtifactPath.parse(b"a")


def test_paths_are_put_together_and_taken_apart():
    path = ArtifactPath.parse("a/b") / "c/d"
    assert (str(path), path.name, str(path.parent)) == ("a/b/c/d", "d", "a/b/c")
    assert str(path.below(ArtifactPath.parse("a"))) == "b/c/d"
    assert path.below(path) == ROOT == ROOT.parent == ArtifactPath.parse_folder("")
    assert ROOT / path == path == path / ROOT
    with pytest.raises(InvalidArgumentError, match=r"is not in 'ab'"):
        path.below(ArtifactPath.parse("ab"))
