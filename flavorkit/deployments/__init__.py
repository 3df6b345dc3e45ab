"""Deploy models: to this machine, to its container engine, and to wherever a plug-in reaches.

The names are those of MLflow's ``mlflow.deployments``, and a plug-in that was written for it works
when its class derives from :class:`BaseDeploymentClient` here.
"""

from __future__ import annotations

from flavorkit.deployments.base import BaseDeploymentClient
from flavorkit.deployments.predictions import PredictionsResponse
from flavorkit.deployments.targets import (
    get_deploy_client,
    get_deployments_target,
    run_local,
    set_deployments_target,
)

__all__ = [
    "BaseDeploymentClient",
    "PredictionsResponse",
    "get_deploy_client",
    "get_deployments_target",
    "run_local",
    "set_deployments_target",
]
