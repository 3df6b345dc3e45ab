"""The manifest of KServe: an InferenceService whose predictor is the image.

One manifest is for KServe on Knative and for KServe without it. Knative takes neither a named port
nor a time to stop, so the server is told to stop within the 30 seconds that a pod has otherwise.
"""

from __future__ import annotations

from typing import Any

from flavorkit.docker import names
from flavorkit.docker.deploy import Document, pod
from flavorkit.docker.deploy.workload import Scale, Workload
from flavorkit.errors import InvalidArgumentError

_DEFAULTS = {"FLAVORKIT_DRAIN": "5", "FLAVORKIT_GRACE": "20"}
# Names of hosts and services are made from it, of which none may be longer than 63.
_LONGEST_NAME = 63 - len("-predictor-00001")


def document(workload: Workload, scale: Scale, namespace: str | None = None) -> Document:
    """An InferenceService.

    Args:
        workload: what runs.
        scale: how many pods of it; none at least lets Knative end all while nobody asks.
        namespace: where; if not given, wherever the manifest is applied.

    Raises:
        InvalidArgumentError: the namespace is none, or the name is too long for KServe.
    """
    if len(workload.name) > _LONGEST_NAME:
        raise InvalidArgumentError(
            f"{workload.name!r} is too long for KServe, which makes other names from it; choose one"
            f" of at most {_LONGEST_NAME} characters"
        )
    metadata: dict[str, Any] = {"name": workload.name}
    if namespace is not None:
        metadata["namespace"] = names.namespace(namespace)
    metadata["labels"] = {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/managed-by": "flavorkit",
    }
    metadata["annotations"] = pod.scraping()  # KServe hands them on to the pods
    container = pod.container(
        workload,
        name="kserve-container",  # the one that KServe knows as the server
        environment=workload.environment(_DEFAULTS),
        port_name=None,
    )
    predictor = {
        "minReplicas": scale.replicas,
        "maxReplicas": scale.max_replicas,
        **pod.isolation(),
        "containers": [container],
        "volumes": pod.volumes(),
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": predictor},
    }
