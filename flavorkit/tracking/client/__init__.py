"""The client of the stores: every call names what it is about."""

from __future__ import annotations

from flavorkit.tracking.client.experiments import Experiments
from flavorkit.tracking.client.logged_models import LoggedModels
from flavorkit.tracking.client.registry import ModelVersions, RegisteredModels
from flavorkit.tracking.client.tables import Tables

__all__ = ["FlavorkitClient", "MLflowClient", "MlflowClient"]


class FlavorkitClient(Experiments, Tables, LoggedModels, RegisteredModels, ModelVersions):
    """Experiments, runs, logged models and registered models, each named in every call.

    The functions of ``flavorkit`` itself, such as :func:`flavorkit.log_metric`, do the same for the
    active run.

    Args:
        tracking_uri: where runs are: ``sqlite:///file.db``, ``postgresql://...``, ``http(s)://...``
            or a folder; what :func:`flavorkit.set_tracking_uri` says if None.
        registry_uri: where registered models are; what :func:`flavorkit.set_registry_uri` says if
            None, else where runs are.
    """

    def __repr__(self) -> str:
        return f"<FlavorkitClient {_without_password(self._tracking_uri)}>"


MlflowClient = FlavorkitClient
MLflowClient = FlavorkitClient


def _without_password(uri: str) -> str:
    head, at, tail = uri.rpartition("@")
    scheme, separator, _ = head.partition("://")
    return f"{scheme}{separator}...@{tail}" if at and separator else uri
