"""Type hints of a user's ``predict``: the signature they make, and data of the types they name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

import pandas as pd

from flavorkit.errors import InvalidInputError, SignatureError
from flavorkit.flavors.base import Predictor
from flavorkit.flavors.python_function.python_model import (
    FunctionModel,
    PythonModel,
    hinted,
    hints_of,
)
from flavorkit.signature import ModelSignature, infer_signature
from flavorkit.signature.containers import records_of


def signature_of(model: Any) -> ModelSignature | None:
    """The signature that the hints of ``model.predict`` make, if they make one.

    Only ``list[...]`` does: what comes in is a batch, one item for each row.
    """
    given, returned = _hints_of(model, "predict")
    if get_origin(given) is not list:
        return None
    try:
        return infer_signature(given, returned if get_origin(returned) is list else None)
    except SignatureError:
        return None


def checks_data(model: Any) -> bool:
    """Whether the data for ``model.predict`` is checked by pydantic, against its type hint."""
    given, _ = _hints_of(model, "predict")
    return get_origin(given) is list and importlib.util.find_spec("pydantic") is not None


def converting(model: Any, method: str, call: Predictor) -> Predictor:
    """``call``, with data turned into what the hint of ``method`` names, if that is a list."""
    hint, _ = _hints_of(model, method)
    if get_origin(hint) is not list:
        return call
    convert = _converter(hint)

    def converted(data: Any, params: Mapping[str, Any]) -> Any:
        return call(convert(data), params)

    return converted


def _hints_of(model: Any, method: str) -> tuple[Any, Any]:
    if method == "predict" and isinstance(model, FunctionModel):
        return model.hints
    if method == "predict" and isinstance(model, PythonModel):
        return type(model).predict_hints
    return hints_of(hinted(model, method)) if hasattr(model, method) else (None, None)


def _converter(hint: Any) -> Callable[[Any], Any]:
    (item,) = get_args(hint) or (Any,)
    takes_records = item is dict or get_origin(item) is dict or hasattr(item, "model_fields")
    validate = _validator(hint)

    def convert(data: Any) -> Any:
        if isinstance(data, pd.DataFrame):
            if takes_records and not data.columns.equals(pd.RangeIndex(1)):
                data = records_of(data)
            else:
                data = data.iloc[:, 0].tolist()
        return validate(data)

    return convert


def _validator(hint: Any) -> Callable[[Any], Any]:
    """Checks the data with pydantic, and makes its models; without pydantic, it is as enforced."""
    try:
        import pydantic
    except ModuleNotFoundError:
        return lambda data: data
    adapter = pydantic.TypeAdapter(hint)

    def validate(data: Any) -> Any:
        try:
            return adapter.validate_python(data)
        except pydantic.ValidationError as exc:
            problems = [
                f"row {'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()
            ]
            raise InvalidInputError(problems) from None

    return validate
