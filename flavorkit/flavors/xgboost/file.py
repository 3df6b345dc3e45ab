"""XGBoost's model files, read and checked before XGBoost sees them.

XGBoost reads a file quickly and believes it: links between nodes, numbers of features, lengths of
strings. Here its two formats become one tree of Python values, everything that XGBoost later uses
as an index or a length is compared with what it goes into, and XGBoost is handed the very bytes
that were checked.

Reference: ``doc/model.schema`` of XGBoost, and what its ``LoadModel`` functions read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from flavorkit.flavors.forged import ForgedStateError, parse_json, require, within
from flavorkit.flavors.tree_checks import Integers, check_links, check_ranges, integers
from flavorkit.flavors.xgboost import ubjson

_T = TypeVar("_T")

_ROOT = (-1, 2**31 - 1)  # what stands for the parent of a root
_MAX_CATEGORY = 2**24  # XGBoost keeps categories as 32-bit floats, which are exact up to here
_SEPARATE_LEAVES = (3, 2)  # since then, leaves of several values stand apart; it crashes on others
_FEW = 1024  # outputs that a model may have without a tree for each


def read(path: Path, *, installed: str) -> bytearray:
    """The content of ``path``, as XGBoost may load it.

    Args:
        path: the file.
        installed: the version of XGBoost that will.

    Raises:
        ValueError: it is none of XGBoost's formats, or no model that XGBoost would have written.
    """
    content = path.read_bytes()
    is_binary = content[:2] == b"{L"
    model = ubjson.loads(content) if is_binary else parse_json(content)
    try:
        _check_model(model, tuple(map(int, installed.split(".")[:2])))
    except KeyError as exc:
        raise ForgedStateError(f"forged: a part without {exc}") from exc
    if is_binary:
        return bytearray(content)
    # Written again, so that XGBoost's reader and Python's cannot see two things in one text.
    return bytearray(json.dumps(model, ensure_ascii=False, separators=(",", ":")).encode())


def categories(model: Any) -> dict[int, Any]:
    """The categories that a model knows, by the position of their column.

    Args:
        model: what a file of XGBoost's holds.

    Returns:
        For each column with categories, an array of strings or of integers in the order of their
        codes. Models of XGBoost before 3.1 know none, and names that are not ASCII are left out:
        XGBoost counts their letters where it needs bytes, so they are cut in the wrong places.
    """
    booster = _booster(model["learner"])[0]
    columns = booster["model"].get("cats", {}).get("enc", ())
    found = {position: _names(column) for position, column in enumerate(columns)}
    return {position: names for position, names in found.items() if len(names)}


def _names(column: Mapping[str, Any]) -> Any:
    if "offsets" not in column:
        return integers(column["values"], "categories")
    text = integers(column["values"], "names").astype(np.uint8).tobytes()
    spans = itertools.pairwise(column["offsets"]) if text.isascii() else ()
    return np.array([text[start:end].decode() for start, end in spans], dtype=object)


def _check_model(model: Any, installed: tuple[int, ...]) -> None:
    require(isinstance(model, dict), "no model of XGBoost's")
    learner = _part(model, "learner", dict)
    for key in ("feature_names", "feature_types"):
        names = learner.get(key, [])
        require(isinstance(names, list) and all(isinstance(n, str) for n in names), f"its {key}")
    sizes = _part(learner, "learner_model_param", dict)
    n_features = _number(sizes, "num_feature", 1 << 31)
    n_classes = _number(sizes, "num_class", 1 << 31)
    n_outputs = max(1, n_classes, _number(sizes, "num_target", 1 << 31, 1))
    for key in ("feature_names", "feature_types"):
        require(len(learner.get(key, [])) in {0, n_features}, f"more or fewer {key} than features")
    _check_objective(_part(learner, "objective", dict), n_classes)
    _check_attributes(learner.get("attributes", {}))
    booster, kind = _booster(learner)
    if kind == "gblinear":
        linear = _part(booster, "model", dict)
        weights = np.asarray(linear["weights"])
        require(weights.ndim == 1 and weights.dtype.kind in "fi", "weights that are no numbers")
        require(len(weights) == (n_features + 1) * n_outputs, "more or fewer weights than features")
        return
    trees = _part(booster, "model", dict)
    n_trees = _check_trees(trees, n_features, n_outputs)
    if installed >= _SEPARATE_LEAVES and any(map(_has_old_leaves, trees["trees"])):
        raise ValueError(
            "it has leaves of several values as XGBoost wrote them before 3.2, which the installed"
            " version cannot read; load it with the version that trained it"
        )
    if kind == "dart":
        dropped = _part(learner, "gradient_booster", dict)["weight_drop"]
        require(len(dropped) == n_trees, "more or fewer weights than trees")


def _booster(learner: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The part that holds the model, and the kind of booster."""
    outer = _part(learner, "gradient_booster", dict)
    kind = _part(outer, "name", str)
    if kind == "dart":
        inner = _part(outer, "gbtree", dict)
        require(inner.get("name") == "gbtree", "a dart without its trees")
        return inner, kind
    require(kind in {"gbtree", "gblinear"}, "a booster of an unknown kind")
    return outer, kind


def _check_objective(objective: Mapping[str, Any], n_classes: int) -> None:
    name = _part(objective, "name", str)
    if "softmax_multiclass_param" in objective or name.startswith("multi:"):
        own = _part(objective, "softmax_multiclass_param", dict)
        require(
            _number(own, "num_class", 1 << 31) == n_classes >= 1,
            "an objective of more or fewer classes than the model",
        )


def _check_attributes(attributes: Any) -> None:
    require(isinstance(attributes, dict), "its attributes")
    require(all(isinstance(value, str) for value in attributes.values()), "its attributes")
    if "best_iteration" in attributes:
        _number(attributes, "best_iteration", 1 << 30)


def _check_trees(model: Mapping[str, Any], n_features: int, n_outputs: int) -> int:
    """How many trees there are, if they are sound."""
    trees = _part(model, "trees", list)
    counts = _part(model, "gbtree_model_param", dict)
    n_parallel = _number(counts, "num_parallel_tree", 1 << 20, 1)
    require(_number(counts, "num_trees", 1 << 31) == len(trees), "more or fewer trees than it says")
    output_of = integers(_part(model, "tree_info", list), "tree_info")
    require(len(output_of) == len(trees), "more or fewer outputs than trees")
    require(within(output_of, 0, n_outputs), "a tree for an output that is not there")
    if "iteration_indptr" in model:
        starts = integers(_part(model, "iteration_indptr", list), "iteration_indptr")
        check_ranges(starts, len(trees), "an iteration")
    elif len(trees):
        per_round = (int(output_of.max()) + 1) * n_parallel
        require(per_round > 0 and len(trees) % per_round == 0, "an iteration that is cut off")
    _check_categories(model.get("cats", {"enc": [], "feature_segments": [], "sorted_idx": []}))
    width = _check_nodes(trees, n_features, n_outputs)
    require(n_outputs <= max(_FEW, len(trees), width), "many outputs and no tree for each")
    return len(trees)


def _check_nodes(trees: Sequence[Any], n_features: int, n_outputs: int) -> int:
    """How many values a leaf has, if all nodes of all trees are sound."""
    sizes = np.zeros(len(trees), dtype=np.int64)
    widths = np.zeros(len(trees), dtype=np.int64)
    for position, tree in enumerate(trees):
        require(isinstance(tree, dict) and tree["id"] == position, "a tree in another's place")
        sizes[position], widths[position] = _check_lengths(tree, n_features)
    if not len(trees):
        return 1
    width = int(widths[0])
    require(bool((widths == width).all()), "trees with leaves of another size")
    require(len({"split_type" in tree for tree in trees}) == 1, "trees without kinds of splits")
    require(width in {1, n_outputs}, "leaves with more or fewer values than outputs")
    left, right, parents, features = (
        integers(np.concatenate([np.asarray(tree[key]) for tree in trees]), key)
        for key in ("left_children", "right_children", "parents", "split_indices")
    )
    inner = left != -1
    check_links(sizes, inner, left, right)
    require(within(features[inner], 0, n_features), "a split on a feature that is not there")
    _check_parents(sizes, inner, left, right, parents)
    _check_leaves(trees, sizes, inner, right, width)
    return width


def _check_lengths(tree: Mapping[str, Any], n_features: int) -> tuple[int, int]:
    """How many nodes a tree has, and how many values a leaf, if its arrays are as long."""
    counts = _part(tree, "tree_param", dict)
    size = _number(counts, "num_nodes", 1 << 31)
    width = max(1, _number(counts, "size_leaf_vector", 1 << 31, 0))
    deleted = _number(counts, "num_deleted", 1 << 31, 0)
    require(size >= 1 and deleted < size, "a tree without nodes")
    require(_number(counts, "num_feature", 1 << 31) == n_features, "a tree of other features")
    for key in ("left_children", "right_children", "parents", "split_indices", "default_left"):
        require(len(tree[key]) == size, f"a tree with more or fewer {key} than nodes")
    require(
        len(tree["split_conditions"]) == size, "a tree with more or fewer conditions than nodes"
    )
    for key in ("sum_hessian", "loss_changes"):
        if key in tree or not _has_old_leaves(tree):
            require(len(tree[key]) == size, f"a tree with more or fewer {key} than nodes")
    require(len(tree["base_weights"]) == size * width, "a tree with more or fewer weights")
    if "split_type" in tree or width > 1:  # XGBoost before 1.3 wrote none
        _check_category_splits(tree, size)
    return size, width


def _has_old_leaves(tree: Mapping[str, Any]) -> bool:
    several = _number(tree["tree_param"], "size_leaf_vector", 1 << 31, 0) > 1
    return several and "leaf_weights" not in tree


def _check_category_splits(tree: Mapping[str, Any], size: int) -> None:
    kinds = tree["split_type"]
    require(len(kinds) == size, "a tree with more or fewer kinds of splits than nodes")
    at, starts, lengths, values = (
        tree[key]
        for key in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not len(at) and not np.any(kinds):
        require(not len(starts) and not len(lengths), "categories of no split")
        return
    nodes = integers(at, "nodes of categories")
    starts, lengths = integers(starts, "categories"), integers(lengths, "categories")
    require(len(nodes) == len(starts) == len(lengths), "categories of no split")
    by_category = np.flatnonzero(integers(kinds, "split_type"))
    require(np.array_equal(nodes, by_category), "a split by categories without its categories")
    require(within(integers(kinds, "split_type"), 0, 2), "a split of an unknown kind")
    values = integers(values, "categories")
    require(within(values, 0, _MAX_CATEGORY), "a category out of bounds")
    require(within(starts, 0, len(values)) and within(lengths, 1, len(values) + 1), "categories")
    require(within(starts + lengths, 1, len(values) + 1), "categories out of bounds")


def _check_parents(
    sizes: Integers, inner: Any, left: Integers, right: Integers, parents: Integers
) -> None:
    roots = np.cumsum(sizes) - sizes
    require(bool(np.isin(parents[roots], _ROOT).all()), "a root with a parent")
    # Pruned nodes keep their place, and their parent.
    others = np.ones(len(parents), dtype=bool)
    others[roots] = False
    in_tree = (parents >= 0) & (parents < np.repeat(sizes, sizes))
    require(bool(in_tree[others].all()), "a node of a parent out of bounds")
    positions = np.flatnonzero(inner)
    own = np.repeat(roots, sizes)[positions]
    for links in (left, right):
        of_child = parents[links[positions] + own]
        require(np.array_equal(of_child, positions - own), "a child of another parent")


def _check_leaves(
    trees: Sequence[Any], sizes: Integers, inner: Any, right: Integers, width: int
) -> None:
    """Leaves of one value have no child; those of many say where their values are."""
    if width == 1 or "leaf_weights" not in trees[0]:
        require(bool((right[~inner] == -1).all()), "a leaf with a child")
        require(not any("leaf_weights" in tree for tree in trees), "leaves of another kind")
        return
    held = np.array([len(tree["leaf_weights"]) for tree in trees], dtype=np.int64)
    require(bool((held % width == 0).all()), "a leaf that is cut off")
    of_node = np.repeat(held // width, sizes)[~inner]
    at = right[~inner]
    require(bool(((at >= 0) & (at < of_node)).all()), "a leaf without its values")


def _check_categories(cats: Any) -> None:
    """The names of categories, which data are compared with."""
    require(isinstance(cats, dict), "its categories")
    columns = _part(cats, "enc", list)
    if not columns and not len(cats["feature_segments"]) and not len(cats["sorted_idx"]):
        return
    starts = integers(cats["feature_segments"], "feature_segments")
    order = integers(cats["sorted_idx"], "sorted_idx")
    check_ranges(starts, len(order), "the categories of a column")
    require(len(starts) == len(columns) + 1, "more or fewer categories than columns")
    for position, column in enumerate(columns):
        require(isinstance(column, dict), "categories of an unknown kind")
        count = _count(column)
        start, end = starts[position : position + 2]
        require(end - start == count, "a column that miscounts its categories")
        own = np.sort(order[start:end])
        require(np.array_equal(own, np.arange(count)), "categories in no order")


def _count(column: Mapping[str, Any]) -> int:
    """How many categories a column has."""
    values = integers(column["values"], "categories")
    if "offsets" not in column:
        require(type(column["type"]) is int, "categories of an unknown kind")
        return len(values)
    offsets = integers(column["offsets"], "offsets")
    require(within(values, -128, 256), "names that are no bytes")
    if not len(offsets):
        require(not len(values), "categories out of bounds")
        return 0
    check_ranges(offsets, len(values), "a category")
    return len(offsets) - 1


def _part(parent: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    value = parent.get(key)
    if not isinstance(value, kind):
        require(False, f"{key} is missing, or of another kind")
        raise AssertionError
    return value


def _number(parent: Mapping[str, Any], key: str, limit: int, default: int | None = None) -> int:
    """A number below ``limit``, which XGBoost writes as text."""
    text = parent.get(key, None if default is None else str(default))
    require(
        isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 10,
        f"{key} is no number",
    )
    value = int(str(text))
    require(value < limit, f"{key} is too large")
    return value
