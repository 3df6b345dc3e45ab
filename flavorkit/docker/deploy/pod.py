"""The container of a scoring server, the same in a Deployment and in an InferenceService."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flavorkit.docker.deploy.workload import Workload
from flavorkit.docker.recipe import PORT, USER

LIVE, READY = "/health/live", "/health/ready"
_TEMPORARY = "tmp"


def container(
    workload: Workload, *, name: str, environment: Mapping[str, str], port_name: str | None
) -> dict[str, Any]:
    """The container of ``workload``, which writes nowhere but in /tmp.

    Everything that keeps it in stands on the container, not on the pod: Knative refuses a security
    context of the pod unless its operator allows one.

    Args:
        workload: what runs.
        name: of the container.
        environment: its variables.
        port_name: of the port of the server, for those who ask for it by name.
    """
    named = {} if port_name is None else {"name": port_name}
    port = port_name or PORT
    resources = {"cpu": workload.cpu.quantity, "memory": workload.memory.quantity}
    return {
        "name": name,
        "image": str(workload.image),
        "ports": [{**named, "containerPort": PORT, "protocol": "TCP"}],
        "env": [{"name": key, "value": _literal(value)} for key, value in environment.items()],
        # The server starts a worker for each processor of the limit. With less asked for than
        # that, it would start more than it is given time for.
        "resources": {"requests": dict(resources), "limits": dict(resources)},
        # Five minutes to fetch, load and warm up the model, and no waiting when that is quick.
        "startupProbe": _probe(READY, port, every=2, timeout=3, failures=150),
        # A model that hangs is the server's to replace; only a server that is gone is restarted.
        "livenessProbe": _probe(LIVE, port, every=10, timeout=5, failures=3),
        "readinessProbe": _probe(READY, port, every=5, timeout=3, failures=2),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": _TEMPORARY, "mountPath": "/tmp"}],  # noqa: S108 - its own
    }


def volumes() -> list[dict[str, Any]]:
    """What :func:`container` mounts."""
    return [{"name": _TEMPORARY, "emptyDir": {}}]


def isolation() -> dict[str, Any]:
    """What else a pod with such a container says of itself.

    With service links, a service that is called "flavorkit" or "mlflow" would set FLAVORKIT_PORT or
    MLFLOW_PORT to a URL, which the server would take for its own setting.
    """
    return {"automountServiceAccountToken": False, "enableServiceLinks": False}


def scraping() -> dict[str, str]:
    """Annotations by which Prometheus finds the metrics of a pod."""
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": "/metrics",
    }


def _probe(
    path: str, port: str | int, *, every: int, timeout: int, failures: int
) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": every,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _literal(value: str) -> str:
    """``value`` so that Kubernetes puts no other variable into it, as it does for ``$(NAME)``."""
    return value.replace("$", "$$")
