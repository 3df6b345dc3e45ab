"""Servers for tests: in a thread of the test where many are needed, or as a process of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from flavorkit.tracking.server.app import open_service
from flavorkit.tracking.server.run import server_of
from flavorkit.tracking.server.settings import Settings
from flavorkit.web.listening import bind, url_of


def settings_in(folder: Path, **others: object) -> Settings:
    """Of a server that keeps everything in a folder."""
    return Settings(
        **{
            "store_uri": f"sqlite:///{folder}/flavorkit.db",
            "artifacts_destination": str(folder / "artifacts"),
            "port": 0,
            **others,
        }
    )


@contextlib.contextmanager
def thread(settings: Settings) -> Iterator[str]:
    """The URL of a server in a thread."""
    listener = bind(settings.host, settings.port)
    is_up = threading.Event()
    server = server_of(settings, open_service(settings), is_up.set)
    worker = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    worker.start()
    assert is_up.wait(30), "the server did not start"
    try:
        yield url_of(listener) + settings.static_prefix
    finally:
        server.should_exit = True
        worker.join(30)
        listener.close()


# Writes down which files a process opens, and whom it calls.
_WATCHED = """
import os, sys
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def note(event, arguments):
    if event in {"open", "socket.connect", "subprocess.Popen", "os.exec", "os.system"}:
        os.write(log, f"{event} {arguments!r}\\n".encode("utf-8", "replace"))
sys.addaudithook(note)
from flavorkit.cli import main
main()
"""


class Process:
    """``flavorkit server`` in a process of its own.

    Args:
        folder: where it keeps everything.
        options: of the command.
        watched: the file to write down in what it opens and whom it calls.
    """

    def __init__(self, folder: Path, *options: str, watched: Path | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "flavorkit"]
        if watched is not None:
            command = [sys.executable, "-c", _WATCHED, str(watched)]
        command += ["server", "--port", "0"]
        command += ["--backend-store-uri", f"sqlite:///{folder}/flavorkit.db"]
        command += ["--artifacts-destination", str(folder / "artifacts"), *options]
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd=folder, env={**os.environ}
        )
        self.lines: list[str] = []
        self.url = ""
        for line in self._process.stderr:
            self.lines.append(line)
            if " on http" in line:
                self.url = line.rpartition(" on ")[2].strip()
                break
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def workers(self) -> list[int]:
        """The processes that it has started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self) -> int:
        """Send SIGTERM; the status it ends with."""
        self._process.send_signal(signal.SIGTERM)
        return self._close()

    def wait(self) -> int:
        """The status it ends with after a signal that was sent before."""
        return self._close()

    def kill(self) -> None:
        if self._process.returncode is not None:
            return
        self._process.kill()
        self._close()

    def _close(self) -> int:
        status = self._process.wait(60)
        self._reader.join(60)
        self._process.stderr.close()
        return status

    def _read(self) -> None:
        for line in self._process.stderr:
            self.lines.append(line)
