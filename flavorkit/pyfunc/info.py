"""What a saved model says of itself, under the names that MLflow's ``ModelInfo`` has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flavorkit import uris
from flavorkit.descriptor import ModelDescriptor
from flavorkit.signature import ModelSignature


@dataclass(frozen=True)
class ModelInfo:
    """A model's MLmodel file, and where it was found."""

    model_uri: str
    flavors: Mapping[str, Mapping[str, Any]]
    signature: ModelSignature | None
    saved_input_example_info: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    model_uuid: str | None
    model_id: str | None
    run_id: str | None
    artifact_path: str | None
    utc_time_created: str | None
    flavorkit_version: str | None
    mlflow_version: str | None


def get_model_info(model_uri: str | Path) -> ModelInfo:
    """What the model at ``model_uri`` says of itself; nothing of it is loaded.

    Raises:
        NotFoundError: there is no such model.
        DescriptorError: its MLmodel file is missing or malformed.
    """
    found = ModelDescriptor.read(uris.fetch(model_uri))
    return ModelInfo(
        model_uri=str(model_uri),
        **{name: getattr(found, name) for name in ModelInfo.__annotations__ if name != "model_uri"},
    )
