"""Predict in a process of its own, in the environment that the model was saved with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flavorkit.errors import PredictionError
from flavorkit.signature.example import Example
from flavorkit.trust.policy import Trust


def predict(  # noqa: PLR0917 - MLflow takes these by position
    model_uri: str | Path,
    input_data: Any = None,
    input_path: str | Path | None = None,
    content_type: Literal["json", "csv"] = "json",
    output_path: str | Path | None = None,
    env_manager: Literal["local", "uv", "virtualenv", "conda"] = "uv",
    *,
    extra_envs: Mapping[str, str] | None = None,
    trust: Trust = None,
    allow_requirement_options: bool = False,
) -> str | None:
    """Do what ``flavorkit predict`` does, to see whether a model works where it will be served.

    Args:
        model_uri: the model.
        input_data: a frame, an array, a list or a dict; or a text of ``content_type``.
        input_path: the file to read instead.
        content_type: what the text or the file is.
        output_path: the file to write; without one the answer is returned.
        env_manager: what makes the environment; "local" is that of this process.
        extra_envs: environment variables for the process.
        trust: as of :func:`flavorkit.load_model`.
        allow_requirement_options: let the model's requirements name URLs, paths and pip's options.

    Returns:
        The answer as JSON text, or None with ``output_path``.

    Raises:
        PredictionError: it does not work; the message is what the process said.
        TypeError: neither or both of ``input_data`` and ``input_path`` are given.
    """
    if (input_data is None) == (input_path is None):
        raise TypeError("pass either input_data or input_path")
    # -P: what happens to lie in the working folder is not imported in place of what is installed.
    command = [sys.executable, "-P", "-m", "flavorkit", "predict", "-m", str(model_uri)]
    command += ["--env-manager", env_manager, "--quiet"]
    policies = [trust] if isinstance(trust, str) else list(trust or ())
    for policy in policies:
        command += ["--trust", policy]
    if allow_requirement_options:
        command.append("--allow-requirement-options")
    kind = content_type if input_path is not None or isinstance(input_data, str) else "json"
    command += ["-t", kind, "--output-type", "json"]
    if input_path is not None:
        command += ["-i", str(input_path)]
    if output_path is not None:
        command += ["-o", str(output_path)]
    done = subprocess.run(
        command,
        input=None if input_path is not None else _body_of(input_data),
        env={**os.environ, **(extra_envs or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PredictionError(done.stderr.strip().removeprefix("Error: "))
    return None if output_path is not None else done.stdout


def _body_of(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(Example.of(data).request)
