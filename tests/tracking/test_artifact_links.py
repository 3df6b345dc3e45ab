"""What somebody puts into a folder of artifacts leads nowhere out of it."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading

import pytest

from flavorkit.errors import (
    FlavorkitError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
)
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath

SECRET = b"secret"


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(SECRET)
    return folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "mine.txt").write_bytes(b"mine")
    return folder


@pytest.fixture
def repository(root):
    return LocalArtifactRepository(root)


def link_to_file(root, outside):
    (root / "x").symlink_to(outside / "secret.txt")
    return "x"


def link_to_folder(root, outside):
    (root / "x").symlink_to(outside)
    return "x/secret.txt"


def link_further_up(root, outside):
    (outside / "deep").mkdir()
    (outside / "deep" / "secret.txt").write_bytes(SECRET)
    (root / "inner" / "x").symlink_to(outside)
    return "inner/x/deep/secret.txt"


def chain_of_links(root, outside):
    (root / "x").symlink_to(".")
    (root / "y").symlink_to("x/../../outside")
    return "y/secret.txt"


def link_within(root, outside):
    (root / "x").symlink_to("inner/mine.txt")
    return "x"


def loop(root, outside):
    (root / "x").symlink_to("x")
    return "x"


def hard_link(root, outside):
    (root / "x").hardlink_to(outside / "secret.txt")
    return "x"


def pipe(root, outside):
    os.mkfifo(root / "x")
    return "x"


def listening_socket(root, outside):
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/x")
        os.close(here)
    return "x"


def device(root, outside):
    try:
        os.mknod(root / "x", 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")
    return "x"


PLANTED = [
    *(link_to_file, link_to_folder, link_further_up, chain_of_links, link_within, loop),
    *(hard_link, pipe, listening_socket, device),
]


@pytest.fixture(params=PLANTED, ids=lambda plant: plant.__name__)
def planted(request, root, outside):
    return ArtifactPath.parse(request.param(root, outside))


def test_it_is_not_read(repository, planted):
    with pytest.raises(NotFoundError, match=r"there is no artifact|not a plain file"):
        repository.open(planted)
    assert repository.stat(planted) is None


def test_it_is_not_listed(repository, planted):
    assert [found.path for found in repository.list()] == ["inner"]
    assert [found.path for found in repository.walk()] == ["inner/mine.txt"]
    assert repository.list(planted) == []


def test_it_is_not_written_through(repository, planted, outside):
    with contextlib.suppress(InvalidArgumentError):
        repository.put(planted, [b"forged"])
    assert (outside / "secret.txt").read_bytes() == SECRET
    assert {found.name for found in outside.iterdir()} <= {"secret.txt", "deep"}


def test_deleting_it_deletes_nothing_outside(repository, planted, outside, root):
    with contextlib.suppress(NotFoundError):
        repository.delete(planted)
    repository.delete(ROOT)
    assert (outside / "secret.txt").read_bytes() == SECRET
    assert not root.exists()


def test_a_folder_is_no_file_and_a_file_no_folder(repository):
    with pytest.raises(InvalidArgumentError, match=r"inner is a folder"):
        repository.open(ArtifactPath.parse("inner"))
    with pytest.raises(InvalidArgumentError, match=r"inner is a folder"):
        repository.put(ArtifactPath.parse("inner"), [b"x"])
    with pytest.raises(InvalidArgumentError, match=r"a file or link is in the way"):
        repository.put(ArtifactPath.parse("inner/mine.txt/x"), [b"x"])
    with pytest.raises(NotFoundError, match=r"there is no artifact at inner/mine.txt/x"):
        repository.open(ArtifactPath.parse("inner/mine.txt/x"))
    with pytest.raises(InvalidArgumentError, match=r"the root of the artifacts is a folder"):
        repository.open(ROOT)
    assert [found.path for found in repository.walk()] == ["inner/mine.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_says_so(repository, root):
    (root / "inner" / "mine.txt").chmod(0)
    with pytest.raises(StoreUnavailableError, match=r"inner/mine.txt cannot be used"):
        repository.open(ArtifactPath.parse("inner/mine.txt"))


def test_a_sparse_file_is_read_in_pieces(repository, root):
    with (root / "x").open("wb") as file:
        file.truncate(2**40)
    with repository.open(ArtifactPath.parse("x")) as reader:
        assert reader.size == 2**40
        assert reader.read() == bytes(1024 * 1024)


@pytest.mark.parametrize("exchanged", ["file", "folder"])
def test_what_is_exchanged_while_we_walk_leads_nowhere(repository, root, outside, exchanged):
    """A thread puts a link where the file, or the folder it is in, was, again and again."""
    folder = root / "swap"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"mine")
    path = ArtifactPath.parse("swap/secret.txt")
    place = folder if exchanged == "folder" else folder / "secret.txt"
    target = outside if exchanged == "folder" else outside / "secret.txt"
    stop = threading.Event()

    def exchange():
        while not stop.is_set():
            place.rename(root / "aside")
            place.symlink_to(target)
            place.unlink()
            (root / "aside").rename(place)

    thread = threading.Thread(target=exchange)
    thread.start()
    seen = set()
    try:
        for _ in range(5_000):
            try:
                with repository.open(path) as reader:
                    seen.add(reader.read())
            except NotFoundError:
                seen.add(None)
            assert {found.path for found in repository.walk()} <= {
                *("inner/mine.txt", "swap/secret.txt", "aside", "aside/secret.txt")
            }
    finally:
        stop.set()
        thread.join()
    assert seen <= {b"mine", None}
    assert (outside / "secret.txt").read_bytes() == SECRET


def test_what_is_exchanged_while_we_write_and_delete_leads_nowhere(repository, root, outside):
    folder = root / "swap"
    folder.mkdir()
    stop = threading.Event()

    def exchange():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                folder.rename(root / "aside")
                folder.symlink_to(outside)
                folder.unlink()
                (root / "aside").rename(folder)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(300):
            for path in ("swap/secret.txt", "swap/new/file.txt"):
                with contextlib.suppress(FlavorkitError):
                    repository.put(ArtifactPath.parse(path), [b"forged"])
                with contextlib.suppress(FlavorkitError):
                    repository.delete(ArtifactPath.parse(path).parent)
    finally:
        stop.set()
        thread.join()
    assert [found.name for found in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_bytes() == SECRET
