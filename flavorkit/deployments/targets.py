"""Where models can be deployed to: the name before the first colon of a URI names a module.

Such a module has a function ``run_local``, a function ``target_help``, and one subclass of
:class:`flavorkit.deployments.BaseDeploymentClient`, as the plug-ins of MLflow have.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from flavorkit.deployments.base import BaseDeploymentClient
from flavorkit.errors import BrokenTargetError, InvalidArgumentError, NotFoundError
from flavorkit.tracking import environ

ENTRY_POINT_GROUP = "flavorkit.deployments"

# Those of other distributions stand under the entry-point group above, and are looked up alike.
BUILTIN = {
    "local": "flavorkit.deployments.process",
    "process": "flavorkit.deployments.process",
    "docker": "flavorkit.deployments.container",
    "podman": "flavorkit.deployments.container",
    "container": "flavorkit.deployments.container",
}
_URI = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.+-]*)(?::.*)?")
_set_target: str | None = None


@dataclass(frozen=True)
class Target:
    """What a module says that deploys models."""

    client: type[BaseDeploymentClient]
    run_local: Callable[..., Any]
    help: Callable[[], str]

    @classmethod
    def of(cls, module: Any) -> Target:
        """The target that ``module`` is.

        Raises:
            TypeError: it is none; the message says what is missing.
        """
        missing = [name for name in ("run_local", "target_help") if not hasattr(module, name)]
        if missing:
            raise TypeError(f"it has no {' and no '.join(missing)}")
        clients = {
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, BaseDeploymentClient)
        } - {BaseDeploymentClient}
        if len(clients) != 1:
            found = ", ".join(sorted(client.__name__ for client in clients)) or "none"
            raise TypeError(
                "it must have one subclass of flavorkit.deployments.BaseDeploymentClient, and has"
                f" {found}"
            )
        return cls(clients.pop(), module.run_local, module.target_help)


def set_deployments_target(target: str | None) -> None:
    """Deploy to ``target`` from now on, in this process, where no other is named.

    Args:
        target: its URI; None for what the environment says.
    """
    global _set_target  # noqa: PLW0603 - MLflow's interface has one target of the process
    if target is not None:
        name_of(target)
    _set_target = target


def get_deployments_target() -> str:
    """The target that was set, else what ``FLAVORKIT_DEPLOYMENTS_TARGET`` says.

    Raises:
        InvalidArgumentError: neither says anything.
    """
    target = _set_target or environ.text("DEPLOYMENTS_TARGET")
    if target is None:
        raise InvalidArgumentError(
            "no target to deploy to is named: pass one, call set_deployments_target, or set"
            f" FLAVORKIT_DEPLOYMENTS_TARGET (known targets: {', '.join(known())})"
        )
    return target


def get_deploy_client(target_uri: str | None = None) -> BaseDeploymentClient:
    """The client that manages deployments at a target.

    Args:
        target_uri: the target, such as ``local`` or ``docker``; what
            :func:`get_deployments_target` says if None.

    Raises:
        InvalidArgumentError: no target is named anywhere.
        NotFoundError: nobody knows it; the message lists those there are.
        BrokenTargetError: a distribution adds it, and it cannot be used.
    """
    uri = target_uri or get_deployments_target()
    return find(uri).client(uri)


def run_local(
    target: str,
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Try a deployment on this machine; what it makes is not managed afterwards.

    The targets that come along serve until they are interrupted.

    Raises:
        NotFoundError: nobody knows the target.
    """
    find(target).run_local(name, model_uri, flavor, config)


def target_help(target: str) -> str:
    """What a target says of its URI and of its settings.

    Raises:
        NotFoundError: nobody knows the target.
    """
    return find(target).help()


def known() -> list[str]:
    """The names of all targets."""
    return sorted({*BUILTIN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))})


def name_of(target_uri: str) -> str:
    """The name in a target's URI.

    Raises:
        InvalidArgumentError: it has none.
    """
    match = _URI.fullmatch(target_uri)
    if match is None:
        raise InvalidArgumentError(f"{target_uri!r} is no target, such as local or name:/more")
    return match[1]


def find(target_uri: str) -> Target:
    """The target that a URI names.

    Raises:
        NotFoundError: nobody knows it; the message lists those there are.
        BrokenTargetError: a distribution adds it, and it cannot be used.
    """
    name = name_of(target_uri)
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == name]
    if name in BUILTIN:
        for point in points:
            warnings.warn(
                f"{_origin(point)} adds a target {name!r}, which is taken: flavorkit's own is used",
                stacklevel=3,
            )
        return Target.of(import_module(BUILTIN[name]))
    if not points:
        raise NotFoundError(f"no target is named {name!r} (known targets: {', '.join(known())})")
    if len(points) > 1:
        origins = " and ".join(map(_origin, points))
        raise BrokenTargetError(
            f"{origins} both add a target {name!r}, so neither is used; uninstall one of them"
        )
    try:
        return Target.of(points[0].load())
    except Exception as exc:
        raise BrokenTargetError(
            f"the target {name!r} of {_origin(points[0])} cannot be used:"
            f" {type(exc).__name__}: {exc}; update or uninstall that distribution"
        ) from exc


def _origin(point: EntryPoint) -> str:
    return f"the distribution {point.dist.name}" if point.dist else point.value
