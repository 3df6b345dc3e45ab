"""Scripts of users, run as they run them."""

from __future__ import annotations

import subprocess
import sys


def script(path, *arguments, warnings="error"):
    """Run a script of the user's in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", warnings, str(path), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
