"""The prediction on the input example that every save ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import InvalidInputError
from flavorkit.flavors.base import Container, Flavor, Loaded
from flavorkit.flavors.loading import config_of
from flavorkit.signature import ModelSignature, compile_schema, infer_from_example
from flavorkit.signature.containers import adapt
from flavorkit.signature.example import Example


def try_example(
    flavor: Flavor,
    loaded: Loaded,
    descriptor: ModelDescriptor,
    example: Example,
    given: ModelSignature | None,
) -> ModelSignature:
    """Predict on the example with the model just written, under the signature it will have.

    Returns:
        The signature that the example and the predictions have.
    """
    predict = flavor.predictor(loaded.native, config_of(descriptor, flavor.name))
    data = enforced(example, given, flavor.accepts)
    try:
        predictions = predict(data, example.params or {})
    except Exception as exc:  # the model's own code
        columns = f" with the columns {list(data.columns)}" if hasattr(data, "columns") else ""
        raise InvalidInputError(
            f"the model cannot predict on input_example, which it gets as a"
            f" {type(data).__name__}{columns}: {type(exc).__name__}: {exc}"
            f"{_form_hint(example.data)}"
        ) from exc
    return infer_from_example(example.data, predictions, example.params)


def enforced(example: Example, given: ModelSignature | None, accepted: Sequence[Container]) -> Any:
    """The data of ``example`` as a loaded model's predictor gets it.

    Raises:
        InvalidInputError: it does not fit the signature ``given``.
    """
    taken = given or infer_from_example(example.data, None, example.params)
    try:
        data = example.data if taken.inputs is None else compile_schema(taken.inputs)(example.data)
    except InvalidInputError as exc:
        whose = "signature" if given else "signature inferred from it"
        raise InvalidInputError(
            f"input_example does not fit the {whose}: {exc.message}{_form_hint(example.data)}"
        ) from None
    return adapt(data, accepted)


def _form_hint(example: Any) -> str:
    if isinstance(example, list | tuple) and example and isinstance(example[0], list | tuple):
        return (
            "; a list of lists is one column of lists here: pass rows as a numpy array or a frame"
        )
    if isinstance(example, list | tuple) and example and isinstance(example[0], np.ndarray):
        return (
            "; a list of arrays is one column of arrays here: pass several inputs as a dict of"
            " arrays by their names, and rows as one array"
        )
    if isinstance(example, Mapping):
        return "; a dict is one row here: pass columns as a pandas frame or a dict of numpy arrays"
    return ""
