"""A folder is exactly what was saved, or it is refused before any parser sees a byte of it."""

import json
import os
import shutil
import sys

import pytest

from flavorkit import load_model, manifest
from flavorkit.errors import IntegrityError, NotFoundError


class Signer:
    public_key = "key"

    def sign(self, payload):
        return f"signature of {len(payload)} bytes"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "a").write_bytes(b"aaa")
    (tmp_path / "m" / "sub" / "b").write_bytes(b"")
    manifest.write(tmp_path / "m", Signer())
    return tmp_path / "m"


def test_it_lists_every_file(folder):
    checked = manifest.verify(folder)
    assert [(file.path, file.size) for file in checked.files] == [("a", 3), ("sub/b", 0)]
    assert checked.files[0].sha256 == (
        "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
    )
    assert (checked.key, checked.is_recorded) == ("key", True)


def test_the_signature_covers_the_list(folder):
    checked = manifest.verify(folder)
    assert checked.signature == Signer().sign(checked.payload)


def test_the_same_files_have_the_same_digest(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / manifest.FILENAME).unlink()
    unsigned = manifest.write(copy, None)
    assert unsigned.digest == manifest.verify(folder).digest
    assert unsigned.key is None


def test_a_folder_without_a_manifest_is_measured(folder):
    (folder / "MLmodel").write_text("flavors: {}")
    recorded = manifest.write(folder, None)
    (folder / manifest.FILENAME).unlink()
    measured = manifest.verify(folder)
    assert not measured.is_recorded
    assert measured.digest == recorded.digest


def test_a_folder_that_is_no_model_is_not_read_through(folder):
    (folder / manifest.FILENAME).unlink()
    with pytest.raises(NotFoundError, match="is not the folder of a model: it has no MLmodel"):
        manifest.verify(folder)


def test_the_file_that_mlflow_drops_is_ignored(folder):
    (folder / "registered_model_meta").write_text("model_name: x")
    manifest.verify(folder)


def change(path):
    path.write_bytes(b"aab")


CHANGES = {
    "a was altered": lambda f: change(f / "a"),
    "a has 2 bytes, not 3": lambda f: (f / "a").write_bytes(b"aa"),
    "a is missing": lambda f: (f / "a").unlink(),
    "sub/c is not in the manifest": lambda f: (f / "sub" / "c").touch(),
    "a is missing; c is not in the manifest": lambda f: (f / "a").rename(f / "c"),
    "a is a link": lambda f: ((f / "a").unlink(), (f / "a").symlink_to("/etc/passwd")),
    "sub is a link": lambda f: (shutil.rmtree(f / "sub"), (f / "sub").symlink_to("/etc")),
    "a is a hard link": lambda f: os.link(f / "a", f.parent / "elsewhere"),
    "fifo is not a plain file": lambda f: os.mkfifo(f / "fifo"),
    "is not the name of a file": lambda f: (f / "a\nb").touch(),
}


@pytest.mark.parametrize("problem", CHANGES)
def test_every_change_is_refused_by_name(folder, problem):
    CHANGES[problem](folder)
    with pytest.raises(IntegrityError, match=problem):
        manifest.verify(folder)


def test_all_changed_files_are_named(folder):
    change(folder / "a")
    (folder / "sub" / "b").write_text("x")
    with pytest.raises(IntegrityError, match="a was altered; sub/b has 1 bytes, not 0"):
        manifest.verify(folder)


def entry(**changes):
    return {"path": "a", "size": 3, "sha256": "0" * 64, **changes}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a manifest of version 1"),
        ({"version": 2, "files": []}, "not a manifest of version 1"),
        ({"version": 1}, "no list of files"),
        ({"version": 1, "files": [1]}, "an entry without"),
        ({"version": 1, "files": [entry(size="3")]}, "an entry without"),
        ({"version": 1, "files": [entry(size=True)]}, "an entry without"),
        ({"version": 1, "files": [entry(sha256="md5:x")]}, "an entry without"),
        ({"version": 1, "files": [entry(), entry()]}, "a path stands twice"),
        ({"version": 1, "files": [entry(path="../a")]}, "../a is missing"),
        ({"version": 1, "files": [], "signature": [1]}, "the signature"),
        ({"version": 1, "files": [], "signature": {"key": "x"}}, "the signature"),
    ],
)
def test_a_malformed_manifest_is_refused(folder, content, problem):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / manifest.FILENAME).write_text(text)
    with pytest.raises(IntegrityError, match=problem):
        manifest.verify(folder)


def test_a_manifest_beyond_all_bounds_is_refused(folder, monkeypatch):
    monkeypatch.setattr(manifest, "MAX_BYTES", 10)
    with pytest.raises(IntegrityError, match="larger than 10 bytes"):
        manifest.verify(folder)


def test_too_many_files_are_refused(folder, monkeypatch):
    monkeypatch.setattr(manifest, "MAX_FILES", 2)
    with pytest.raises(IntegrityError, match="more than 2 files"):
        manifest.verify(folder)


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder_is_not_found(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(NotFoundError, match="no model folder at"):
        manifest.verify(tmp_path / name)


def flip_a_bit(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


DAMAGE = {
    "flipped": flip_a_bit,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "missing": lambda path: path.unlink(),
    "replaced": lambda path: path.rename(path.with_name("moved")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_refused_before_any_parser_sees_it(iris_copy, damage, opened):
    for path in sorted(iris_copy.iterdir()):
        if path.name == manifest.FILENAME:
            continue
        before = path.read_bytes()
        DAMAGE[damage](path)
        opened.clear()
        with pytest.raises(IntegrityError, match=path.name):
            load_model(iris_copy)
        # Verification opens files by name relative to the folder; parsers open them by path.
        assert not [name for name in opened if str(iris_copy) + "/" in name]
        (iris_copy / "moved").unlink(missing_ok=True)
        path.write_bytes(before)
    load_model(iris_copy)


OPENED: list[str] = []
_watching: list[bool] = []


def _watch(event, args):
    if _watching and event == "open" and isinstance(args[0], str):
        OPENED.append(args[0])


@pytest.fixture
def opened():
    """The names of the files that are opened from here on."""
    if not _watching:
        sys.addaudithook(_watch)
    OPENED.clear()
    _watching.append(True)
    yield OPENED
    _watching.pop()
