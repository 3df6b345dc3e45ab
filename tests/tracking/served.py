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
from flavorkit.tracking.server.run import Server
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
    server = Server(settings, open_service(settings), is_up.set)
    worker = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    worker.start()
    assert is_up.wait(30), "the server did not start"
    try:
        yield url_of(listener) + settings.static_prefix
    finally:
        server.should_exit = True
        worker.join(30)
        listener.close()


class Process:
    """``flavorkit server`` in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "flavorkit", "server", "--port", "0"]
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
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """Send SIGTERM; the status it ends with."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(60)

    def _read(self) -> None:
        for line in self._process.stderr:
            self.lines.append(line)
