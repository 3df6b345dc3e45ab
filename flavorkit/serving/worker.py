"""One worker process: loads the model, says that it is ready, serves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flavorkit.errors import FlavorkitError
from flavorkit.serving.settings import Settings
from flavorkit.serving.supervisor import GO, OVERRUN, Seat
from flavorkit.web import logs

if TYPE_CHECKING:
    from flavorkit.pyfunc import PyFuncModel

_LAST_WORDS_SECONDS = 0.2


def run_worker(
    seat: Seat,
    name: str,
    load: Callable[[], PyFuncModel],
    listener: socket.socket,
    settings: Settings,
    *,
    environ: Mapping[str, str],
    describe: Callable[[PyFuncModel], str],
) -> int:
    """Serve until SIGTERM; return the status to end with.

    Args:
        seat: what the process that watches this one has given it.
        name: the name the model is served under.
        load: loads it.
        listener: the server's socket.
        settings: the limits of the server.
        environ: variables to set before anything of the model is imported.
        describe: what to say of the loaded model when it is ready.
    """
    os.environ.update(environ)
    try:
        _serve(seat, name, load, listener, settings=settings, describe=describe)
    except FlavorkitError as exc:
        _tell(seat, error=exc.message)
        return 1
    except Exception as exc:  # noqa: BLE001 - the top of the process
        traceback.print_exc()
        _tell(seat, error=f"the model could not be loaded: {exc}")
        return 1
    return 0


def _serve(
    seat: Seat,
    name: str,
    load: Callable[[], PyFuncModel],
    listener: socket.socket,
    *,
    settings: Settings,
    describe: Callable[[PyFuncModel], str],
) -> None:
    from flavorkit.serving import server
    from flavorkit.serving.service import Shared

    loaded: list[PyFuncModel] = []

    def load_and_keep() -> PyFuncModel:
        loaded.append(load())
        return loaded[0]

    def on_ready() -> None:
        _tell(seat, ready=describe(loaded[0]))
        # Whoever has seen this worker answer must not be told by another process that none is
        # ready, so it accepts nothing before that one has stopped to accept.
        os.read(seat.lifeline, len(GO))
        asyncio.get_running_loop().add_reader(seat.lifeline, _stop_without_parent, seat.lifeline)

    shared = Shared(seat.numbers, seat.watch, seat.number, _end_soon)
    with logs.off_the_hot_path(settings.log_format):
        server.run(name, load_and_keep, listener, settings, shared=shared, on_ready=on_ready)


def _stop_without_parent(lifeline: int) -> None:
    """The process that watches this one is no more, so nobody would stop it."""
    asyncio.get_running_loop().remove_reader(lifeline)
    os.kill(os.getpid(), signal.SIGTERM)


def _end_soon() -> None:
    """End when those who were told so have read it; the model's thread cannot be ended."""
    asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, os._exit, OVERRUN)


def _tell(seat: Seat, **news: str) -> None:
    os.write(seat.news, json.dumps(news).encode() + b"\n")
