"""A compose file: the image of a model, and a tracking server beside it, on one machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flavorkit.docker.deploy import Document
from flavorkit.docker.deploy.workload import Workload, seconds_to_stop
from flavorkit.docker.names import Image
from flavorkit.docker.recipe import PORT, USER
from flavorkit.errors import InvalidArgumentError

_SERVER = "server"
_SERVER_PORT = 5000
_DATA = "/data"
# What the server may take to end begun requests, and a margin.
_SERVER_STOP_SECONDS = 35
_RELEASE = re.compile(r"[0-9][0-9A-Za-z.!+]*")
_HEALTHY = (
    f"import urllib.request as r; r.urlopen('http://127.0.0.1:{_SERVER_PORT}/health', timeout=3)"
)
# The image of a model has what its model needs, which is not what keeps runs.
_DOCKERFILE = f"""\
FROM python:3.11-slim
RUN pip install --no-cache-dir "flavorkit[tracking]=={{release}}"
RUN install -d -o {USER} -g {USER} {_DATA}
ENV HOME=/tmp
USER {USER}:{USER}
ENTRYPOINT ["flavorkit"]
"""


@dataclass(frozen=True)
class TrackingServer:
    """The service that remembers runs and models.

    Raises:
        InvalidArgumentError: the release is none.
    """

    release: str
    """Of flavorkit, for the image that is built if none is named."""

    image: Image | None = None
    """One whose entry point is the command ``flavorkit`` with the extra ``tracking``, and whose
    user may write in /data."""

    port: int = _SERVER_PORT
    """On the loopback address of the machine."""

    def __post_init__(self) -> None:
        if not _RELEASE.fullmatch(self.release):
            raise InvalidArgumentError(f"{self.release!r} is no release of flavorkit")


def document(workload: Workload, server: TrackingServer, port: int = PORT) -> Document:
    """A compose file with the services ``model`` and ``server``.

    Both listen on the loopback address alone, since neither asks who calls.

    Args:
        workload: what the service ``model`` runs.
        server: what the service ``server`` runs.
        port: where the model is served.

    Raises:
        InvalidArgumentError: both want one port, or a variable is no number of seconds.
    """
    if port == server.port:
        raise InvalidArgumentError(
            f"the model and the server cannot both listen on port {port}; choose others with --port"
            " and --server-port"
        )
    return {
        "name": workload.name,
        "services": {"model": _model(workload, port), _SERVER: _server(server)},
        "volumes": {"data": {}},
    }


def _model(workload: Workload, port: int) -> dict[str, Any]:
    tracking_uri = f"http://{_SERVER}:{_SERVER_PORT}"
    environment = workload.environment({"FLAVORKIT_TRACKING_URI": tracking_uri})
    service = {
        "image": str(workload.image),
        "ports": [f"127.0.0.1:{port}:{PORT}"],
        "environment": {name: _literal(value) for name, value in environment.items()},
        "cpus": workload.cpu.number,
        "mem_limit": workload.memory.byte_value,
        "stop_grace_period": f"{seconds_to_stop(environment)}s",
        **_isolation(),
    }
    # A model that is in its image needs no server to start.
    if workload.model_uri is not None:
        service["depends_on"] = {_SERVER: {"condition": "service_healthy"}}
    return service


def _server(server: TrackingServer) -> dict[str, Any]:
    if server.image is None:
        dockerfile = _DOCKERFILE.format(release=server.release)
        origin: dict[str, Any] = {"build": {"context": ".", "dockerfile_inline": dockerfile}}
    else:
        origin = {"image": str(server.image)}
    return {
        **origin,
        "command": [
            *("server", "--host", "0.0.0.0", "--port", str(_SERVER_PORT)),  # noqa: S104
            # Nobody else reaches it: the port below is on the loopback address.
            "--accept-no-auth",
            *("--allowed-hosts", _SERVER),
            *("--backend-store-uri", f"sqlite:///{_DATA}/flavorkit.db"),
            *("--artifacts-destination", f"{_DATA}/artifacts"),
        ],
        "ports": [f"127.0.0.1:{server.port}:{_SERVER_PORT}"],
        "volumes": [f"data:{_DATA}"],
        "healthcheck": {
            "test": ["CMD", "python", "-c", _HEALTHY],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "30s",
        },
        "stop_grace_period": f"{_SERVER_STOP_SECONDS}s",
        **_isolation(),
    }


def _isolation() -> dict[str, Any]:
    return {
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - of the container alone
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
    }


def _literal(value: str) -> str:
    """``value`` so that Compose puts no variable of the machine into it, as it does for $NAME."""
    return value.replace("$", "$$")
