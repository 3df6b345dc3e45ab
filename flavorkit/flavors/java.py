"""What flavors share whose framework runs in a Java machine beside Python."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from flavorkit.errors import MissingDependencyError

INSTALL = "install Java 17, or set JAVA_HOME to where it is"


def need_java(what: str) -> str:
    """The program that starts a Java machine, looked for before a framework fails at length.

    Raises:
        MissingDependencyError: there is neither ``JAVA_HOME`` nor a ``java`` on the path.
    """
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin" if home else None)
    if program is None:
        raise MissingDependencyError(what, "Java", install=INSTALL)
    return program


@cache
def scratch(name: str) -> Path:
    """A folder that nobody else can look into; it is gone when the process ends.

    Args:
        name: the framework that writes there.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"flavorkit-{name}-"))
    at_end(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def at_end(action: Callable[[], Any]) -> None:
    """Have ``action`` called when this process ends, and not when a fork of it does."""
    process = os.getpid()

    def end() -> None:
        if os.getpid() == process:
            action()

    atexit.register(end)
