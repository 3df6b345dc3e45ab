"""ONNX files as nobody's exporter writes them."""

from __future__ import annotations

from itertools import pairwise

from onnx import TensorProto, helper

F, I64 = TensorProto.FLOAT, TensorProto.INT64


def model(nodes, constants=(), functions=(), inputs=None):
    graph = helper.make_graph(
        nodes,
        "g",
        inputs or [helper.make_tensor_value_info("x", F, [None, 2])],
        [helper.make_tensor_value_info("y", F, None)],
        constants,
    )
    opsets = [helper.make_opsetid(*one) for one in (("", 17), ("ai.onnx.ml", 3), ("f", 1))]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=8)


def tensor(dims=(2,), raw=b"\0" * 8, *, kind=F, entries=None):
    """A tensor called ``w``; with ``entries``, one that lies in another file."""
    made = TensorProto(name="w", data_type=kind, dims=dims)
    if entries is None:
        made.raw_data = raw
        return made
    made.data_location = TensorProto.EXTERNAL
    for key, value in entries:
        made.external_data.add(key=key, value=str(value))
    return made


def initializer(one):
    return model([helper.make_node("Add", ["x", "w"], ["y"])], [one])


def constant(one):
    """As the attribute of a node."""
    nodes = [helper.make_node("Constant", [], ["w"], value=one)]
    return model([*nodes, helper.make_node("Add", ["x", "w"], ["y"])])


def in_subgraph(one):
    """As a constant of a graph in a node."""
    out = [helper.make_tensor_value_info("o", F, None)]
    add = helper.make_node("Add", ["x", "w"], ["o"])
    branch = helper.make_graph([add], "b", [], out, [one])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    inputs = [helper.make_tensor_value_info(*port) for port in (("x", F, None), ("c", 9, []))]
    return model([node], inputs=inputs)


def in_function(one):
    """As the attribute of a node of a function."""
    nodes = [
        helper.make_node("Constant", [], ["w"], value=one),
        helper.make_node("Add", ["a", "w"], ["b"]),
    ]
    return model([call("A", "x", "y")], functions=[function("A", nodes)])


def in_sparse(one):
    """As the values of a sparse tensor."""
    made = sparse([2], [0])
    made.graph.sparse_initializer[0].values.CopyFrom(one)
    return made


def in_training(one):
    """In the part of a file that is for training."""
    made = initializer(tensor())
    made.training_info.add().algorithm.initializer.append(one)
    return made


PLACES = (initializer, constant, in_subgraph, in_function, in_sparse, in_training)


def sparse(dims, indices):
    made = model([helper.make_node("Add", ["x", "w"], ["y"])])
    one = made.graph.sparse_initializer.add(dims=dims)
    one.values.CopyFrom(helper.make_tensor("w", F, [len(indices)], [1.0] * len(indices)))
    one.indices.CopyFrom(helper.make_tensor("i", I64, [len(indices)], indices))
    return made


def function(name, nodes):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["a"], ["b"], nodes, opsets)


def call(name, given, made):
    return helper.make_node(name, [given], [made], domain="f")


def doubling(levels, calls=10):
    """Functions of which each calls the one before ``calls`` times."""
    functions = [function("F0", [helper.make_node("Relu", ["a"], ["b"])])]
    for level in range(1, levels):
        steps = ["a", *(f"t{step}" for step in range(1, calls)), "b"]
        nodes = [call(f"F{level - 1}", *pair) for pair in pairwise(steps)]
        functions.append(function(f"F{level}", nodes))
    return model([call(f"F{levels - 1}", "x", "y")], functions=functions)


def nested(depth):
    """Graphs in the nodes of graphs."""

    def branch(level):
        made = helper.make_node("Identity", ["x"], [f"o{level}"])
        if level:
            inner = {"then_branch": branch(level - 1), "else_branch": branch(0)}
            made = helper.make_node("If", ["c"], [f"o{level}"], **inner)
        out = [helper.make_tensor_value_info(f"o{level}", F, None)]
        return helper.make_graph([made], f"g{level}", [], out)

    inputs = [helper.make_tensor_value_info(*port) for port in (("x", F, None), ("c", 9, []))]
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch(depth), else_branch=branch(0))
    return model([node], inputs=inputs)


def trees(**forged):
    """A tree of one split, with attributes as ``forged`` says."""
    attributes = {
        "n_targets": 1,
        "nodes_falsenodeids": [2, 0, 0],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_nodeids": [0, 1, 2],
        "nodes_treeids": [0, 0, 0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "target_ids": [0, 0],
        "target_nodeids": [1, 2],
        "target_treeids": [0, 0],
        "target_weights": [1.0, 2.0],
        **forged,
    }
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml")
    node.attribute.extend(helper.make_attribute(*one) for one in attributes.items())
    return model([node])


def cyclic():
    nodes = [helper.make_node("Add", ["x", "y"], ["z"]), helper.make_node("Add", ["z", "x"], ["y"])]
    return model(nodes)


def far_opset():
    made = model([helper.make_node("Relu", ["x"], ["y"])])
    made.opset_import[0].version = 10**6
    return made


def endless_shape():
    shape = helper.make_tensor("shape", I64, [1], [10**12])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("ConstantOfShape", ["shape"], ["y"]),
    ]
    return model(nodes)


def compiled():
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")
    node.attribute.append(helper.make_attribute("ep_cache_context", "../engine"))
    return model([node])


def with_runtime_header(content):
    """The same graph behind bytes that mark a file of onnxruntime's own format."""
    # The producer's name stands first: a field number, its length, and text from byte 4 on.
    return b"\x12\x06..ORTM" + content
