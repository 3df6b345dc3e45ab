"""What a deployment's server is asked over HTTP, always on the loopback address."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from flavorkit.deployments.predictions import PredictionsResponse
from flavorkit.errors import DeploymentError, InvalidArgumentError, InvalidInputError

# A body that has one of these is a request already; see docs/serving.md.
_REQUEST_KEYS = frozenset({"dataframe_split", "dataframe_records", "instances", "inputs"})
_PROBE_SECONDS = 5.0
_MESSAGE_LENGTH = 2000


def is_ready(url: str) -> bool:
    """Whether the server there should be sent requests.

    The servers of MLflow's own images have another name for the question.
    """
    status, _ = _get(f"{url}/health/ready")
    if status == 404:
        status, _ = _get(f"{url}/ping")
    return status == 200


def model_of(url: str | None) -> dict[str, Any]:
    """What the server there says of its model; nothing, if it is not one of ours."""
    body = b"" if url is None else _get(f"{url}/version")[1]
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(body)
        if isinstance(said, dict) and isinstance(said.get("model"), dict):
            return dict(said["model"])
    return {}


def predict(url: str, inputs: Any, timeout_seconds: float) -> PredictionsResponse:
    """What the model behind a server predicts.

    Args:
        url: the server.
        inputs: a frame, an array, a list, a dict of columns, each perhaps in a tuple with a dict of
            parameters; or a dict that is a request already.
        timeout_seconds: how long to wait for the answer.

    Raises:
        InvalidInputError: the inputs are of a kind that JSON cannot hold, or do not fit the model.
        DeploymentError: the server does not answer, or the model failed.
    """
    headers = {"Content-Type": "application/json"}
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "POST",
                f"{url}/invocations",
                body=body_of(inputs),
                headers=headers,
                redirect=False,
                timeout=urllib3.Timeout(connect=_PROBE_SECONDS, read=timeout_seconds),
            )
    except HTTPError as exc:
        raise DeploymentError(f"{url} does not answer: {exc}") from exc
    if answer.status == 200:
        return PredictionsResponse.from_json(answer.data)
    message = _message(answer.data) or f"{url} answered with status {answer.status}"
    if 400 <= answer.status < 500 and answer.status != 429:
        raise InvalidInputError(message)
    raise DeploymentError(message)


def body_of(inputs: Any) -> bytes:
    """The body of a request to ``/invocations``.

    Raises:
        InvalidArgumentError: there are no inputs.
        InvalidInputError: they are of a kind that JSON cannot hold.
    """
    from flavorkit.signature.example import convert_input_example_to_serving_input

    if is_request(inputs):
        from flavorkit.tables import strict_json

        return strict_json.encode(inputs)
    text = convert_input_example_to_serving_input(inputs)
    if text is None:
        raise InvalidArgumentError("there is nothing to predict on; pass inputs")
    return text.encode()


def is_request(inputs: Any) -> bool:
    """Whether they are a request to ``/invocations`` already."""
    return isinstance(inputs, dict) and bool(_REQUEST_KEYS & inputs.keys())


def _get(url: str) -> tuple[int, bytes]:
    """Status and body; 0 where nobody answers."""
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request("GET", url, redirect=False, timeout=_PROBE_SECONDS)
    except HTTPError:
        return 0, b""
    return answer.status, answer.data


def _message(body: bytes) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(body)
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            return str(said["message"])[:_MESSAGE_LENGTH]
    return ""
