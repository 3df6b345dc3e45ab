"""Try a request on a model without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flavorkit.errors import RequestError
from flavorkit.pyfunc.model import load_model
from flavorkit.trust.policy import Trust


def validate_serving_input(
    model_uri: str | Path, serving_input: str | Mapping[str, Any], *, trust: Trust = None
) -> Any:
    """What the model at ``model_uri`` predicts on the body of a request to ``/invocations``.

    Args:
        model_uri: the model.
        serving_input: the body, as JSON text or as the object that the text stands for.
        trust: as of :func:`flavorkit.load_model`.

    Raises:
        RequestError: the body is not JSON, or none of the forms of a request.
        InvalidInputError: the data does not fit the model's signature.
    """
    try:
        payload = json.loads(serving_input) if isinstance(serving_input, str) else serving_input
    except ValueError as exc:
        raise RequestError(f"the body is not valid JSON: {exc}") from None
    model = load_model(model_uri, trust=trust)
    data, params = model.decoder(payload)
    return model.predict_enforced(data, params)
