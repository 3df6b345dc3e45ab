from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from flavorkit.testing import Case, Model


@cache
def flowers():
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


def session(native):
    import onnxruntime

    return onnxruntime.InferenceSession(native.SerializeToString())


def graph(nodes, inputs, outputs, constants=()):
    """A model of these nodes; inputs and outputs as ``(name, type, shape)``."""
    from onnx import helper, numpy_helper

    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def sklearn_classifier(*, zipmap=True, arrays=False):
    def fit():
        from skl2onnx import to_onnx
        from sklearn.linear_model import LogisticRegression

        X, y = flowers()
        fitted = LogisticRegression(max_iter=1000).fit(X.to_numpy(), y)
        model = to_onnx(
            fitted,
            X[:1].to_numpy(np.float32),
            options=None if zipmap else {"zipmap": False},
            target_opset=17,
        )
        return model, X.to_numpy(np.float32)[::25] if arrays else X[::25]

    return fit


def sklearn_columns():
    """A pipeline on columns of numbers and text, each an input of its own."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X, y = flowers()
    frame = pd.DataFrame(
        {
            "length": X.iloc[:, 0],
            "width": X.iloc[:, 1],
            "colour": np.where(y == 0, "red", "blue"),
        }
    )
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["length", "width"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ]
    )
    fitted = make_pipeline(columns, LinearRegression()).fit(frame, X.iloc[:, 3])
    types = [
        ("length", FloatTensorType([None, 1])),
        ("width", FloatTensorType([None, 1])),
        ("colour", StringTensorType([None, 1])),
    ]
    return convert_sklearn(fitted, initial_types=types, target_opset=17), frame[::25]


def network():
    """Two layers, with weights large enough for a file of their own; rows are small images."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "w2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    weights = [
        ("w1", rng.normal(size=(36, 16)).astype(np.float32)),
        ("b1", rng.normal(size=16).astype(np.float32)),
        ("w2", rng.normal(size=(16, 3)).astype(np.float32)),
    ]
    model = graph(
        nodes,
        [("image", TensorProto.FLOAT, ["n", 1, 6, 6])],
        [("label", TensorProto.INT64, ["n"]), ("probabilities", TensorProto.FLOAT, ["n", 3])],
        weights,
    )
    return model, rng.normal(size=(6, 1, 6, 6)).astype(np.float32)


def tensors():
    """Token numbers and a mask, as language models take them."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "axis"], ["wide"]),
        helper.make_node("Mul", ["embedded", "wide"], ["masked"]),
        helper.make_node("ReduceMean", ["masked"], ["vector"], axes=[1], keepdims=0),
    ]
    model = graph(
        nodes,
        [
            ("input_ids", TensorProto.INT64, ["n", "length"]),
            ("attention_mask", TensorProto.INT64, ["n", "length"]),
        ],
        [("vector", TensorProto.FLOAT, ["n", 4])],
        [
            ("embedding", rng.normal(size=(20, 4)).astype(np.float32)),
            ("axis", np.array([2])),
        ],
    )
    ids = rng.integers(0, 20, size=(6, 5))
    return model, {"input_ids": ids, "attention_mask": (ids > 5).astype(np.int64)}


def of_array(native, data):
    runner = session(native)
    made = runner.run(None, {runner.get_inputs()[0].name: np.asarray(data, np.float32)})
    return dict(zip([out.name for out in runner.get_outputs()], made, strict=True))


def of_frame(native, data):
    """The outputs as columns, a row of each output in a cell."""
    found = of_array(native, data)
    rows = {name: made if isinstance(made, list) else made.tolist() for name, made in found.items()}
    return pd.DataFrame(rows)


def of_columns(native, data):
    kinds = {"colour": object}
    if isinstance(data, pd.DataFrame):
        data = {name: data[name].to_numpy() for name in data}
    fed = {name: data[name].reshape(-1, 1).astype(kinds.get(name, np.float32)) for name in data}
    ((made,),) = (session(native).run(None, fed),)
    return pd.DataFrame({"variable": made.ravel()})


def of_tensors(native, data):
    return {"vector": session(native).run(None, dict(data))[0]}


CASE = Case(
    flavor="onnx",
    packages=("onnx", "onnxruntime"),
    # The keys of a ZipMap's dicts are numbers, for which no signature has a type.
    ignored_warnings=("ignore:the output has a type that no signature can express",),
    models=(
        Model("classifier", sklearn_classifier(zipmap=False), of_frame, others=("dict", "list")),
        Model("zipmap", sklearn_classifier(), of_frame, others=("dict", "list")),
        Model("array", sklearn_classifier(zipmap=False, arrays=True), of_array),
        Model("columns", sklearn_columns, of_columns),
        Model("network", network, of_array),
        Model("external data", network, of_array, {"save_as_external_data": True}),
        Model("tensors", tensors, of_tensors),
        Model(
            "options",
            network,
            of_array,
            {
                "onnx_execution_providers": ["CPUExecutionProvider"],
                "onnx_session_options": {"intra_op_num_threads": 1, "execution_mode": "sequential"},
            },
        ),
    ),
)
