"""LightGBM's model text, checked before LightGBM sees it.

LightGBM's reader believes a text: how many trees it has and where they begin, links between nodes,
numbers of features. Here the whole grammar is compared with what LightGBM writes, so that there is
one way to read it, and everything that LightGBM later uses as an index or a length is compared with
what it goes into.

Reference: ``src/boosting/gbdt_model_text.cpp`` and ``src/io/tree.cpp`` of LightGBM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flavorkit.flavors.forged import require, within
from flavorkit.flavors.tree_checks import Integers, check_links, check_ranges

_VERSIONS = frozenset({b"v2", b"v3", b"v4"})
_NEEDED = frozenset(
    {
        *(b"version", b"num_class", b"num_tree_per_iteration", b"label_index"),
        *(b"max_feature_idx", b"feature_names", b"feature_infos", b"tree_sizes"),
    }
)
_KNOWN = _NEEDED | {b"objective", b"average_output", b"monotone_constraints"}
_INTEGER = rb"-?\d{1,10}"
_NUMBER = rb"-?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|inf|nan)"
_INTEGERS = re.compile(rb"(?:%b(?: %b)*+)?" % (_INTEGER, _INTEGER))
_NUMBERS = re.compile(rb"(?:%b(?: %b)*+)?" % (_NUMBER, _NUMBER))
_NAME = re.compile(rb"[A-Za-z_]\w*(?: [\w.:+-]+)*")
_PARAMETER = re.compile(rb"\[\w+: ?[^\n]*\]")
_CATEGORY_COLUMNS = re.compile(rb"^\[categorical_feature: (\d+(?:,\d+)*)\]$", re.MULTILINE)
_PANDAS = b"pandas_categorical:"
_END_OF_TREES = b"end of trees"

# The lines of a tree, by how many values they have: one for each leaf, one for each split, others.
_BY_LEAF = {b"leaf_value": _NUMBERS, b"leaf_weight": _NUMBERS, b"leaf_count": _INTEGERS}
_BY_SPLIT = {
    **dict.fromkeys((b"split_feature", b"left_child", b"right_child"), _INTEGERS),
    **dict.fromkeys((b"decision_type", b"internal_count"), _INTEGERS),
    **dict.fromkeys((b"split_gain", b"threshold", b"internal_value", b"internal_weight"), _NUMBERS),
}
_LINEAR = frozenset({b"leaf_const", b"num_features", b"leaf_features", b"leaf_coeff"})
_OTHERS = frozenset(
    {b"num_leaves", b"num_cat", b"cat_boundaries", b"cat_threshold", b"is_linear", b"shrinkage"}
)
_REQUIRED = frozenset({b"num_leaves", b"num_cat", b"leaf_value"})
_SPLIT_REQUIRED = frozenset(_BY_SPLIT) - {b"internal_weight"} | {b"leaf_count"}
_CATEGORICAL, _MAX_DECISION = 1, 12  # bits: by category, default left, and three ways of missing


def read(path: Path) -> str:
    """The content of ``path``, as LightGBM may load it.

    Raises:
        ValueError: it is no text of LightGBM's, or no model that LightGBM would have written.
    """
    # Where lines have come to end as on Windows, the sizes of trees no longer fit; before, they do.
    content = path.read_bytes().replace(b"\r\n", b"\n")
    check(content)
    return content.decode()


def check(content: bytes) -> None:
    """Refuse a text that is not one model, whole and sound.

    Raises:
        ValueError: the message says what is wrong.
    """
    require(b"\0" not in content and b"\r" not in content, "a text with other characters")
    content.decode()
    header, start = _header(content)
    n_features = _check_header(header)
    sizes = _integers(header[b"tree_sizes"], "tree_sizes").tolist()
    require(all(size > 0 for size in sizes), "a tree of no size")
    if sizes:
        require(len(sizes) % int(header[b"num_class"]) == 0, "an iteration that is cut off")
    trees = []
    for number, size in enumerate(sizes):
        block, start = content[start : start + size], start + size
        require(len(block) == size, "a tree that is cut off")
        trees.append(_tree(block, number))
    _check_nodes(trees, n_features)
    rest = content[start:]
    require(re.match(rb"\n*end of trees\n", rest) is not None, "more trees than it says")
    # Without a tree, LightGBM would look for the header in all of the text.
    require(bool(sizes) or b"=" not in rest, "a header behind the trees")
    _check_rest(rest)


def category_columns(text: str, known: Sequence[Any] | None) -> dict[int, Any]:
    """The categories that a model was trained with in pandas' columns.

    Args:
        text: the model.
        known: the categories of each such column, as LightGBM keeps them, without its position.

    Returns:
        The categories by the position of their column; none where the text leaves open which
        columns they are.
    """
    found = _CATEGORY_COLUMNS.search(text.encode())
    positions = [int(number) for number in found[1].split(b",")] if found else []
    if not known or len(positions) != len(known):
        return {}
    return dict(zip(positions, known, strict=True))


def _header(content: bytes) -> tuple[dict[bytes, bytes], int]:
    """The lines before the first tree, and where that begins."""
    end = content.find(b"\n\n")
    lines = content[: max(end, 0)].split(b"\n")
    require(lines[0] == b"tree", "no model of LightGBM's")
    header: dict[bytes, bytes] = {}
    for line in lines[1:]:
        key, _, value = line.partition(b"=")
        require(key in _KNOWN, f"a line that it does not know: {key[:50]!r}")
        require(key not in header, "a line that stands twice")
        require(key == b"feature_names" or b"=" not in value, "a line with two values")
        header[key] = value
    missing = sorted(_NEEDED - header.keys())
    require(not missing, f"a header without {missing and missing[0].decode()}")
    return header, end + 2


def _check_header(header: Mapping[bytes, bytes]) -> int:
    """How many features there are, if the header is sound."""
    require(header[b"version"] in _VERSIONS, "a version of the format that is not known")
    require(header.get(b"average_output", b"") == b"", "a line with a value")
    n_classes, per_iteration, n_features = (
        _integer(header, key)
        for key in (b"num_class", b"num_tree_per_iteration", b"max_feature_idx")
    )
    _integer(header, b"label_index")
    n_features += 1
    require(n_classes == per_iteration >= 1, "more or fewer classes than trees in an iteration")
    require(1 <= n_features < 2**31 - 1, "a model without features")
    for key in (b"feature_names", b"feature_infos"):
        names = header[key].split(b" ")
        require(len(names) == n_features and all(names), f"more or fewer {key.decode()}")
    if b"monotone_constraints" in header:
        found = _integers(header[b"monotone_constraints"], "monotone_constraints")
        require(len(found) == n_features and within(found, -1, 2), "constraints of no features")
    if b"objective" in header:
        _check_objective(header[b"objective"], n_classes)
    return n_features


def _check_objective(objective: bytes, n_classes: int) -> None:
    require(_NAME.fullmatch(objective) is not None, "an objective without its name")
    name, *options = objective.split(b" ")
    classes = [option for option in options if option.startswith(b"num_class:")]
    if name.startswith(b"multiclass") or classes:
        require(
            classes == [b"num_class:%d" % n_classes],
            "an objective of more or fewer classes than the model",
        )


@dataclass(frozen=True)
class _Tree:
    """What has to fit together in a tree; its arrays in the order of the text."""

    n_leaves: int
    left: Integers
    right: Integers
    features: Integers
    leaf_features: Integers
    """Those that the linear models of its leaves look at."""


def _tree(block: bytes, number: int) -> _Tree:
    first, *lines = block.rstrip(b"\n").split(b"\n")
    require(first == b"Tree=%d" % number and block.endswith(b"\n\n"), "a tree in another's place")
    tree: dict[bytes, bytes] = {}
    for line in lines:
        key, equals, value = line.partition(b"=")
        known = key in _BY_LEAF or key in _BY_SPLIT or key in _LINEAR or key in _OTHERS
        require(known and bool(equals), f"a line of a tree that it does not know: {key[:50]!r}")
        require(key not in tree, "a line of a tree that stands twice")
        tree[key] = value
    n_leaves, n_categories = _integer(tree, b"num_leaves"), _integer(tree, b"num_cat")
    is_linear = tree.get(b"is_linear", b"0")
    require(n_leaves >= 1 and n_categories >= 0, "a tree without leaves")
    require(is_linear in {b"0", b"1"}, "a tree that is linear or not")
    require(_is_list(_NUMBERS, tree.get(b"shrinkage", b"1"), 1), "a tree without its shrinkage")
    needed = _REQUIRED if n_leaves == 1 else _REQUIRED | _SPLIT_REQUIRED
    missing = sorted(needed - tree.keys())
    require(not missing, f"a tree without {missing and missing[0].decode()}")
    for key in tree.keys() & _BY_SPLIT.keys():
        _check_list(_BY_SPLIT[key], tree, key, n_leaves - 1)
    for key in tree.keys() & _BY_LEAF.keys():
        is_left_out = n_leaves == 1 and key != b"leaf_value" and not tree[key]
        if not is_left_out:
            _check_list(_BY_LEAF[key], tree, key, n_leaves)
    left, right, features, decisions = (
        _integers(tree.get(key, b""), key.decode())
        for key in (b"left_child", b"right_child", b"split_feature", b"decision_type")
    )
    require(within(decisions, 0, _MAX_DECISION), "a decision of an unknown kind")
    _check_category_splits(tree, decisions, n_categories)
    leaf_features = _leaf_features(tree, n_leaves) if is_linear == b"1" else left[:0]
    return _Tree(n_leaves, left, right, features, leaf_features)


def _check_category_splits(
    tree: Mapping[bytes, bytes], decisions: Integers, n_categories: int
) -> None:
    """A split by categories names a set of them by its threshold."""
    by_category = np.flatnonzero(decisions & _CATEGORICAL)
    if n_categories:
        starts = _integers(tree.get(b"cat_boundaries", b""), "cat_boundaries")
        sets = _integers(tree.get(b"cat_threshold", b""), "cat_threshold")
        require(len(starts) == n_categories + 1, "more or fewer sets of categories")
        require(within(sets, 0, 1 << 32), "a set of categories that is none")
        check_ranges(starts, len(sets), "a set of categories")
    if len(by_category):
        thresholds = tree[b"threshold"].split(b" ")
        chosen = _integers(b" ".join(thresholds[node] for node in by_category), "categories")
        require(within(chosen, 0, n_categories), "a split by categories that are not there")


def _leaf_features(tree: Mapping[bytes, bytes], n_leaves: int) -> Integers:
    """The features of the linear models in the leaves, if there is a coefficient for each."""
    require(tree.keys() >= _LINEAR, "a linear tree without its coefficients")
    _check_list(_NUMBERS, tree, b"leaf_const", n_leaves)
    counts = _integers(tree[b"num_features"], "num_features")
    require(len(counts) == n_leaves and within(counts, 0, 1 << 31), "leaves without coefficients")
    # A space stands behind each, and one more behind each leaf.
    listed, coefficients = (
        b" ".join(tree[key].split()) for key in (b"leaf_features", b"leaf_coeff")
    )
    found = _integers(listed, "leaf_features")
    total = int(counts.sum())
    require(
        len(found) == total and _is_list(_NUMBERS, coefficients, total),
        "leaves with more or fewer coefficients than features",
    )
    return found


def _check_nodes(trees: Sequence[_Tree], n_features: int) -> None:
    """Refuse links that do not make trees, of all trees at once."""
    if not trees:
        return
    leaves = np.array([tree.n_leaves for tree in trees], dtype=np.int64)
    splits = leaves - 1
    sizes = leaves + splits
    # A tree's splits stand first and its leaves behind them; a link of ~k is to its leaf k.
    inner = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) < np.repeat(
        splits, sizes
    )
    of_tree = np.repeat(splits, splits)
    left, right = (np.full(len(inner), -1, dtype=np.int64) for _ in range(2))
    for side, name in ((left, "left"), (right, "right")):
        links = np.concatenate([getattr(tree, name) for tree in trees])
        require(bool((links < of_tree).all()), "a tree with a link out of it")
        side[inner] = np.where(links < 0, of_tree + ~links, links)
    check_links(sizes, inner, left, right)
    features = np.concatenate(
        [part for tree in trees for part in (tree.features, tree.leaf_features)]
    )
    require(within(features, 0, n_features), "a split on a feature that is not there")


def _check_rest(rest: bytes) -> None:
    """What stands behind the trees: importances, parameters, pandas' categories."""
    lines = rest.split(b"\n")
    if b"parameters:" in lines:
        start = lines.index(b"parameters:")
        require(b"end of parameters" in lines[start:], "parameters that are cut off")
        end = lines.index(b"end of parameters", start)
        for line in filter(None, lines[start + 1 : end]):
            require(_PARAMETER.fullmatch(line) is not None, "a parameter without its value")
    # LightGBM's Python package looks for it in the last line.
    last = rest.rstrip().rpartition(b"\n")[2]
    if last.startswith(_PANDAS):
        known = json.loads(last.removeprefix(_PANDAS))
        require(known is None or isinstance(known, list), "categories that are no list")
        for values in known or ():
            require(isinstance(values, list), "categories that are no list")
            require(
                all(value is None or isinstance(value, str | int | float) for value in values),
                "categories of an unknown kind",
            )


def _integer(lines: Mapping[bytes, bytes], key: bytes) -> int:
    """A number of 32 bits."""
    value = lines.get(key, b"")
    require(re.fullmatch(_INTEGER, value) is not None, f"{key.decode()} is no number")
    require(-(2**31) <= int(value) < 2**31, f"{key.decode()} is too large")
    return int(value)


def _integers(value: bytes, what: str) -> Integers:
    """A line of whole numbers, with one space between."""
    require(_INTEGERS.fullmatch(value) is not None, f"{what} that is no list of whole numbers")
    return np.array(value.split(), dtype=np.int64)


def _check_list(kind: re.Pattern[bytes], tree: Mapping[bytes, bytes], key: bytes, n: int) -> None:
    require(_is_list(kind, tree[key], n), f"a tree with more or fewer {key.decode()}")


def _is_list(kind: re.Pattern[bytes], value: bytes, n: int) -> bool:
    """Whether a line holds ``n`` numbers of a kind."""
    count = value.count(b" ") + 1 if value else 0
    return count == n and kind.fullmatch(value) is not None
