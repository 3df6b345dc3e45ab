"""What every place to deploy to can do; a plug-in derives its client from this.

The signatures are those of MLflow's ``mlflow.deployments.BaseDeploymentClient``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flavorkit.errors import UnsupportedByTargetError

Config = Mapping[str, Any]
"""Settings of a deployment, each known to its target by name."""


class BaseDeploymentClient(ABC):
    """Makes, changes, asks and removes the deployments at one target.

    Args:
        target_uri: the URI that the target was asked for by; what follows its name is the target's
            to read.
    """

    def __init__(self, target_uri: str) -> None:
        self.target_uri = target_uri

    @abstractmethod
    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Config | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Deploy a model, and return when it can be asked for predictions.

        Args:
            name: of the deployment, unlike that of any other.
            model_uri: the model.
            flavor: the flavor to run it by; the target's choice if None.
            config: settings that the target knows.
            endpoint: where to put it, at a target that has endpoints.

        Returns:
            What is known of the deployment, its ``name`` at least.

        Raises:
            AlreadyExistsError: the name is taken.
            InvalidArgumentError: the name breaks a rule, or a setting is unknown.
        """

    @abstractmethod
    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Config | None = None,
        endpoint: str | None = None,
    ) -> Any:
        """Change the model or the settings of a deployment; what is None stays as it is.

        Raises:
            NotFoundError: there is no such deployment.
        """

    @abstractmethod
    def delete_deployment(
        self, name: str, config: Config | None = None, endpoint: str | None = None
    ) -> Any:
        """Remove a deployment. It is no error if there is none."""

    @abstractmethod
    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """What is known of each deployment, its ``name`` at least."""

    @abstractmethod
    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """What is known of one deployment, its ``name`` at least.

        Raises:
            NotFoundError: there is no such deployment.
        """

    @abstractmethod
    def predict(
        self,
        deployment_name: str | None = None,
        inputs: Any = None,
        endpoint: str | None = None,
    ) -> Any:
        """What a deployment predicts on ``inputs``.

        Raises:
            NotFoundError: there is no such deployment.
        """

    def predict_stream(
        self,
        deployment_name: str | None = None,
        inputs: Any = None,
        endpoint: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The parts of an answer, one after another.

        Raises:
            UnsupportedByTargetError: the target cannot do that.
        """
        self._cannot("answer in parts")

    def explain(
        self, deployment_name: str | None = None, df: Any = None, endpoint: str | None = None
    ) -> Any:
        """Why a deployment predicts what it does on ``df``.

        Raises:
            UnsupportedByTargetError: the target cannot do that.
        """
        self._cannot("explain predictions")

    def create_endpoint(self, name: str, config: Config | None = None) -> dict[str, Any]:
        """Make a place for deployments; what is known of it, its ``name`` at least.

        Raises:
            UnsupportedByTargetError: the target has no endpoints.
        """
        self._cannot("make endpoints")

    def update_endpoint(self, endpoint: str, config: Config | None = None) -> Any:
        """Change the settings of an endpoint.

        Raises:
            UnsupportedByTargetError: the target has no endpoints.
        """
        self._cannot("change endpoints")

    def delete_endpoint(self, endpoint: str) -> Any:
        """Remove an endpoint. It is no error if there is none.

        Raises:
            UnsupportedByTargetError: the target has no endpoints.
        """
        self._cannot("remove endpoints")

    def list_endpoints(self) -> list[dict[str, Any]]:
        """What is known of each endpoint, its ``name`` at least.

        Raises:
            UnsupportedByTargetError: the target has no endpoints.
        """
        self._cannot("list endpoints")

    def get_endpoint(self, endpoint: str) -> dict[str, Any]:
        """What is known of one endpoint, its ``name`` at least.

        Raises:
            UnsupportedByTargetError: the target has no endpoints.
        """
        self._cannot("show endpoints")

    def _cannot(self, what: str) -> NoReturn:
        raise UnsupportedByTargetError(f"the target {self.target_uri!r} cannot {what}")
