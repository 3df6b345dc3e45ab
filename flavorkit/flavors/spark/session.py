"""The Spark session that models are loaded into: the caller's, or one of our own."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from flavorkit.flavors.java import at_end, need_java, scratch

_LOOPBACK = "127.0.0.1"
# Spark takes brackets and braces for patterns, and in a locale without UTF-8 it finds no other
# letters.
_PLAIN_PATH = re.compile(r"[\w./ -]+", re.ASCII)
_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""
_lock = Lock()


def session() -> Any:
    """The session that is active, or else a local one, which is then kept until the process ends.

    The local one listens on loopback only, to those who know its secret, and uses the processors
    that the process may use.

    Raises:
        MissingDependencyError: there is no Java to start one with.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    with _lock:
        try:
            return SparkSession.active()
        except PySparkException:
            return _start()


def address(path: Path) -> str:
    """``path`` as Spark takes it, whatever its default file system is and whatever the name."""
    absolute = path.absolute()
    if not _PLAIN_PATH.fullmatch(str(absolute)):
        link = Path(tempfile.mkdtemp(dir=scratch("spark"))) / "folder"
        link.symlink_to(absolute.parent)
        absolute = link / path.name
    return f"file://{absolute}"


def copy(source: str, target: str, *, move: bool = False) -> None:
    """Copy a folder between two of the file systems that Spark knows."""
    context = session().sparkContext
    hadoop = context._jvm.org.apache.hadoop.fs  # noqa: SLF001 - Python has no other way to it
    settings = context._jsc.hadoopConfiguration()  # noqa: SLF001
    paths = [hadoop.Path(source), hadoop.Path(target)]
    systems = [path.getFileSystem(settings) for path in paths]
    pairs = [part for pair in zip(systems, paths, strict=True) for part in pair]
    hadoop.FileUtil.copy(*pairs, move, settings)


def _start() -> Any:
    from pyspark.sql import SparkSession

    need_java("the spark flavor")
    folder = scratch("spark")
    logging = folder / "log4j2.properties"
    logging.write_text(_LOGGING, "ascii")
    settings = {
        "spark.app.name": "flavorkit",
        # One thread for each processor that Java may use: it minds the limits of containers.
        "spark.master": "local[*]",
        "spark.driver.host": _LOOPBACK,
        "spark.driver.bindAddress": _LOOPBACK,
        # Others on this machine reach loopback too.
        "spark.authenticate": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{logging}",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        # A model that joins, such as ALS, would make two hundred tasks of three rows.
        "spark.sql.shuffle.partitions": "1",
        # What is smaller is predicted without starting a job; what is larger, by all processors.
        "spark.sql.execution.arrow.localRelationThreshold": "1MB",
    }
    # Python's own part of a model runs in processes that are to be this Python.
    with _environment({"SPARK_LOCAL_IP": _LOOPBACK, "PYSPARK_PYTHON": sys.executable}):
        started = SparkSession.builder.config(map=settings).getOrCreate()
    at_end(started.stop)
    return started


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables that are set meanwhile, unless the user has set them."""
    missing = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
