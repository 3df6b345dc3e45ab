"""What the state of scikit-learn's compiled types must satisfy before it is used.

They follow the indices in their arrays without looking, so a forged tree crashes the process or
reads its memory. Each is checked before it is built; :mod:`flavorkit.flavors.skops.estimator_state`
checks it against the estimator that will call it.

References: ``sklearn/tree/_tree.pyx``, ``sklearn/neighbors/_binary_tree.pxi.tp``,
``sklearn/metrics/_dist_metrics.pyx.tp`` and
``sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx`` say what the arrays mean.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.flavors.forged import ForgedStateError, require, within

if TYPE_CHECKING:
    from skops.io._audit import Node

_DISTANCES = frozenset(
    f"sklearn.metrics._dist_metrics.{name}Distance{width}"
    for name in ("BrayCurtis", "Canberra", "Chebyshev", "Euclidean", "Hamming", "Manhattan")
    for width in ("64", "32", "")
)
TREES = frozenset({"sklearn.tree._tree.Tree"})
_PREDICTORS = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
_NEIGHBOR_TREES = frozenset(
    f"sklearn.neighbors._{module}.{name}{width}"
    for module, name in (("kd_tree", "KDTree"), ("ball_tree", "BallTree"))
    for width in ("64", "32", "")
)
_SPLINES = frozenset({"scipy.interpolate._bsplines.BSpline"})
SPARSE = frozenset(
    f"scipy.sparse._{layout}.{layout}_{kind}"
    for layout in ("csr", "csc", "coo")
    for kind in ("matrix", "array")
)


OBJECTS = _PREDICTORS | _NEIGHBOR_TREES | _DISTANCES | _SPLINES
"""The names of the other types that are checked here."""


def check_state(node: Node) -> None:
    """Refuse ``node`` if it would become a compiled object with a state that is not sound.

    Raises:
        ForgedStateError: the message says what is wrong.
    """
    from skops.io._general import FunctionNode, TypeNode
    from skops.io._scipy import SparseMatrixNode
    from skops.io._sklearn import TreeNode

    if isinstance(node, TypeNode | FunctionNode):
        return  # the class itself, not an object of it
    name = f"{node.module_name}.{node.class_name}"
    # What a node says of its type and what its loader makes of it may be two things.
    if isinstance(node, TreeNode) or name in TREES:
        _check_tree(node)
    elif isinstance(node, SparseMatrixNode) or name in SPARSE:
        _check_sparse(node)
    elif (check := _checks().get(name)) is not None:
        check(_attributes(node, name))


@cache
def _checks() -> dict[str, Callable[[Any], None]]:
    return {
        **dict.fromkeys(TREES | SPARSE, lambda _: None),  # checked by what loads them
        **dict.fromkeys(_PREDICTORS, _check_predictor),
        **dict.fromkeys(_NEIGHBOR_TREES, _check_neighbor_tree),
        **dict.fromkeys(_DISTANCES, _check_distance),
        **dict.fromkeys(_SPLINES, _check_spline),
    }


def _attributes(node: Any, name: str) -> Any:
    """The state that an object is about to be given, built but not yet used."""
    from skops.io._general import ObjectNode

    if not isinstance(node, ObjectNode) or node.attrs is None:
        raise ForgedStateError(f"{name} without its state")
    return node.attrs.construct()


def _check_tree(node: Any) -> None:
    from skops.io._sklearn import TreeNode

    require(isinstance(node, TreeNode), "a tree that is not written as one")
    args = node.args.construct()
    state = node.attrs.construct()
    require(isinstance(args, tuple) and len(args) == 3, "a tree without its dimensions")
    n_features, n_classes, n_outputs = args
    require(_is_count(n_features) and _is_count(n_outputs), "a tree without its dimensions")
    require(
        type(n_classes) is np.ndarray
        and n_classes.dtype == np.intp
        and n_classes.shape == (n_outputs,)
        and bool((n_classes >= 1).all()),
        "a tree whose classes and outputs differ",
    )
    require(isinstance(state, dict) and {"nodes", "values"} <= state.keys(), "a tree without nodes")
    nodes, values = state["nodes"], state["values"]
    fields = {"left_child", "right_child", "feature"}
    require(_is_records(nodes, fields) and type(values) is np.ndarray, "a tree without nodes")
    require(state.get("node_count") == len(nodes), "a tree that miscounts its nodes")
    require(len(values) == len(nodes), "a tree with more nodes than values")
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    require(bool((right[~inner] == -1).all()), "a leaf with a child")
    depth = _check_children(left, right, inner)
    require(_is_count(state.get("max_depth"), 0) and state["max_depth"] >= depth, "a tree's depth")
    require(within(nodes["feature"][inner], 0, n_features), "a tree that splits on no feature")


def _check_children(left: NDArray[Any], right: NDArray[Any], inner: NDArray[Any]) -> int:
    """The depth of a tree whose nodes, but for the root, have one parent, which stands before."""
    positions = np.flatnonzero(inner)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    parents = np.concatenate([positions, positions])
    require(within(children, 1, len(left)), "a tree with a child out of bounds")
    require(bool((children > parents).all()), "a tree with a cycle")
    require(len(np.unique(children)) == len(children), "a tree with a node of two parents")
    depth, level = 0, np.zeros(1, dtype=np.int64)
    while (level := level[inner[level]]).size:
        level = np.concatenate([left[level], right[level]]).astype(np.int64)
        depth += 1
    return depth


def _check_predictor(state: Any) -> None:
    wanted = {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}
    require(isinstance(state, dict) and wanted <= state.keys(), "a predictor without its state")
    nodes = state["nodes"]
    fields = {"left", "right", "feature_idx", "is_leaf", "is_categorical", "bitset_idx"}
    require(_is_records(nodes, fields), "a predictor without nodes")
    inner = nodes["is_leaf"] == 0
    _check_children(nodes["left"], nodes["right"], inner)
    require(bool((nodes["feature_idx"][inner] >= 0).all()), "a predictor that splits on no feature")
    used = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    for key in ("binned_left_cat_bitsets", "raw_left_cat_bitsets"):
        bitsets = state[key]
        require(
            type(bitsets) is np.ndarray and bitsets.ndim == 2 and bitsets.shape[1] == 8,
            "a predictor without bitsets",
        )
        require(within(used, 0, len(bitsets)), "a predictor with a bitset out of bounds")


def _check_neighbor_tree(state: Any) -> None:
    require(isinstance(state, tuple) and len(state) == 13, "a search tree without its state")
    data, order, nodes, bounds, leaf_size, n_levels, n_nodes = state[:7]
    arrays = (data, order, nodes, bounds)
    require(all(type(array) is np.ndarray for array in arrays), "a search tree without arrays")
    require(
        data.ndim == 2 and len(data) > 0 and order.shape == (len(data),), "a search tree's data"
    )
    require(within(order, 0, len(data)), "a search tree with a row out of bounds")
    require(_is_records(nodes, {"idx_start", "idx_end", "is_leaf"}), "a search tree's nodes")
    require(_is_count(leaf_size) and _is_count(n_levels) and n_levels < 63, "a search tree's size")
    require(n_nodes == len(nodes) == 2**n_levels - 1, "a search tree that miscounts its nodes")
    require(
        bounds.ndim == 3 and bounds.shape[1:] == (n_nodes, data.shape[1]), "a search tree's bounds"
    )
    start, end = nodes["idx_start"], nodes["idx_end"]
    require(
        within(start, 0, len(data) + 1)
        and within(end, 0, len(data) + 1)
        and bool((start <= end).all()),
        "a search tree with a node out of bounds",
    )
    last_level = np.arange(n_nodes) >= n_nodes // 2
    require(bool((nodes["is_leaf"][last_level] != 0).all()), "a search tree without leaves")
    home = type(state[11]).__module__
    require(home == "sklearn.metrics._dist_metrics", "a search tree without a distance")
    weights = state[12]
    require(
        weights is None or (type(weights) is np.ndarray and weights.shape == (len(data),)),
        "a search tree's weights",
    )


def _check_distance(state: Any) -> None:
    # Other metrics follow arrays of their own, whose size nothing would check against the data.
    require(isinstance(state, tuple) and len(state) == 3, "a distance without its state")
    require(isinstance(state[0], float), "a distance without its exponent")
    for array, shape in ((state[1], (1,)), (state[2], (1, 1))):
        require(type(array) is np.ndarray and array.shape == shape, "a distance with weights")


def _check_spline(state: Any) -> None:
    from scipy.interpolate import BSpline

    require(isinstance(state, dict), "a spline without its state")
    parts = {key.lstrip("_"): value for key, value in state.items()}
    require({"t", "c", "k"} <= parts.keys(), "a spline without its state")
    # The constructor checks what the evaluation relies on.
    BSpline(parts["t"], parts["c"], parts["k"], axis=parts.get("axis", 0))


def _check_sparse(node: Any) -> None:
    from skops.io._scipy import SparseMatrixNode

    require(isinstance(node, SparseMatrixNode), "a sparse matrix that is not written as one")
    matrix = node.construct()
    if matrix.format in {"csr", "csc"}:
        matrix.check_format(full_check=True)
        return
    require(matrix.format == "coo", f"a sparse matrix in the {matrix.format} layout")
    for indices, length in zip(matrix.coords, matrix.shape, strict=True):
        require(within(indices, 0, length), "a sparse matrix with an index out of bounds")


def _is_records(array: Any, fields: set[str]) -> bool:
    return (
        type(array) is np.ndarray
        and array.ndim == 1
        and len(array) > 0
        and fields <= set(array.dtype.names or ())
    )


def _is_count(value: Any, low: int = 1) -> bool:
    return type(value) is int and low <= value < 2**31
