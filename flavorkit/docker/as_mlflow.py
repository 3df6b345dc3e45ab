"""Building images under MLflow's names."""

from __future__ import annotations

from typing import Any

from flavorkit.docker.build import DEFAULT_NAME, build_image
from flavorkit.docker.plan import Options
from flavorkit.errors import InvalidArgumentError
from flavorkit.trust.policy import Trust

_ENV_MANAGERS = (None, "local", "uv", "virtualenv")


def build_docker(  # noqa: PLR0917 - MLflow has them in this order
    model_uri: str | None = None,
    name: str = DEFAULT_NAME,
    env_manager: str | None = None,
    mlflow_home: Any = None,
    install_java: bool = False,
    install_mlflow: bool = False,
    base_image: str | None = None,
    *,
    trust: Trust = None,
) -> None:
    """Build an image of a model, as ``mlflow.models.build_docker`` does.

    :func:`flavorkit.docker.build.build_image` has all that an image can be asked for.

    Args:
        model_uri: the model's folder or URI; None for an image that is given one when it is
            started.
        name: of the image.
        env_manager: as in MLflow; an image has one environment, which uv makes.
        mlflow_home: nothing; MLflow has it.
        install_java: put a Java runtime into the image.
        install_mlflow: nothing; MLflow has it.
        base_image: what the image stands on.
        trust: as in :func:`flavorkit.load_model`.

    Raises:
        InvalidArgumentError: conda is asked for, or a name is malformed.
        MissingDependencyError: no engine is installed.
        ImageBuildError: the engine fails.
        TrustError: ``trust`` does not let the model's packages and its code run.
    """
    if env_manager not in _ENV_MANAGERS:
        raise InvalidArgumentError(
            f"an image has no environment of {env_manager}: its packages are installed by uv"
        )
    options = Options(base_image=base_image, install_java=install_java)
    build_image(model_uri, name, trust=trust, options=options)
