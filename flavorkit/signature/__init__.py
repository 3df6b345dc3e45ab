"""What a model takes and gives: types, inference from examples, enforcement, JSON decoding."""

from flavorkit.signature.decode import Decoder
from flavorkit.signature.enforce import compile_schema, enforce
from flavorkit.signature.infer import infer_from_example, infer_signature
from flavorkit.signature.model_signature import ModelSignature
from flavorkit.signature.params import ParamSchema, ParamSpec
from flavorkit.signature.schema import ColSpec, Schema, TensorSpec
from flavorkit.signature.types import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
)

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Decoder",
    "Map",
    "ModelSignature",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "SparkMLVector",
    "TensorSpec",
    "compile_schema",
    "enforce",
    "infer_from_example",
    "infer_signature",
]
