from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from flavorkit.descriptor import ModelDescriptor
from flavorkit.environment.choice import RequirementsLike
from flavorkit.signature import ModelSignature
from flavorkit.tracking.fluent.log_model import LoggedModelInfo
from flavorkit.trust.policy import Trust

def save_model(
    fastai_learner: Any,
    path: str | Path,
    *,
    code_paths: str | Path | Sequence[str | Path] | None = None,
    signature: ModelSignature | Literal[False] | None = None,
    input_example: Any = None,
    pip_requirements: RequirementsLike | None = None,
    extra_pip_requirements: RequirementsLike | None = None,
    conda_env: Mapping[str, Any] | str | Path | None = None,
    allow_requirement_options: bool = False,
    metadata: Mapping[str, Any] | None = None,
    extra_files: str | Path | Sequence[str | Path] = (),
    overwrite: bool = False,
) -> ModelDescriptor: ...
def log_model(
    fastai_learner: Any,
    artifact_path: str | None = None,
    *,
    code_paths: str | Path | Sequence[str | Path] | None = None,
    name: str | None = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = 300,
    run_id: str | None = None,
    model_type: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    step: int = 0,
    model_id: str | None = None,
    signature: ModelSignature | Literal[False] | None = None,
    input_example: Any = None,
    pip_requirements: RequirementsLike | None = None,
    extra_pip_requirements: RequirementsLike | None = None,
    conda_env: Mapping[str, Any] | str | Path | None = None,
    allow_requirement_options: bool = False,
    metadata: Mapping[str, Any] | None = None,
    extra_files: str | Path | Sequence[str | Path] = (),
) -> LoggedModelInfo: ...
def load_model(
    model_uri: str | Path, dst_path: str | Path | None = None, *, trust: Trust = None
) -> Any: ...
