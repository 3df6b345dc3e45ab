"""A server's log: lines of text or of JSON on standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import queue
import sys
import time
from collections.abc import Iterator
from typing import Any

LOGGERS = ("flavorkit", "uvicorn")
_EXTRA = ("request_id", "error_id", "method", "path", "status", "seconds")


class JsonFormatter(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _EXTRA if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """The time, the level, who says it, and what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d]: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record, with the id of its request."""
        line = super().format(record)
        request_id = getattr(record, "request_id", None)
        return f"{line} {request_id}" if request_id else line


def handler(log_format: str) -> logging.Handler:
    """Writes to standard error at once."""
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    return writer


@contextlib.contextmanager
def at_once(log_format: str) -> Iterator[None]:
    """Write the log while the context lasts, each line before going on."""
    with _attached(handler(log_format)):
        yield


@contextlib.contextmanager
def off_the_hot_path(log_format: str) -> Iterator[None]:
    """Write the log while the context lasts from a thread of its own: no request waits for a disk.

    Lines are lost only if the process ends without leaving the context.
    """
    pending: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(pending, handler(log_format))
    listener.start()
    try:
        with _attached(_KeepsRecords(pending)):
            yield
    finally:
        listener.stop()


class _KeepsRecords(logging.handlers.QueueHandler):
    """Hands records over as they are: the base class would format them, traceback and all."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


@contextlib.contextmanager
def _attached(writer: logging.Handler) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.handlers for logger in loggers]
    for logger in loggers:
        logger.handlers = [writer]  # a worker has inherited one that writes at once
    logging.getLogger("flavorkit.serving").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, handlers in zip(loggers, before, strict=True):
            logger.handlers = handlers
