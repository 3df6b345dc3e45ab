"""Manifests of Kubernetes: a Deployment and what belongs to it."""

from __future__ import annotations

from typing import Any

from flavorkit.docker import names
from flavorkit.docker.deploy import Document, pod
from flavorkit.docker.deploy.workload import Scale, Workload, seconds_to_stop

_PORT_NAME = "http"
_BUSY_PERCENT = 70
# A pod that ends is sent requests until every node has heard of it; that takes seconds.
_DEFAULTS = {"FLAVORKIT_DRAIN": "5"}


def documents(workload: Workload, scale: Scale, namespace: str | None = None) -> list[Document]:
    """A Deployment, a Service, a PodDisruptionBudget, and an autoscaler if there is a choice.

    Args:
        workload: what runs.
        scale: how many pods of it; at least one.
        namespace: where; if not given, wherever the manifests are applied.

    Raises:
        InvalidArgumentError: the namespace is none, or a variable is no number of seconds.
    """
    if namespace is not None:
        names.namespace(namespace)

    def document(api_version: str, kind: str, spec: dict[str, Any]) -> Document:
        metadata: dict[str, Any] = {"name": workload.name}
        if namespace is not None:
            metadata["namespace"] = namespace
        metadata["labels"] = _labels(workload)
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}

    scaled = scale.replicas < scale.max_replicas
    made = [
        document("apps/v1", "Deployment", _deployment(workload, None if scaled else scale)),
        document("v1", "Service", _service(workload)),
        document("policy/v1", "PodDisruptionBudget", _disruption_budget(workload)),
    ]
    if scaled:
        spec = _autoscaler(workload, scale)
        made.append(document("autoscaling/v2", "HorizontalPodAutoscaler", spec))
    return made


def _selector(workload: Workload) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/component": "scoring-server",
    }


def _labels(workload: Workload) -> dict[str, str]:
    return {**_selector(workload), "app.kubernetes.io/managed-by": "flavorkit"}


def _deployment(workload: Workload, scale: Scale | None) -> dict[str, Any]:
    """The Deployment, without a number of pods where an autoscaler sets it."""
    environment = workload.environment(_DEFAULTS)
    container = pod.container(workload, name="model", environment=environment, port_name=_PORT_NAME)
    return {
        **({} if scale is None else {"replicas": scale.replicas}),
        "selector": {"matchLabels": _selector(workload)},
        # A new pod is ready before an old one ends.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": {
            "metadata": {"labels": _labels(workload), "annotations": pod.scraping()},
            "spec": {
                **pod.isolation(),
                "terminationGracePeriodSeconds": seconds_to_stop(environment),
                "topologySpreadConstraints": [
                    _spread(workload, "topology.kubernetes.io/zone"),
                    _spread(workload, "kubernetes.io/hostname"),
                ],
                "containers": [container],
                "volumes": pod.volumes(),
            },
        },
    }


def _spread(workload: Workload, topology: str) -> dict[str, Any]:
    return {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _selector(workload)},
    }


def _service(workload: Workload) -> dict[str, Any]:
    port = {"name": _PORT_NAME, "port": 80, "targetPort": _PORT_NAME, "protocol": "TCP"}
    return {"type": "ClusterIP", "selector": _selector(workload), "ports": [port]}


def _disruption_budget(workload: Workload) -> dict[str, Any]:
    return {
        # Not a least number of pods: with a single one, no node could ever be drained.
        "maxUnavailable": 1,
        # Nor may a pod that does not get ready keep its node.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _selector(workload)},
    }


def _autoscaler(workload: Workload, scale: Scale) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": _BUSY_PERCENT}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
        "minReplicas": scale.replicas,
        "maxReplicas": scale.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
