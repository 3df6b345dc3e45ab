"""What flavors share whose framework runs in a Java machine beside Python."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from flavorkit.errors import MissingDependencyError


def need_java(what: str) -> None:
    """Check that there is a Java machine to start, before a framework fails at length.

    Raises:
        MissingDependencyError: there is neither ``JAVA_HOME`` nor a ``java`` on the path.
    """
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        install = "install Java 17, or set JAVA_HOME to where it is"
        raise MissingDependencyError(what, "Java", install=install)


@cache
def scratch(name: str) -> Path:
    """A folder that nobody else can look into; it is gone when the process ends.

    Args:
        name: the framework that writes there.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"flavorkit-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
