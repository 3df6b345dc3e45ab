"""Signatures in JSON: MLflow's, to the letter, and back."""

import json

import numpy as np
import pytest

from flavorkit.errors import SignatureError
from flavorkit.signature import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    ModelSignature,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)

# What MLflow 3.17.2 writes.
SCALARS = (
    '[{"type": "boolean", "name": "boolean", "required": true},'
    ' {"type": "integer", "name": "integer", "required": true},'
    ' {"type": "long", "name": "long", "required": true},'
    ' {"type": "float", "name": "float", "required": true},'
    ' {"type": "double", "name": "double", "required": true},'
    ' {"type": "string", "name": "string", "required": true},'
    ' {"type": "binary", "name": "binary", "required": true},'
    ' {"type": "datetime", "name": "datetime", "required": true}]'
)
NESTED = (
    '[{"type": "array", "items": {"type": "string"}, "name": "a", "required": true},'
    ' {"type": "array", "items": {"type": "array", "items": {"type": "double"}}, "name": "aa", "required": true},'
    ' {"type": "object", "properties": {"k": {"type": "string", "required": true},'
    ' "l": {"type": "array", "items": {"type": "float"}, "required": true},'
    ' "n": {"type": "object", "properties": {"z": {"type": "boolean", "required": true}}, "required": true},'
    ' "o": {"type": "long", "required": false}}, "name": "obj", "required": false},'
    ' {"type": "map", "values": {"type": "long"}, "name": "m", "required": true},'
    ' {"type": "map", "values": {"type": "array", "items": {"type": "string"}}, "name": "mm", "required": true},'
    ' {"type": "any", "name": "any", "required": true},'
    ' {"type": "sparkml_vector", "name": "v", "required": true},'
    ' {"type": "array", "items": {"type": "any"}, "name": "aany", "required": true}]'
)
TENSOR = '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}}]'
TENSORS = (
    '[{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}},'
    ' {"name": "y", "type": "tensor", "tensor-spec": {"dtype": "bytes", "shape": [-1]}},'
    ' {"name": "z", "type": "tensor", "tensor-spec": {"dtype": "object", "shape": [-1]}},'
    ' {"name": "w", "type": "tensor", "tensor-spec": {"dtype": "bool", "shape": [2, -1]}}]'
)
PARAMS = (
    '[{"name": "a", "default": 1, "shape": null, "type": "integer"},'
    ' {"name": "b", "default": 0.5, "shape": null, "type": "double"},'
    ' {"name": "c", "default": ["x", "y"], "shape": [-1], "type": "string"},'
    ' {"name": "d", "default": "2020-01-02T03:00:00", "shape": null, "type": "datetime"},'
    ' {"name": "e", "default": {"p": 1.0, "q": {"r": "s"}}, "shape": null, "type": "object",'
    ' "properties": {"p": {"type": "double", "required": true},'
    ' "q": {"type": "object", "properties": {"r": {"type": "string", "required": true}}, "required": true}}},'
    ' {"name": "f", "default": null, "shape": null, "type": "boolean"},'
    ' {"name": "g", "default": 5, "shape": null, "type": "long"}]'
)


@pytest.mark.parametrize("text", [SCALARS, NESTED, TENSOR, TENSORS])
def test_schemas_read_and_write_the_same_text(text):
    assert Schema.from_json(text).to_json() == text


def test_parameters_read_and_write_the_same_text():
    assert ParamSchema.from_json(PARAMS).to_json() == PARAMS


def test_by_hand_they_are_written_as_in_mlflow():
    built = Schema(
        [
            ColSpec("long", "a"),
            ColSpec(Array("string"), "b", required=False),
            ColSpec(Object([Property("z", "long"), Property("y", Map(AnyType()), False)]), "c"),
            ColSpec(SparkMLVector(), "d"),
        ]
    )
    assert Schema.from_json(built.to_json()) == built
    assert repr(built).startswith("['a': long (required), 'b': Array(string) (optional)")
    assert "{y: Map(str -> Any) (optional), z: long (required)}" in repr(built)
    assert built.input_names() == ["a", "b", "c", "d"]
    assert built.required_input_names() == ["a", "c", "d"]
    assert built.optional_input_names() == ["b"]
    assert built.input_types()[0] is DataType.long
    assert built.input_dict()["a"] == ColSpec("long", "a")
    assert len(built) == 4
    assert built.has_input_names()
    assert not built.is_tensor_spec()


def test_unnamed_inputs_are_known_by_position():
    assert Schema([ColSpec("long"), ColSpec("string")]).input_names() == [0, 1]
    assert repr(ColSpec("long")) == "long (required)"


def test_tensors_by_hand():
    built = Schema([TensorSpec(np.dtype("float32"), (-1, 2), "x"), TensorSpec("str", [-1], "y")])
    assert repr(built) == "['x': Tensor('float32', (-1, 2)), 'y': Tensor('str', (-1,))]"
    assert built.is_tensor_spec()
    assert repr(TensorSpec("bool", (2,))) == "Tensor('bool', (2,))"


def test_a_missing_required_counts_as_required():
    assert (
        Schema.from_json('[{"type": "array", "items": {"type": "long"}, "name": "a"}]')
        .inputs[0]
        .required
    )


def test_the_old_key_of_parameters_is_read():
    old = '[{"name": "a", "default": 1, "dtype": "long"}]'
    assert ParamSchema.from_json(old).params[0] == ParamSpec("a", "long", 1)


def test_a_signature_has_three_parts():
    signature = ModelSignature(Schema.from_json(SCALARS), None, ParamSchema.from_json(PARAMS))
    assert ModelSignature.from_dict(signature.to_dict()) == signature
    assert signature.to_dict()["outputs"] is None


def test_datatypes_know_their_numpy_dtype():
    assert {kind.name: str(kind.to_numpy()) for kind in DataType} == {
        "boolean": "bool",
        "integer": "int32",
        "long": "int64",
        "float": "float32",
        "double": "float64",
        "string": "<U0",
        "binary": "|S0",
        "datetime": "datetime64[ns]",
    }


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Schema([]), "at least one column or tensor"),
        (
            lambda: Schema([ColSpec("long"), ColSpec("long", "a")]),
            "all inputs of a schema have names",
        ),
        (
            lambda: Schema([ColSpec("long"), TensorSpec("bool", (-1,))]),
            "either ColSpec or TensorSpec",
        ),
        (lambda: Schema(["long"]), "either ColSpec or TensorSpec"),
        (lambda: Schema([ColSpec("long", "a"), ColSpec("long", "a")]), "input 'a' stands twice"),
        (
            lambda: Schema([TensorSpec("bool", (1,)), TensorSpec("bool", (1,))]),
            "tensors need names",
        ),
        (lambda: Schema([ColSpec("long", required=False)]), "unnamed column cannot be optional"),
        (lambda: ColSpec("int"), "no type is named 'int'"),
        (lambda: ColSpec(3), "expected a type, got int"),
        (lambda: Object([]), "at least one property"),
        (lambda: Object([Property("a", "long"), Property("a", "long")]), "'a' stands twice"),
        (lambda: Property(1, "long"), "must be a string"),
        (lambda: TensorSpec("float32", (1.5,)), "not the shape of a tensor"),
        (lambda: TensorSpec("float32", (-2,)), "not the shape of a tensor"),
        (lambda: TensorSpec("V100000000000", (-1,)), "not the dtype of a tensor"),
        (lambda: TensorSpec("i4,(2,3)f8", (-1,)), "not the dtype of a tensor"),
        (lambda: TensorSpec(np.dtype("U5"), (-1,)), "has no length"),
        (lambda: TensorSpec(object(), (-1,)), "not the dtype of a tensor"),
        (lambda: ParamSpec("a", "binary", b""), "cannot be of the type binary"),
        (lambda: ParamSpec("a", Array("long"), []), "cannot be of the type"),
        (lambda: ParamSpec("a", "long", "x"), "default of the parameter 'a': expected a long"),
        (lambda: ParamSpec("a", "long", 1, (2,)), "must be None or"),
        (lambda: ParamSpec("a", "long", 1, 0.0), "must be None or"),
        (lambda: ParamSpec("a", "long", 1, -1), "must be None or"),
        (lambda: ParamSpec("a", "long", 1, [np.zeros(2)]), "must be None or"),
        (lambda: ParamSpec("a", "long", 1, (-1,)), "expected a list"),
        (lambda: ParamSchema([ParamSpec("a", "long", 1)] * 2), "parameter 'a' stands twice"),
        (ModelSignature, "needs inputs, outputs or params"),
        (lambda: ModelSignature(inputs=[1]), "inputs must be a Schema, got list"),
    ],
)
def test_contradictions_are_refused(make, problem):
    with pytest.raises(SignatureError, match=problem):
        make()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "expected a JSON string, got NoneType"),
        ("{}", "expected a JSON list of objects"),
        ("[1]", "expected a JSON list of objects"),
        ("[{]", "not valid JSON"),
        ('[{"name": "a"}]', 'expected an object with a "type"'),
        ('[{"type": "int", "name": "a"}]', "no type is named 'int'"),
        ('[{"type": "array", "name": "a"}]', 'expected an object with a "type", got None'),
        ('[{"type": "object", "name": "a"}]', 'needs "properties"'),
        ('[{"type": "tensor"}]', 'needs a "tensor-spec"'),
        ('[{"type": "tensor", "tensor-spec": {"dtype": 1, "shape": [1]}}]', "not the dtype"),
        ('[{"type": "long", "name": []}]', "must be a string"),
    ],
)
def test_malformed_schemas_are_refused(text, problem):
    with pytest.raises(SignatureError, match=problem):
        Schema.from_json(text)


def test_types_nested_without_end_are_refused():
    nested: dict = {"type": "long"}
    for _ in range(40):
        nested = {"type": "array", "items": nested}
    with pytest.raises(SignatureError, match="nested deeper than 32"):
        Schema.from_json(json.dumps([nested]))


def test_malformed_parameters_are_refused():
    with pytest.raises(SignatureError, match="needs default and name"):
        ParamSchema.from_json('[{"type": "long"}]')
