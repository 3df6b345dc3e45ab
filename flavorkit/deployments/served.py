"""Deployments that are servers on this machine, whatever runs them.

A deployment is made of instances: one, and two while it is updated. Should the update be killed,
the next change finds both and removes what is left over.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from flavorkit.deployments import calls, settings
from flavorkit.deployments.base import BaseDeploymentClient, Config
from flavorkit.deployments.predictions import PredictionsResponse
from flavorkit.docker.names import dns_label
from flavorkit.errors import (
    AlreadyExistsError,
    DeploymentError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedByTargetError,
)

_POLL_SECONDS = 0.05
_READY_SECONDS = 300.0
_TIMEOUT_SECONDS = 60.0
# What a server takes beyond the limit of its model's time, to say that it was reached.
_ANSWER_SECONDS = 10.0
_PYFUNC = "python_function"

COMMON: dict[str, settings.Reader] = {
    "port": settings.port,
    "ready_seconds": settings.seconds,
    "timeout": settings.seconds,
    "trust": settings.trust,
}
"""The settings that every target here has."""


@dataclass(frozen=True)
class Instance:
    """A server that was started for a deployment."""

    name: str
    model_uri: str
    config: dict[str, Any]
    created: str
    url: str | None = None
    flavor: str | None = None
    digest: str | None = None

    def facts(self) -> dict[str, Any]:
        """What else there is to know of it."""
        return {}


@dataclass(frozen=True)
class Order:
    """What is to be started."""

    name: str
    model_uri: str
    config: dict[str, Any]
    port: int = 0
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


T = TypeVar("T", bound=Instance)


class Place(ABC, Generic[T]):
    """What runs servers."""

    settings: ClassVar[Mapping[str, settings.Reader]]
    """The settings it knows."""

    @abstractmethod
    def locked(self, name: str) -> AbstractContextManager[None]:
        """While it lasts, nobody else changes the deployment of that name."""

    @abstractmethod
    def instances(self, name: str | None = None) -> Sequence[T]:
        """The instances of one deployment, or of all, the oldest first."""

    @abstractmethod
    def start(self, order: Order) -> T:
        """Start an instance, and remember it; it need not be ready."""

    @abstractmethod
    def look(self, instance: T) -> T:
        """The instance with its URL, when that is known."""

    @abstractmethod
    def settle(self, instance: T, model: Mapping[str, Any]) -> T:
        """Remember what an instance that is ready says of its model."""

    @abstractmethod
    def is_running(self, instance: T) -> bool:
        """Whether it lives, ready or not."""

    @abstractmethod
    def log(self, instance: T) -> str:
        """What it said last."""

    @abstractmethod
    def stop(self, instance: T) -> None:
        """Let it finish what it has begun, and forget it. It may have ended already."""


class ServedClient(BaseDeploymentClient, Generic[T]):
    """The client of a :class:`Place`.

    Args:
        target_uri: the target's name, and nothing after it.

    Raises:
        InvalidArgumentError: something stands after it.
    """

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        if ":" in target_uri:
            raise InvalidArgumentError(
                f"{target_uri!r}: nothing stands after the name of this target"
            )
        self._place = self._open(target_uri)

    @abstractmethod
    def _open(self, target: str) -> Place[T]: ...

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Config | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Start a server of the model, and return when it is ready.

        Args:
            name: up to 63 of a-z, 0-9 and hyphens.
            model_uri: the model.
            flavor: the model's own flavor, or ``python_function``; anything else is an error.
            config: the settings; see docs/deployments.md.
            endpoint: none; there are no endpoints.

        Raises:
            AlreadyExistsError: the name is taken.
            InvalidArgumentError: the name, the model or a setting breaks a rule.
            DeploymentError: the server has not become ready; nothing of it is left.
        """
        self._refuse(endpoint)
        wanted = settings.read(config, self._place.settings)
        order = Order(
            dns_label(name), settings.model_uri(model_uri), wanted, int(wanted.get("port", 0))
        )
        with self._place.locked(name):
            if self._place.instances(name):
                raise AlreadyExistsError(
                    f"there is a deployment {name!r} at {self.target_uri} already; update or"
                    " delete it"
                )
            return self._described(self._started(order, flavor))

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Config | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Start a server anew, and stop the one before when the new one is ready.

        Args:
            name: of the deployment.
            model_uri: the model; the one before if None.
            flavor: as of :meth:`create_deployment`.
            config: the settings that change; a value of None unsets one.
            endpoint: none; there are no endpoints.

        Returns:
            What is known of the deployment now.

        Raises:
            NotFoundError: there is no such deployment.
            InvalidArgumentError: the model or a setting breaks a rule.
            DeploymentError: the new server has not become ready; the one before goes on.
        """
        self._refuse(endpoint)
        place = self._place
        with place.locked(dns_label(name)):
            before = self._current(name)
            wanted = settings.read(config, place.settings, before.config)
            uri = before.model_uri if model_uri is None else settings.model_uri(model_uri)
            port = int(wanted.get("port", 0))
            old = place.instances(name)
            # A port that the old server holds is free when that has gone; until then, another does.
            is_held = port > 0 and any(_holds(place.look(one), port) for one in old)
            fresh = self._started(Order(name, uri, wanted, 0 if is_held else port), flavor)
            for instance in old:
                place.stop(instance)
            if is_held:
                interim, fresh = fresh, self._started(Order(name, uri, wanted, port), flavor)
                place.stop(interim)
            return self._described(fresh)

    def delete_deployment(
        self, name: str, config: Config | None = None, endpoint: str | None = None
    ) -> None:
        """Stop the server when it has answered what it has begun, and forget the deployment.

        It is no error if there is none.

        Raises:
            InvalidArgumentError: there are settings, of which none is known here.
        """
        self._refuse(endpoint)
        settings.read(config, {})
        with self._place.locked(dns_label(name)):
            for instance in self._place.instances(name):
                self._place.stop(instance)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What is known of each deployment, in the order of their names."""
        self._refuse(endpoint)
        found: dict[str, list[T]] = {}
        for instance in self._place.instances():
            found.setdefault(instance.name, []).append(instance)
        return [self._described(self._chosen(found[name])) for name in sorted(found)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """What is known of one deployment.

        Returns:
            ``name``; ``status``, which is ``ready``, ``starting`` or ``stopped``; ``url``,
            ``flavor``, ``model_uri``, ``digest``, ``config``, ``created``; and what the target has.

        Raises:
            NotFoundError: there is no such deployment.
        """
        self._refuse(endpoint)
        return self._described(self._current(dns_label(name)))

    def predict(
        self,
        deployment_name: str | None = None,
        inputs: Any = None,
        endpoint: str | None = None,
    ) -> PredictionsResponse:
        """What a deployment predicts.

        Args:
            deployment_name: which.
            inputs: a frame, an array, a list, a dict of columns, each perhaps in a tuple with a
                dict of parameters; or a dict that is a request to ``/invocations`` already.
            endpoint: none; there are no endpoints.

        Raises:
            NotFoundError: there is no such deployment.
            InvalidInputError: the inputs do not fit the model.
            DeploymentError: the deployment has stopped, or the model failed.
        """
        self._refuse(endpoint)
        if deployment_name is None:
            raise InvalidArgumentError("name a deployment to predict with")
        instance = self._place.look(self._current(dns_label(deployment_name)))
        if instance.url is None or not self._place.is_running(instance):
            raise DeploymentError(
                f"the deployment {deployment_name!r} does not run; update it to start it again",
                self._place.log(instance),
            )
        limit = float(instance.config.get("timeout", _TIMEOUT_SECONDS))
        return calls.predict(instance.url, inputs, limit + _ANSWER_SECONDS)

    def _started(self, order: Order, flavor: str | None) -> T:
        """A new instance that is ready.

        Raises:
            DeploymentError: it is not, and was stopped.
            InvalidArgumentError: its model has another flavor, and it was stopped.
        """
        instance = self._place.start(order)
        try:
            instance = self._ready(instance)
            model = calls.model_of(instance.url)
            if flavor not in {None, _PYFUNC, model.get("flavor")}:
                raise InvalidArgumentError(
                    f"{order.model_uri} is of the flavor {model.get('flavor')}, not {flavor!r}"
                )
            return self._place.settle(instance, model)
        except BaseException:
            self._place.stop(instance)
            raise

    def _ready(self, instance: T) -> T:
        limit = float(instance.config.get("ready_seconds", _READY_SECONDS))
        deadline = time.monotonic() + limit
        what = f"the deployment {instance.name!r} of {instance.model_uri}"
        while time.monotonic() < deadline:
            is_running = self._place.is_running(instance)
            instance = self._place.look(instance)
            if not is_running:
                raise DeploymentError(f"{what} has not started", self._place.log(instance))
            if instance.url is not None and calls.is_ready(instance.url):
                return instance
            time.sleep(_POLL_SECONDS)
        raise DeploymentError(
            f"{what} is not ready after {limit:g} seconds (ready_seconds)",
            self._place.log(instance),
        )

    def _current(self, name: str) -> T:
        instances = self._place.instances(name)
        if not instances:
            raise NotFoundError(f"there is no deployment {name!r} at {self.target_uri}")
        return self._chosen(instances)

    def _chosen(self, instances: Sequence[T]) -> T:
        """The newest that is ready; where none is, the newest."""
        if len(instances) > 1:
            for instance in reversed(instances):
                if self._status(self._place.look(instance)) == "ready":
                    return instance
        return instances[-1]

    def _status(self, instance: T) -> str:
        if not self._place.is_running(instance):
            return "stopped"
        is_ready = instance.url is not None and calls.is_ready(instance.url)
        return "ready" if is_ready else "starting"

    def _described(self, instance: T) -> dict[str, Any]:
        instance = self._place.look(instance)
        status = self._status(instance)
        model = {"flavor": instance.flavor, "digest": instance.digest}
        if status == "ready" and instance.flavor is None:
            model = calls.model_of(instance.url)
        config = dict(instance.config)
        if "env" in config:  # which may hold secrets
            config["env"] = dict.fromkeys(config["env"], "***")
        return {
            "name": instance.name,
            "status": status,
            "url": instance.url,
            "flavor": model.get("flavor"),
            "model_uri": instance.model_uri,
            "digest": model.get("digest"),
            "config": config,
            "created": instance.created,
            **instance.facts(),
        }

    def _refuse(self, endpoint: str | None) -> None:
        if endpoint is not None:
            raise UnsupportedByTargetError(f"the target {self.target_uri!r} has no endpoints")


def _holds(instance: Instance, port: int) -> bool:
    return instance.url is not None and instance.url.endswith(f":{port}")
