"""The target ``local``: each deployment is a server process of this machine.

It is ``flavorkit serve`` on the loopback address, in a session of its own, and goes on when the
process that made it has ended.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flavorkit.deployments import processes, records, served, settings
from flavorkit.deployments.records import Served
from flavorkit.docker.names import dns_label
from flavorkit.errors import DeploymentError

_ANNOUNCED = re.compile(rb"serving .* on (http://127\.0\.0\.1:[0-9]+)\b")
_ANNOUNCED_WITHIN = 1024 * 1024
# What `serve` grants when it is not told otherwise, in seconds, and what ending takes beyond that.
_GRACE, _DRAIN, _ENDING = 30.0, 1.0, 10.0
# Every way for others to have the server listen elsewhere than it is looked for.
_ADDRESS = ("FLAVORKIT_HOST", "FLAVORKIT_PORT", "MLFLOW_HOST", "MLFLOW_PORT")

HELP = """\
local (or process): a server process of this machine for each deployment.

It listens on the loopback address and goes on when the one that made it has ended. Nothing stands
after the name of the target. Settings (config=, or -C NAME=VALUE):

  port              the port; any free one when not given
  ready_seconds     how long it may take to become ready (300)
  trust             how far to trust where the model comes from: signed, data, all, sha256:...
  timeout           how many seconds a request may take (60)
  workers           how many processes serve the model
  env_manager       local, uv, virtualenv or conda: where the model runs
"""


class LocalClient(served.ServedClient[Served]):
    """Deployments that are processes of this machine."""

    def _open(self, target: str) -> served.Place[Served]:
        return _Processes()


def run_local(
    name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None
) -> None:
    """Serve a model in the foreground until it is interrupted.

    Raises:
        DeploymentError: the server failed; it has said why on standard error.
    """
    wanted = settings.read(config, _Processes.settings)
    order = served.Order(
        dns_label(name), settings.model_uri(model_uri), wanted, int(wanted.get("port", 5000))
    )
    with contextlib.suppress(KeyboardInterrupt):
        done = subprocess.run(_command(order), env=_environment(), check=False)
        if done.returncode > 0:
            raise DeploymentError(f"the server ended with status {done.returncode}")


def target_help() -> str:
    """What there is to know of the target."""
    others = sorted({*_Processes.settings} - {*re.findall(r"^  (\w+)", HELP, re.MULTILINE)})
    return f"{HELP}\nand, as options of `flavorkit serve`: {', '.join(others)}\n"


class _Processes(served.Place[Served]):
    """Servers as processes, remembered in files."""

    settings = records.SETTINGS

    def locked(self, name: str) -> AbstractContextManager[None]:
        return records.locked(name)

    def instances(self, name: str | None = None) -> Sequence[Served]:
        names = records.names() if name is None else [name]
        return [instance for each in names for instance in records.read(each)]

    def start(self, order: served.Order) -> Served:
        log = records.new_log(order.name)
        try:
            process = processes.start(_command(order), _environment(), log)
        except BaseException:
            log.unlink(missing_ok=True)
            raise
        instance = Served(
            name=order.name,
            model_uri=order.model_uri,
            config=order.config,
            created=order.created,
            pid=process.pid,
            started=process.started,
            log=str(log),
        )
        try:
            records.write(order.name, [*records.read(order.name), instance])
        except BaseException:
            self._end(instance)
            raise
        return instance

    def look(self, instance: Served) -> Served:
        if instance.url is not None:
            return instance
        with contextlib.suppress(OSError), Path(instance.log).open("rb") as log:
            announced = _ANNOUNCED.search(log.read(_ANNOUNCED_WITHIN))
            if announced:
                return replace(instance, url=announced[1].decode())
        return instance

    def settle(self, instance: Served, model: Mapping[str, Any]) -> Served:
        settled = replace(instance, flavor=model.get("flavor"), digest=model.get("digest"))
        self._replace(instance, settled)
        return settled

    def is_running(self, instance: Served) -> bool:
        return instance.process.is_running

    def log(self, instance: Served) -> str:
        return processes.tail(Path(instance.log))

    def stop(self, instance: Served) -> None:
        self._end(instance)
        self._replace(instance)

    def _end(self, instance: Served) -> None:
        grace = float(instance.config.get("grace", _GRACE))
        drain = float(instance.config.get("drain", _DRAIN))
        instance.process.stop(grace + drain + _ENDING)
        Path(instance.log).unlink(missing_ok=True)

    def _replace(self, instance: Served, *by: Served) -> None:
        others = [one for one in records.read(instance.name) if one.process != instance.process]
        records.write(instance.name, [*others, *by])


def _command(order: served.Order) -> list[str]:
    """The command of a server; each value is in one argument with the option that it is of."""
    return [
        # -P: what happens to lie in the working folder is not imported.
        *(sys.executable, "-P", "-m", "flavorkit", "serve"),
        *(f"--model-uri={order.model_uri}", f"--name={order.name}"),
        *("--host=127.0.0.1", f"--port={order.port}"),
        *settings.serve_options(order.config),
    ]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _ADDRESS}
