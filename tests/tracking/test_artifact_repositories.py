"""What every place of artifacts promises, on real ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import uuid

import pytest

from flavorkit import load_model
from flavorkit.errors import (
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    PathOccupiedError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts import choose, transfer
from flavorkit.tracking.artifacts.filesystems import RemoteRoot, connect
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath
from tests.tracking import object_stores
from tests.tracking.test_artifact_paths import TAKEN

# Names that a library or a server reads as something else; ours are refused then, theirs fail.
UNTAKEN = {
    "s3": {"a?versionId=1"},
    "abfss": {" ", "a?versionid=1"},
    # MLflow's server looks for what could be an attack.
    "mlflow": {"a#b", "%2e%2e", "%2F", "a.txt::$DATA", "1:2", "file:", "a?b=c"},
}
# gcsfs hands aiohttp whole blocks.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

MORE_THAN_A_BLOCK = 17 * 1024 * 1024


def of_kind(name, *marks):
    return pytest.param(name, marks=[pytest.mark.xdist_group(f"artifacts-{name}"), *marks], id=name)


KINDS = [
    *map(of_kind, ("local", "s3", "gs", "abfss", "sftp", "server")),
    of_kind("mlflow", pytest.mark.slow),
]


@pytest.fixture(scope="session", params=KINDS)
def place(request, tmp_path_factory):
    """The kind, a root of that kind, and the environment that lets us at it."""
    kind = request.param
    with getattr(object_stores, kind)(tmp_path_factory.mktemp(kind)) as (uri, environment):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            if kind in {"s3", "abfss"}:
                root = RemoteRoot.parse(uri)
                connect(root).mkdir(root.container)
        yield kind, uri, environment


@pytest.fixture
def kind(place):
    return place[0]


@pytest.fixture
def base(place, monkeypatch):
    """The URI of a folder that is not there yet."""
    for name, value in place[2].items():
        monkeypatch.setenv(name, value)
    return f"{place[1]}/{uuid.uuid4().hex}"


@pytest.fixture
def opened(base):
    return lambda below="": choose.repository(
        f"{base}{below}", os.environ.get("FLAVORKIT_TRACKING_URI")
    )


@pytest.fixture
def repository(opened):
    return opened()


def path(text):
    return ArtifactPath.parse(text)


def content(repository, text):
    with repository.open(path(text)) as reader:
        return b"".join(reader)


def names(found):
    return [info.path for info in found]


def test_what_is_written_is_there(repository):
    stored = repository.put(path("a/b/c.txt"), [b"hello ", b"", b"world"])
    assert (stored.size, stored.sha256) == (11, hashlib.sha256(b"hello world").hexdigest())
    assert content(repository, "a/b/c.txt") == b"hello world"
    with repository.open(path("a/b/c.txt")) as reader:
        assert reader.size in {None, 11}
        assert reader.read(5) == b"hello"


def test_a_file_can_be_empty_and_replaced(repository):
    repository.put(path("x"), [])
    assert content(repository, "x") == b""
    repository.put(path("x"), [b"a" * 100])
    repository.put(path("x"), [b"b"])
    assert content(repository, "x") == b"b"
    assert repository.stat(path("x")).file_size == 1


def test_a_file_of_several_blocks(repository):
    piece = bytes(range(256)) * 4096
    whole = piece * 17
    assert len(whole) == MORE_THAN_A_BLOCK
    stored = repository.put(path("large"), [piece] * 17, MORE_THAN_A_BLOCK)
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert repository.stat(path("large")).file_size == MORE_THAN_A_BLOCK
    assert hashlib.sha256(content(repository, "large")).hexdigest() == stored.sha256


def test_folders_are_listed(repository):
    for text in ("z", "a/1", "a/2/x", "a/2/y", "ab"):
        repository.put(path(text), [b"12"])
    listed = [(info.path, info.is_dir, info.file_size) for info in repository.list()]
    assert listed == [("a", True, None), ("ab", False, 2), ("z", False, 2)]
    assert names(repository.list(path("a"))) == ["a/1", "a/2"]
    assert sorted(names(repository.walk())) == ["a/1", "a/2/x", "a/2/y", "ab", "z"]
    assert sorted(names(repository.walk(path("a/2")))) == ["a/2/x", "a/2/y"]


def test_what_is_where(repository):
    repository.put(path("a/1"), [b"12"])
    assert repository.stat(ROOT).is_dir
    assert repository.stat(path("a")).is_dir
    found = repository.stat(path("a/1"))
    assert (found.path, found.is_dir, found.file_size) == ("a/1", False, 2)
    assert repository.stat(path("a/2")) is None
    assert repository.stat(path("b/1")) is None


def test_a_file_has_nothing_in_it(repository):
    for text in ("a", "b/b"):
        repository.put(path(text), [b"1"])
        assert repository.list(path(text)) == []
        assert names(repository.walk(path(text))) == [text]


def test_what_is_not_there(repository):
    assert repository.list() == []
    assert list(repository.walk()) == []
    assert repository.list(path("a/b")) == []
    assert list(repository.walk(path("a"))) == []
    with pytest.raises(NotFoundError, match=r"[Nn]o artifact|[Nn]o such artifact"):
        repository.open(path("a"))
    with pytest.raises(NotFoundError, match=r"there is no artifact at a"):
        repository.delete(path("a"))
    repository.delete(ROOT)


def test_a_folder_is_no_file(repository, kind):
    repository.put(path("a/b"), [b"1"])
    with pytest.raises(
        (NotFoundError, InvalidArgumentError), match=r"is a folder|directory|no.*artifact"
    ):
        repository.open(path("a"))
    with pytest.raises(InvalidArgumentError, match=r"the root of the artifacts is a folder"):
        repository.open(ROOT)
    with pytest.raises(InvalidArgumentError, match=r"the root of the artifacts is a folder"):
        repository.put(ROOT, [b"1"])


def test_deleting_takes_a_file_or_all_of_a_folder(opened):
    repository = opened()
    for text in ("a/1", "a/2/x", "b", "ab/1"):
        repository.put(path(text), [b"1"])
    repository.delete(path("b"))
    assert sorted(names(repository.walk())) == ["a/1", "a/2/x", "ab/1"]
    repository.delete(path("a"))
    assert names(repository.walk()) == ["ab/1"]
    repository.delete(ROOT)
    assert list(repository.walk()) == []


def test_neighbours_are_not_touched(opened):
    opened("/run").put(path("x"), [b"1"])
    opened("/run2").put(path("y"), [b"2"])
    assert names(opened("/run").walk()) == ["x"]
    assert names(opened("/run").list()) == ["x"]
    opened("/run").delete(ROOT)
    assert names(opened("/run2").walk()) == ["y"]


@pytest.mark.parametrize("text", [*TAKEN, "a?versionId=1", "a?versionid=1"], ids=ascii)
def test_names_are_kept_as_they_are(repository, kind, text):
    repository.put(path("beside"), [b"2"])
    if text in UNTAKEN.get(kind, ()):
        with contextlib.suppress(InvalidArgumentError, NotFoundError, StoreUnavailableError):
            repository.put(path(text), [b"1"])
        assert content(repository, "beside") == b"2"
        return
    repository.put(path(text), [b"1"])
    assert sorted(names(repository.walk())) == sorted([text, "beside"])
    assert text.split("/")[0] in names(repository.list())
    assert content(repository, text) == b"1"
    repository.delete(path(text))
    assert names(repository.walk()) == ["beside"]


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("size", [1, MORE_THAN_A_BLOCK], ids=["small", "large"])
def test_what_was_not_written_to_its_end_is_not_there(repository, size):
    def broken():
        yield b"x" * size
        raise BrokenError

    with pytest.raises(BrokenError, match=r"^$"):
        repository.put(path("a/new"), broken())
    assert list(repository.walk()) == []
    repository.put(path("a/old"), [b"old"])
    with pytest.raises(BrokenError, match=r"^$"):
        repository.put(path("a/old"), broken())
    assert names(repository.walk()) == ["a/old"]
    assert content(repository, "a/old") == b"old"


def test_threads_share_a_repository(repository):
    def work(number):
        for each in range(5):
            repository.put(path(f"{number}/{each}"), [b"%d" % number])
            with contextlib.suppress(StoreUnavailableError):  # Azure takes one at a time
                repository.put(path("same"), [b"%d" % number * 1000])

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(repository.walk())) == 21
    same = content(repository, "same")
    assert len(same) == 1000
    assert len(set(same)) == 1


@pytest.fixture
def folder(tmp_path):
    """Files as a run makes them, with links of several kinds."""
    folder = tmp_path / "made"
    (folder / "inner" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a.txt").write_bytes(b"a")
    (folder / "inner" / "b.txt").write_bytes(b"bb")
    (folder / "inner" / "deep" / "c.bin").write_bytes(bytes(3 * 1024 * 1024))
    (folder / "linked.txt").symlink_to("a.txt")
    (folder / "latest").symlink_to("inner")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    return folder


FILES = ["a.txt", "inner/b.txt", "inner/deep/c.bin", "linked.txt"]


def test_a_folder_goes_there_and_back(repository, folder, tmp_path):
    seen = []
    transfer.upload_folder(repository, folder, path("sub"), lambda *done: seen.append(done))
    assert sorted(names(repository.walk())) == [f"sub/{name}" for name in FILES]
    size = 3 * 1024 * 1024 + 4
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)

    seen.clear()
    target = tmp_path / "back"
    assert (
        transfer.download(repository, path("sub"), target, lambda *done: seen.append(done))
        == target
    )
    assert (
        sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
        == FILES
    )
    assert all((target / name).read_bytes() == (folder / name).read_bytes() for name in FILES)
    assert seen[-1] == (size, size)


def test_a_file_goes_there_and_back(repository, folder, tmp_path):
    transfer.upload_file(repository, folder / "a.txt", path("x/y.txt"))
    target = tmp_path / "new" / "z.txt"
    transfer.download(repository, path("x/y.txt"), target)
    assert target.read_bytes() == b"a"
    with pytest.raises(NotFoundError, match=r"there is no artifact at x/z.txt in"):
        transfer.download(repository, path("x/z.txt"), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(NotFoundError, match=r"there is no file at"):
        transfer.upload_file(repository, folder / "nix", path("x"))
    with pytest.raises(NotFoundError, match=r"there is no folder at"):
        transfer.upload_folder(repository, folder / "nix")


def test_a_folder_is_fetched_into_one_that_is_there(repository, folder, tmp_path):
    transfer.upload_folder(repository, folder)
    target = tmp_path / "there"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    (target / "a.txt").write_text("old")
    with pytest.raises(PathOccupiedError, match=r"the folder is not empty"):
        transfer.download(repository, ROOT, target)
    assert (target / "a.txt").read_text() == "old"
    transfer.download(repository, ROOT, target, merge=True)
    assert (target / "a.txt").read_text() == "a"
    assert (target / "mine.txt").read_text() == "mine"
    assert sorted(found.name for found in target.iterdir()) == [
        *("a.txt", "inner", "linked.txt", "mine.txt")
    ]


def test_an_upload_that_fails_leaves_nothing(repository, folder):
    repository.put(path("before"), [b"1"])
    (folder / "z\\z").write_text("no artifact has such a name")
    with pytest.raises(InvalidArgumentError, match=r"has a slash or a backslash"):
        transfer.upload_folder(repository, folder)
    (folder / "z\\z").unlink()

    class Full:
        def __getattr__(self, name):
            return getattr(repository, name)

        def put(self, where, chunks, size=None):
            if where.name == "linked.txt":
                raise StoreUnavailableError("no more")
            return repository.put(where, chunks, size)

    with pytest.raises(StoreUnavailableError, match=r"no more") as caught:
        transfer.upload_folder(Full(), folder, path("sub"))
    assert "was deleted again" in caught.value.__notes__[0]
    assert names(repository.walk()) == ["before"]


def test_a_model_goes_there_and_back(repository, iris_folder, iris, tmp_path):
    transfer.upload_folder(repository, iris_folder, path("model"))
    back = transfer.download(repository, path("model"), tmp_path / "back")
    assert load_model(back).predict(iris[0][:3]).tolist() == [0, 0, 0]


def test_a_model_that_was_altered_there_does_not_arrive(repository, iris_folder, tmp_path):
    transfer.upload_folder(repository, iris_folder, path("model"))
    repository.put(path("model/requirements.txt"), [b"evil\n"])
    target = tmp_path / "back"
    with pytest.raises(IntegrityError, match=r"requirements.txt (was altered|has 5 bytes)"):
        transfer.download(repository, path("model"), target)
    repository.delete(path("model/requirements.txt"))
    with pytest.raises(IntegrityError, match=r"requirements.txt is missing"):
        transfer.download(repository, path("model"), target)
    shutil.copy(iris_folder / "requirements.txt", tmp_path)
    transfer.upload_file(repository, tmp_path / "requirements.txt", path("model/requirements.txt"))
    repository.put(path("model/more.txt"), [b""])
    with pytest.raises(IntegrityError, match=r"more.txt is not in the manifest"):
        transfer.download(repository, path("model"), target)
    assert not target.exists()


def test_hundreds_of_files(repository, tmp_path):
    folder = tmp_path / "many"
    for number in range(150):
        (folder / f"{number % 10}").mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 10}" / f"{number}").write_text(str(number))
    transfer.upload_folder(repository, folder)
    back = transfer.download(repository, ROOT, tmp_path / "back")
    found = sorted(file.read_text() for file in back.rglob("*") if file.is_file())
    assert found == sorted(map(str, range(150)))
