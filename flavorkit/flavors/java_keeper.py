"""A program, not to be imported: keeps another one running for as long as its own input is open.

``python java_keeper.py FOLDER COMMAND...``. The input is a pipe from the process that needs the
command. However that one ends, the pipe is closed then; the command is killed and FOLDER removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading


def _keep(folder: str, command: list[str]) -> int:
    kept = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def kill_at_end_of_input() -> None:
        # Not by way of sys.stdin, whose lock the thread would hold when the interpreter ends.
        while os.read(0, 1024):
            pass
        kept.kill()

    threading.Thread(target=kill_at_end_of_input, daemon=True).start()
    status = kept.wait()
    shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(_keep(sys.argv[1], sys.argv[2:]))
