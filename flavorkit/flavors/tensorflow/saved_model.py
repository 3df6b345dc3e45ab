"""SavedModels: folders with a TensorFlow program, and the named functions in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.backends import import_tensorflow
from flavorkit.flavors.base import Container, Predictor
from flavorkit.flavors.named_inputs import Input, features, feed, standard
from flavorkit.flavors.unsafe_load import load_saved_model
from flavorkit.signature import ModelSignature, Schema, TensorSpec
from flavorkit.trust import Grant

PROGRAM = "saved_model.pb"
SERVING = "serving_default"
TAGS = ("serve",)

ACCEPTS: tuple[Container, ...] = ("array", "dataframe", "dict")
"""The containers that a function of named tensors can be fed from."""

WHY = "it holds a SavedModel, a program that can run any of TensorFlow's operations"


def copy(source: Path, target: Path) -> None:
    """Copy the SavedModel in ``source``; links become the files they lead to.

    Raises:
        UnsavableModelError: there is none, or it names assets that are not in it.
    """
    if not (source / PROGRAM).is_file():
        raise UnsavableModelError(f"{source} is no SavedModel: it has no {PROGRAM}")
    try:
        check_assets(source)
    except UnreadableModelError as exc:
        raise UnsavableModelError(str(exc)) from exc
    shutil.copytree(source, target)


def load(folder: Path, *, trust: Grant, **options: Any) -> Any:
    """The SavedModel in ``folder``, as TensorFlow's own object.

    Raises:
        TrustError: ``trust`` does not allow code.
        UnreadableModelError: TensorFlow cannot read it, or it names assets outside of it.
    """
    if not trust.code:
        raise trust.refusal(WHY)
    import_tensorflow()
    check_assets(folder)
    return load_saved_model(folder, trust=trust, **options)


def check_assets(folder: Path) -> None:
    """Refuse a program whose assets are not files in its own ``assets/``.

    TensorFlow joins the names to that folder as they are, so ``../`` or ``/`` leads anywhere.

    Raises:
        UnreadableModelError: it is no program, or a name leads out.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = folder / PROGRAM
    program = SavedModel()
    try:
        program.ParseFromString(path.read_bytes())
    except (OSError, DecodeError) as exc:
        raise UnreadableModelError(path, f"it is no SavedModel: {exc}") from exc
    for graph in program.meta_graphs:
        for asset in graph.asset_file_def:
            parts = PurePosixPath(asset.filename.replace("\\", "/")).parts
            if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
                raise UnreadableModelError(
                    path, f"it names the asset {asset.filename!r}, which is outside of its assets/"
                )


@dataclass(frozen=True)
class Endpoint:
    """Which function of a SavedModel predicts, and how its outputs are handed over."""

    key: str = SERVING
    """The name of its signature."""
    tags: tuple[str, ...] | None = None
    """Which of its graphs, if it may have several."""
    is_named: bool = False
    """Whether an output keeps its name when it is the only one."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Endpoint:
        """As a section of a descriptor says; one that names a signature is for names."""
        if "signature_def_key" not in config:
            return cls()
        tags = tuple(map(str, config.get("meta_graph_tags") or TAGS))
        return cls(str(config["signature_def_key"]), tags, is_named=True)


def missing(native: Any, key: str) -> str | None:
    """What to say if there is no signature ``key``."""
    known = _signatures(native)
    if key in known:
        return None
    return f"it has no signature {key!r}, of {', '.join(map(repr, known)) or 'none'}"


def can_predict(native: Any, endpoint: Endpoint) -> bool:
    """Whether there is such a signature, or the object itself can be called."""
    return endpoint.key in _signatures(native) or callable(native)


def predictor(native: Any, endpoint: Endpoint) -> Predictor:
    """The answers of a SavedModel: one array, or a dict of arrays by the names of the outputs.

    Raises:
        UnreadableModelError: it has no function to predict with.
    """
    problem = missing(native, endpoint.key)
    if problem is not None:
        if not callable(native):
            raise UnreadableModelError(PROGRAM, problem)
        return _calling(native)
    function = _signatures(native)[endpoint.key]
    inputs = [_input(name, spec) for name, spec in _inputs(function)]

    def predict(data: Any, params: Mapping[str, Any]) -> Any:
        fed = feed(data, inputs) if inputs else {}
        answer = _plain(function(**_tensors(fed)))
        if isinstance(data, pd.DataFrame) and endpoint.is_named:
            return _as_frame(answer, data)
        return answer if endpoint.is_named or len(answer) > 1 else next(iter(answer.values()))

    # The signature's function holds its variables weakly; the model must stay.
    predict.model = native  # type: ignore[attr-defined]
    return predict


def signature_of(native: Any, endpoint: Endpoint) -> ModelSignature | None:
    """What the function says of its inputs and outputs; None if that has no numpy form."""
    function = _signatures(native).get(endpoint.key)
    if function is None:
        return None
    try:
        inputs = [_spec(name, spec) for name, spec in _inputs(function)]
        outputs = [_spec(name, spec) for name, spec in sorted(function.structured_outputs.items())]
    except (TypeError, ValueError):
        return None
    if not inputs or not outputs:
        return None
    if not endpoint.is_named:
        inputs, outputs = _nameless_if_one(inputs), _nameless_if_one(outputs)
    return ModelSignature(Schema(inputs), Schema(outputs))


def _signatures(native: Any) -> Mapping[str, Any]:
    return getattr(native, "signatures", None) or {}


def _inputs(function: Any) -> list[tuple[str, Any]]:
    """By name, since TensorFlow keeps them in no order."""
    return sorted(function.structured_input_signature[1].items())


def _input(name: str, spec: Any) -> Input:
    rank = spec.shape.rank
    shape = None if rank is None else tuple(spec.shape.as_list())
    return Input(name, shape, np.dtype(spec.dtype.as_numpy_dtype))


def _spec(name: str, spec: Any) -> TensorSpec:
    shape = tuple(-1 if size is None else size for size in spec.shape.as_list())
    dtype = np.dtype(spec.dtype.as_numpy_dtype)
    if dtype.kind == "V":
        raise TypeError(f"numpy has no {spec.dtype.name}")
    return TensorSpec(np.dtype(str) if spec.dtype.name == "string" else dtype, shape, name)


def _nameless_if_one(specs: Sequence[TensorSpec]) -> list[TensorSpec]:
    return list(specs) if len(specs) > 1 else [TensorSpec(specs[0].type, specs[0].shape)]


def _tensors(fed: Mapping[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in fed.items()}


def _plain(answer: Any) -> Any:
    """Tensors as arrays, in whatever they come in."""
    if isinstance(answer, Mapping):
        return {str(name): _plain(answer[name]) for name in sorted(answer)}
    if isinstance(answer, list | tuple):
        return {f"output_{position}": _plain(one) for position, one in enumerate(answer)}
    return standard(answer.numpy() if hasattr(answer, "numpy") else answer)


def _as_frame(answer: Mapping[str, Any], data: pd.DataFrame) -> pd.DataFrame:
    """A column for each output, as MLflow makes them; what has several values a row is a list."""
    columns = {
        name: array.ravel() if array.size == len(data) else list(array.tolist())
        for name, array in answer.items()
    }
    return pd.DataFrame(columns, index=data.index)


def _calling(native: Any) -> Predictor:
    """For a module without a signature: itself is called with the one array, or the dict."""
    import tensorflow as tf

    dtype = _dtype_of(native)

    def predict(data: Any, params: Mapping[str, Any]) -> Any:
        given: Any
        if isinstance(data, Mapping):
            given = {str(name): tf.constant(values) for name, values in data.items()}
        else:
            array = features(data) if isinstance(data, pd.DataFrame) else np.asarray(data)
            given = tf.constant(feed(array, [Input("x", None, dtype)])["x"])
        try:
            return _plain(native(given))
        except (TypeError, ValueError) as exc:  # no function was traced for such data
            raise InvalidInputError(f"the model does not take this: {exc}"[:1000]) from exc

    return predict


def _dtype_of(native: Callable[..., Any]) -> np.dtype[Any] | None:
    """The dtype that the first of its traced functions takes, if that takes one tensor."""
    traced = getattr(getattr(native, "__call__", None), "concrete_functions", None) or ()  # noqa: B004
    for function in traced:
        positional = function.structured_input_signature[0]
        if positional and hasattr(positional[0], "dtype"):
            dtype: np.dtype[Any] = np.dtype(positional[0].dtype.as_numpy_dtype)
            return dtype
    return None
