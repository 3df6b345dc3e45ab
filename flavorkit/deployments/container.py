"""The targets ``docker`` and ``podman``: each deployment is a container on this machine.

What there is to know of a deployment stands in the labels of its container, so the engine alone
remembers it. Nothing in the container can be written but ``/tmp``, and it has no privileges.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from flavorkit.deployments import records, served, settings
from flavorkit.deployments.engine import ENGINES, Engine
from flavorkit.docker.names import dns_label
from flavorkit.errors import DeploymentError, InvalidArgumentError

LABEL = "io.flavorkit.deployment"
_MODEL, _CONFIG, _CREATED = f"{LABEL}.model", f"{LABEL}.config", f"{LABEL}.created"
_PORT = "8080"
_STOP_SECONDS = 40
_RUN_SECONDS = 900.0  # it may fetch the image
_LOG_LINES = 50
_CONFINED = (
    *("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL"),
    "--security-opt=no-new-privileges",
)

HELP = """\
docker, podman (or container, for the first of them that is installed): a container on this machine
for each deployment.

Its port is published on the loopback address only; nothing in it can be written but /tmp, and it
has no privileges. Nothing stands after the name of the target. Settings (config=, or
-C NAME=VALUE):

  image             a ready image, in place of one that is built for the model
  port              the port; any free one when not given
  ready_seconds     how long it may take to become ready (300)
  cpus, memory      what it may use, such as 1.5 and 512m
  env               environment variables, an object of JSON
  timeout           how many seconds a request may take (60)
  trust             how far to trust where the model comes from when its image is built
  engine            docker or podman; what the target is called, and there to be checked
"""


@dataclass(frozen=True, kw_only=True)
class Contained(served.Instance):
    """An instance that is a container."""

    container: str
    image: str

    def facts(self) -> dict[str, Any]:
        """Its container, and the image that it is of."""
        return {"container": self.container[:12], "image": self.image}


class ContainerClient(served.ServedClient[Contained]):
    """Deployments that are containers on this machine."""

    def _open(self, target: str) -> served.Place[Contained]:
        return _Containers(_engine_of(target))


def run_local(
    name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None
) -> None:
    """Serve a model by a container in the foreground, until it is interrupted.

    Raises:
        DeploymentError: the container failed; it has said why on standard error.
    """
    wanted = settings.read(config, _Containers.settings)
    place = _Containers(_engine_of(str(wanted.get("engine", "container"))))
    order = served.Order(
        dns_label(name), settings.model_uri(model_uri), wanted, int(wanted.get("port", 5000))
    )
    with place.command(order, "--rm") as command, contextlib.suppress(KeyboardInterrupt):
        done = subprocess.run([place.engine.path, *command], check=False)
        if done.returncode > 0:
            raise DeploymentError(f"the container ended with status {done.returncode}")


def target_help() -> str:
    """What there is to know of the target."""
    return HELP


def _engine_of(target: str) -> Engine:
    return Engine.of(*(ENGINES if target == "container" else (target,)))


class _Containers(served.Place[Contained]):
    """Servers as containers of one engine."""

    settings = {  # noqa: RUF012 - of the class, and not changed
        **served.COMMON,
        "image": settings.image,
        "cpus": settings.cpus,
        "memory": settings.memory,
        "env": settings.variables,
        "engine": settings.one_of(*ENGINES),
    }

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def locked(self, name: str) -> AbstractContextManager[None]:
        # No deployment of the other target has such a name.
        return records.locked(f"{name}.{self.engine.name}")

    def instances(self, name: str | None = None) -> Sequence[Contained]:
        found = self.engine.containers(LABEL if name is None else f"{LABEL}={name}")
        # The engine's own time tells those apart that were made in one second.
        found.sort(key=lambda one: str(one.get("Created")))
        return [_contained(one) for one in found if _is_managed(one)]

    def start(self, order: served.Order) -> Contained:
        name = f"{_prefix(order.name)}{secrets.token_hex(4)}"
        with self.command(order, "--detach", f"--name={name}") as command:
            try:
                container = self.engine.run(*command, seconds=_RUN_SECONDS).split()[-1]
            except BaseException:
                # One whose port is taken is made all the same, and only not started.
                self.engine.look("rm", "--force", "--volumes", "--", name)
                raise
        return Contained(
            name=order.name,
            model_uri=order.model_uri,
            config=order.config,
            created=order.created,
            container=container,
            image=command[-1],
        )

    def look(self, instance: Contained) -> Contained:
        if instance.url is not None:
            return instance
        return replace(instance, url=_url_of(self._inspected(instance)))

    def settle(self, instance: Contained, model: Mapping[str, Any]) -> Contained:
        return replace(instance, flavor=model.get("flavor"), digest=model.get("digest"))

    def is_running(self, instance: Contained) -> bool:
        return bool(self._inspected(instance).get("State", {}).get("Running"))

    def log(self, instance: Contained) -> str:
        return self.engine.said(instance.container, _LOG_LINES)

    def stop(self, instance: Contained) -> None:
        if self._inspected(instance):
            limit = _STOP_SECONDS + 60.0
            self.engine.run(
                "stop", f"--time={_STOP_SECONDS}", "--", instance.container, seconds=limit
            )
            self.engine.run("rm", "--force", "--volumes", "--", instance.container)

    @contextlib.contextmanager
    def command(self, order: served.Order, *how: str) -> Iterator[list[str]]:
        """The arguments that run a container, as long as the context lasts.

        Raises:
            InvalidArgumentError: the settings contradict each other or the target.
        """
        config = order.config
        if config.get("engine", self.engine.name) != self.engine.name:
            raise InvalidArgumentError(
                f"this target is {self.engine.name}; for the other engine, deploy to the target"
                f" {config['engine']}"
            )
        image = self._image(order)
        labels = {
            LABEL: order.name,
            _MODEL: order.model_uri,
            _CONFIG: json.dumps(config),
            _CREATED: order.created,
        }
        limits = [f"--{name}={config[name]}" for name in ("cpus", "memory") if name in config]
        # In files: arguments can be seen by every user of the machine.
        with _lines(labels) as label_file, _lines(_variables(config)) as variable_file:
            yield [
                *("run", *how, *_CONFINED, *limits),
                f"--publish=127.0.0.1:{order.port or ''}:{_PORT}",
                f"--env-file={variable_file}",
                f"--label-file={label_file}",
                *("--", image),
            ]

    def _image(self, order: served.Order) -> str:
        ready = order.config.get("image")
        if ready is not None:
            if "trust" in order.config:
                raise InvalidArgumentError(
                    "an image that is ready says itself what it loads: leave out trust or image"
                )
            return str(ready)
        from flavorkit.docker.build import build_image

        name = f"flavorkit-{order.name}"
        trust = order.config.get("trust")
        return build_image(
            order.model_uri, name, trust=trust, engine=self.engine.name, quiet=True
        ).image

    def _inspected(self, instance: Contained) -> dict[str, Any]:
        """What the engine knows of a container; nothing if it has gone."""
        return next(iter(self.engine.described(instance.container)), {})


@contextlib.contextmanager
def _lines(values: Mapping[str, str]) -> Iterator[str]:
    """A file for its owner only, with a line for each value; none of them has a line's end."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="flavorkit-") as file:
        file.writelines(f"{key}={value}\n" for key, value in values.items())
        file.flush()
        yield file.name


def _prefix(name: str) -> str:
    return f"flavorkit-{name}-"


def _is_managed(known: Mapping[str, Any]) -> bool:
    """Whether a container is a deployment: labels come from images too, the name does not.

    What ``run_local`` runs has the labels, and is none.
    """
    name = known["Config"]["Labels"][LABEL]
    return str(known.get("Name")).removeprefix("/").startswith(_prefix(name))


def _contained(known: Mapping[str, Any]) -> Contained:
    """A container that the engine describes.

    Raises:
        DeploymentError: its labels are not what this module writes.
    """
    try:
        labels = known["Config"]["Labels"]
        return Contained(
            name=dns_label(labels[LABEL]),
            model_uri=str(labels[_MODEL]),
            config=settings.read(dict(json.loads(labels[_CONFIG])), _Containers.settings),
            created=str(labels[_CREATED]),
            url=_url_of(known),
            container=str(known["Id"]),
            image=str(known["Config"]["Image"]),
        )
    except (KeyError, TypeError, ValueError, InvalidArgumentError) as exc:
        raise DeploymentError(
            f"the container {known.get('Id')} has the label {LABEL}, but was not made by flavorkit:"
            f" {exc!r}; remove it"
        ) from None


def _url_of(known: Mapping[str, Any]) -> str | None:
    with contextlib.suppress(KeyError, TypeError, IndexError, ValueError):
        published = known["NetworkSettings"]["Ports"][f"{_PORT}/tcp"][0]
        return f"http://127.0.0.1:{int(published['HostPort'])}"
    return None


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = {}
    if "timeout" in config:
        variables["FLAVORKIT_SCORING_SERVER_REQUEST_TIMEOUT"] = f"{config['timeout']:g}"
    return {**variables, **config.get("env", {})}
