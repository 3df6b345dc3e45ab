"""A folder or a file appears whole or not at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flavorkit import atomic
from flavorkit.atomic import publish, publish_file


def fill(folder, content="new"):
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text(content)
    (folder / "other").write_text(content)


def content_of(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


NEW = {"sub/file": "new", "other": "new"}
OLD = {"sub/file": "old", "other": "old"}


def test_the_folder_appears_when_the_block_ends(tmp_path):
    with publish(tmp_path / "deep" / "target") as folder:
        fill(folder)
        assert not (tmp_path / "deep" / "target").exists()
    assert content_of(tmp_path / "deep" / "target") == NEW
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["target"]


def test_what_is_published_is_not_copied_into_itself(tmp_path):
    (tmp_path / "notes").write_text("notes")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "target").write_text("another of that name")
    for link in (None, "latest"):  # the second time, there is a folder to be replaced
        if link:
            (tmp_path / link).symlink_to("target")
        with publish(tmp_path / "target", overwrite=True) as folder:
            atomic.copy(tmp_path, folder / "deep" / "all")
            atomic.copy(tmp_path / "notes", folder / "notes")
        assert content_of(tmp_path / "target") == {
            "notes": "notes",
            "deep/all/notes": "notes",
            "deep/all/sub/target": "another of that name",
        }


def test_a_copy_leaves_out_what_the_caller_does_not_want(tmp_path):
    fill(tmp_path)
    with publish(tmp_path / "target") as folder:
        atomic.copy(tmp_path, folder / "all", leaving_out=("su*",))
    assert content_of(tmp_path / "target") == {"all/other": "new"}


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZeroDivisionError), publish(tmp_path / "target") as folder:
        fill(folder)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "target").mkdir()
    with publish(tmp_path / "target") as folder:
        fill(folder)
    assert content_of(tmp_path / "target") == NEW


@pytest.fixture
def occupied(tmp_path):
    with publish(tmp_path / "target") as folder:
        fill(folder, "old")
    return tmp_path / "target"


def test_a_folder_that_is_not_empty_is_refused(occupied):
    with pytest.raises(FileExistsError, match="pass overwrite=True"), publish(occupied):
        pytest.fail("the block must not run")
    assert content_of(occupied) == OLD


def test_overwrite_replaces_it(occupied):
    with publish(occupied, overwrite=True) as folder:
        fill(folder)
        assert content_of(occupied) == OLD
    assert content_of(occupied) == NEW
    assert [p.name for p in occupied.parent.iterdir()] == ["target"]


def test_a_failing_overwrite_keeps_the_old_one(occupied):
    with pytest.raises(ZeroDivisionError), publish(occupied, overwrite=True) as folder:
        fill(folder)
        raise ZeroDivisionError
    assert content_of(occupied) == OLD


def test_without_an_exchange_it_is_replaced_in_two_steps(occupied, monkeypatch):
    monkeypatch.setattr(sys, "platform", "elsewhere")
    with publish(occupied, overwrite=True) as folder:
        fill(folder)
    assert content_of(occupied) == NEW
    assert [p.name for p in occupied.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/nowhere")])
def test_files_and_links_are_not_replaced(tmp_path, make):
    make(tmp_path / "target")
    with pytest.raises(FileExistsError, match="not a folder"):
        with publish(tmp_path / "target", overwrite=True):
            pytest.fail("the block must not run")


def test_who_comes_second_is_told(tmp_path):
    with pytest.raises(FileExistsError, match="in the meantime"):
        with publish(tmp_path / "target") as slow:
            fill(slow)
            with publish(tmp_path / "target") as quick:
                fill(quick, "old")
    assert content_of(tmp_path / "target") == OLD


def test_it_has_the_rights_of_any_new_folder(tmp_path):
    (tmp_path / "plain").mkdir()
    with publish(tmp_path / "target") as folder:
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        fill(folder)
    assert (tmp_path / "target").stat().st_mode == (tmp_path / "plain").stat().st_mode


KILLED = """
import os, signal, sys
from pathlib import Path
from flavorkit.atomic import publish, publish_file
with publish(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "target")], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".flavorkit-partial-")
    with publish(tmp_path / "another") as folder:
        fill(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["another"]


def test_what_another_process_is_at_work_on_stays(tmp_path):
    with publish(tmp_path / "one") as one:
        with publish(tmp_path / "other") as other:
            fill(other)
        fill(one)
    assert {p.name for p in tmp_path.iterdir()} == {"one", "other"}


@pytest.mark.parametrize(("age_seconds", "stays"), [(3600, True), (25 * 3600, False)])
def test_what_another_machine_left_goes_after_a_day(tmp_path, age_seconds, stays):
    foreign = tmp_path / ".flavorkit-partial-00000000-abc"
    foreign.mkdir()
    then = foreign.stat().st_mtime - age_seconds
    os.utime(foreign, (then, then))
    atomic.sweep(tmp_path)
    assert foreign.exists() == stays


def test_the_exchange_is_one_step(occupied, tmp_path):
    """While two folders change places there is no moment at which the target is absent."""
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(occupied / "other"), str(tmp_path / "stop")],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(50):
        with publish(occupied, overwrite=True) as folder:
            shutil.copytree(occupied, folder, dirs_exist_ok=True)
    (tmp_path / "stop").touch()
    assert watcher.communicate()[0].strip() == "0 absences"


WATCH = """
import os, sys
absent = 0
while not os.path.exists(sys.argv[2]):
    absent += not os.path.exists(sys.argv[1])
print(absent, "absences")
"""


def test_a_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "out.csv"
    with publish_file(target) as stream:
        stream.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_is_replaced_in_one_step_and_keeps_its_rights(tmp_path):
    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    with publish_file(tmp_path / "link") as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link").is_symlink()


def test_a_failing_block_keeps_the_old_file(tmp_path):
    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), publish_file(target) as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_what_is_no_file_is_written_to_as_it_is():
    with publish_file(Path(os.devnull)) as stream:
        stream.write(b"gone")
    assert not Path(os.devnull).is_file()


def test_the_folder_of_a_file_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*missing/out"):
        with publish_file(tmp_path / "missing" / "out"):
            pytest.fail("the block must not run")
