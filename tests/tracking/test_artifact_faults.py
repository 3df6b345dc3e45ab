"""Artifacts when the machine does not play along."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from flavorkit.atomic import PARTIAL_PREFIX
from flavorkit.errors import IntegrityError, StorageFullError, StoreUnavailableError
from flavorkit.tracking.artifacts import choose, transfer
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ROOT, ArtifactPath

KILLED = """
import os, signal, sys
from pathlib import Path
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ArtifactPath

def chunks():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)

LocalArtifactRepository(Path(sys.argv[1])).put(ArtifactPath.parse("a/x"), chunks())
"""


def path(text):
    return ArtifactPath.parse(text)


def names(repository):
    return [info.path for info in repository.walk()]


def inside(folder):
    return [found.name for found in folder.iterdir()]


def test_a_killed_writer_leaves_nothing_to_be_seen(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = inside(tmp_path / "a")
    assert left.startswith(PARTIAL_PREFIX)
    assert (tmp_path / "a" / left).stat().st_mode & 0o777 == 0o600
    repository = LocalArtifactRepository(tmp_path)
    assert names(repository) == []
    assert repository.list(path("a")) == []
    repository.put(path("a/y"), [b"whole"])
    assert inside(tmp_path / "a") == ["y"]


def test_a_writer_at_work_is_not_swept(tmp_path):
    with LocalArtifactRepository(tmp_path).writing(path("a/x")) as writer:
        writer.write(b"1")
        LocalArtifactRepository(tmp_path).put(path("a/y"), [b"2"])
        assert names(LocalArtifactRepository(tmp_path)) == ["a/y"]
        writer.write(b"2")
    assert (tmp_path / "a" / "x").read_bytes() == b"12"


def test_files_are_for_those_who_may_look_into_their_folder(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    repository = LocalArtifactRepository(tmp_path)
    for folder in ("open", "closed"):
        repository.put(path(f"{folder}/x"), [b"1"])
    assert (tmp_path / "open" / "x").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "closed" / "x").stat().st_mode & 0o777 == 0o600


FULL = """
import resource, sys
from pathlib import Path
from flavorkit.tracking.artifacts.local import LocalArtifactRepository
from flavorkit.tracking.artifacts.paths import ArtifactPath
from flavorkit.errors import StorageFullError

resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
repository = LocalArtifactRepository(Path(sys.argv[1]))
try:
    repository.put(ArtifactPath.parse("a/x"), [bytes(1000)] * 10)
except StorageFullError as error:
    print(error)
"""


def test_no_room_is_said_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "there is no room for a/x: File too large\n"
    assert inside(tmp_path / "a") == []
    assert StorageFullError.status == 507


def changing(repository, file, content, monkeypatch):
    """Have the file hold something else when it is sent than when it was looked at."""
    put = repository.put

    def changed(where, chunks, size=None):
        file.write_bytes(content)
        return put(where, chunks, size)

    monkeypatch.setattr(repository, "put", changed)


def test_of_a_file_that_grows_while_it_is_sent_its_beginning_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "log.txt"
    file.write_bytes(b"one")
    repository = LocalArtifactRepository(tmp_path / "root")
    changing(repository, file, b"one two", monkeypatch)
    transfer.upload_file(repository, file, path("log.txt"))
    assert (tmp_path / "root" / "log.txt").read_bytes() == b"one"


def test_a_file_that_shrinks_while_it_is_sent_is_not_kept(tmp_path, monkeypatch):
    file = tmp_path / "log.txt"
    file.write_bytes(b"one")
    repository = LocalArtifactRepository(tmp_path / "root")
    changing(repository, file, b"", monkeypatch)
    with pytest.raises(transfer.InvalidArgumentError, match=r"log.txt changed while it was sent"):
        transfer.upload_file(repository, file, path("log.txt"))
    assert names(repository) == []


def test_a_folder_that_fails_leaves_what_was_there_before(tmp_path, monkeypatch):
    folder, repository = tmp_path / "checkpoints", LocalArtifactRepository(tmp_path / "root")
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text("first")
    transfer.upload_folder(repository, folder, path("checkpoints"))
    (folder / "a").write_text("second")
    (folder / "aa").write_text("new")
    put = repository.put

    def full(where, chunks, size=None):
        if where.name == "c":
            raise StorageFullError("there is no room")
        return put(where, chunks, size)

    monkeypatch.setattr(repository, "put", full)
    with pytest.raises(StorageFullError, match=r"no room"):
        transfer.upload_folder(repository, folder, path("checkpoints"))
    assert names(repository) == ["checkpoints/a", "checkpoints/b", "checkpoints/c"]


class Faulty(BaseHTTPRequestHandler):
    """A server that does what its path says."""

    protocol_version = "HTTP/1.1"
    puts: ClassVar[list[bytes]] = []

    def do_GET(self):
        if "?" in self.path:
            self.answer(b'{"files": [{"path": "../../evil"}, {"path": "a"}, 7, {"path": null}]}')
        elif self.path.endswith("short"):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
        else:
            self.answer(b"content", f"sha-256=:{'A' * 43}=:")

    def do_PUT(self):
        self.puts.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("busy") and len(self.puts) < 3:
            self.send_error(503)
        else:
            self.answer(b"{}", f"sha-256=:{'A' * 43}=:" if "altered" in self.path else "")

    def answer(self, body, digest=""):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Repr-Digest", digest)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def faulty():
    Faulty.puts = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield choose.repository(
            "mlflow-artifacts:/", f"http://127.0.0.1:{server.server_address[1]}"
        )
        server.shutdown()
        thread.join()


def test_what_a_server_lists_stays_below_its_root(faulty):
    assert [info.path for info in faulty.list()] == ["a"]


def test_half_a_file_is_none(faulty, tmp_path):
    with pytest.raises(StoreUnavailableError, match=r"the server stopped in the middle of short"):
        transfer._fetch_file(faulty, path("short"), tmp_path / "x", transfer._Meter(None, None))
    assert inside(tmp_path) == []


def test_another_digest_than_the_server_says_is_an_error(faulty, tmp_path):
    with pytest.raises(IntegrityError, match=r"a was altered on its way"):
        transfer._fetch_file(faulty, path("a"), tmp_path / "x", transfer._Meter(None, None))
    assert inside(tmp_path) == []
    with pytest.raises(StoreUnavailableError, match=r"keeps something else at altered"):
        faulty.put(path("altered"), [b"x"], 1)


def test_a_file_is_sent_again_while_a_server_is_busy(faulty, tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    seen = []
    transfer.upload_file(faulty, tmp_path / "x", path("busy"), lambda *done: seen.append(done))
    assert Faulty.puts == [b"content"] * 3
    assert seen == [(7, 7)]
    assert faulty.uri == f"mlflow-artifacts:/{ROOT}"
