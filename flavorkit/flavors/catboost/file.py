"""CatBoost's model files, checked before CatBoost sees them.

CatBoost asks whether the first part of a file is a FlatBuffer, and believes the rest: which feature
a split looks at, how many leaves a tree has, which place in the answer a class takes, all of the
tables of categories. A forged file makes it read and write elsewhere, or never end. Here everything
that it uses as an index or a length is compared with what it goes into.

A ``.cbm`` file is ``CBM1``, the length of a FlatBuffer, the FlatBuffer (features, trees, and texts
about them), and the parts that the FlatBuffer names: here tables of categories, each with its
length. What prepares texts and embeddings is not checked, and files with such a part are not
accepted.

Reference: ``catboost/libs/model/flatbuffers/*.fbs`` of CatBoost, and what ``libs/model/model.cpp``,
``static_ctr_provider.cpp`` and ``cpu/evaluator_impl.cpp`` do with it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.flavors.catboost import features as catboost_features
from flavorkit.flavors.catboost import flatbuffer
from flavorkit.flavors.catboost.features import Features, text_of
from flavorkit.flavors.catboost.flatbuffer import Table
from flavorkit.flavors.forged import parse_json, require, within
from flavorkit.flavors.tree_checks import MAX_DEPTH, Integers

UNCERTAIN = "RMSEWithUncertainty"
"""The loss, and the kind of prediction, for which CatBoost reads a second output unasked."""

_MAGIC = b"CBM1"
_TABLES = "static_provider_v1"
_VERSION = b"FlabuffersModel_v1"
_MAX_TREE = 16  # the deepest symmetric tree that CatBoost makes
_MAX_PER_BUCKET = 254  # values of a feature that one byte of the quantized data tells apart
_MAX_BUCKETS = 1 << 16
_MAX_NESTING = 64  # CatBoost's reader of JSON calls itself for each level
_FEW = 1024  # outputs that a model may have without a leaf value, or a class, for each

_STEP = np.dtype([("left", "<u2"), ("right", "<u2")])
_REPACKED = np.dtype([("feature", "<u2"), ("xor", "u1"), ("split", "u1")])


def unchecked_parts(content: bytes) -> list[str]:
    """The names of the parts of a ``.cbm`` file that nothing here looks through.

    Raises:
        ForgedStateError: it is no such file.
    """
    return [name for name in _part_names(_split(content)[0]) if name != _TABLES]


def check(content: bytes) -> None:
    """Refuse a ``.cbm`` file that CatBoost would not have written.

    Raises:
        ValueError: the message says what is wrong.
    """
    core, rest = _split(content)
    names = _part_names(core)
    require(names in ([], [_TABLES]), "a part that is not checked")
    require(core.text(0) == _VERSION, "a version that nobody knows")
    trees = core.table(1)
    n_outputs = int(trees.number(0, "i"))
    n_values = len(trees.vector(8, "<f8"))
    require(1 <= n_outputs <= max(_FEW, n_values), "many outputs and no leaves for them")
    require(not trees.tables(12) and not trees.tables(13) and not trees.tables(18), "texts")
    for key, value in _infos(core):
        _check_info(key, value, n_outputs)
    _check_bias(trees, n_outputs)
    require(bool(names) or not rest, "more than it says")
    features = catboost_features.read(trees, rest if names else None)
    n_bins = int(features.n_values.sum())
    sizes, starts, splits = (trees.vector(place, "<i4").astype(np.int64) for place in (2, 3, 1))
    require(bool((sizes >= 0).all()) and sizes.sum() == len(splits), "a tree that miscounts")
    require(np.array_equal(starts, np.cumsum(sizes) - sizes), "a tree in another's place")
    require(within(splits, 0, n_bins), "a split on a feature that is not there")
    repacked = trees.vector(17, _REPACKED)
    if len(repacked):
        require(np.array_equal(repacked, _repacked(features)[splits]), "splits that differ")
    n_leaves = _count_leaves(trees, sizes, n_outputs)
    require(n_values == n_leaves * n_outputs, "more or fewer values than leaves")
    require(len(trees.vector(9, "<f8")) in {0, n_leaves}, "more or fewer weights than leaves")


def _split(content: bytes) -> tuple[Table, bytes]:
    require(content[:4] == _MAGIC and len(content) >= 8, "no file of CatBoost's")
    (size,) = struct.unpack_from("<I", content, 4)
    require(size <= len(content) - 8, "a file that is cut off")
    return flatbuffer.root(content[8 : 8 + size]), content[8 + size :]


def _part_names(core: Table) -> list[str]:
    # The names of some end with a zero.
    return [name.rstrip(b"\0").decode("ascii", "replace") for name in core.texts(3)]


def _infos(core: Table) -> Iterator[tuple[str, str]]:
    seen = set()
    for pair in core.tables(2):
        key, value = (text_of(pair, place) for place in (0, 1))
        require(key not in seen, "an info that stands twice")
        seen.add(key)
        yield key, value


def _check_info(key: str, value: str, n_outputs: int) -> None:
    text = np.frombuffer(value.encode(), "u1")
    opened = np.isin(text, np.frombuffer(b"[{", "u1")).astype(np.int64)
    closed = np.isin(text, np.frombuffer(b"]}", "u1")).astype(np.int64)
    depth = int(np.cumsum(opened - closed).max(initial=0))
    require(depth <= _MAX_NESTING, "an info nested too deep")
    if key in {"class_params", "multiclass_params"}:
        _check_classes(parse_json(value.encode()), n_outputs)
    elif key in {"params", "loss_function"} and UNCERTAIN in json.dumps(parse_json(value.encode())):
        require(n_outputs > 1, "one output where two are read")


def _check_classes(params: Any, n_outputs: int) -> None:
    """Classes say which column of the answer is theirs; CatBoost writes there without looking."""
    require(isinstance(params, dict), "classes of an unknown kind")
    count = params.get("classes_count", 0)
    names, columns = (params.get(key, []) for key in ("class_names", "class_to_label"))
    require(type(count) is int and isinstance(names, list), "classes of an unknown kind")
    require(all(isinstance(name, str | int | float) for name in names), "a class without a name")
    require(count in {0, len(names)} or (not names and 0 <= count <= _FEW + n_outputs), "classes")
    require(isinstance(columns, list) and len(set(map(str, columns))) == len(columns), "classes")
    width = max(count, len(names)) or len(columns)
    require(all(type(at) in {int, float} and at == int(at) for at in columns), "classes")
    require(all(0 <= at < width for at in columns), "a class out of bounds")
    require(
        n_outputs == 1 or len(columns) == n_outputs <= width, "more or fewer classes than outputs"
    )


def _check_bias(trees: Table, n_outputs: int) -> None:
    biases = trees.vector(16, "<f8")
    numbers = [trees.number(14, "d", 1.0), trees.number(15, "d"), *biases]
    require(bool(np.isfinite(numbers).all()), "a bias that is no number")
    require(len(biases) in {0, n_outputs}, "more or fewer biases than outputs")


def _repacked(features: Features) -> NDArray[Any]:
    """Where in the quantized data each split looks, and for what."""
    counts = features.n_values
    buckets = -(-counts // _MAX_PER_BUCKET)
    require(int(buckets.sum()) <= _MAX_BUCKETS, "too many features")
    within_feature = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    number = within_feature % _MAX_PER_BUCKET + 1
    is_single = np.repeat(features.is_single, counts)
    found = np.zeros(len(number), _REPACKED)
    found["feature"] = (
        np.repeat(np.cumsum(buckets) - buckets, counts) + within_feature // _MAX_PER_BUCKET
    )
    found["xor"] = np.where(is_single, 255 - number, 0)
    found["split"] = np.where(is_single, 255, number)
    return found


def _count_leaves(trees: Table, sizes: Integers, n_outputs: int) -> int:
    """How many leaves all trees have, if each can be walked down."""
    steps, leaves = trees.vector(10, _STEP), trees.vector(11, "<u4").astype(np.int64)
    if not len(steps) and not len(leaves):
        require(within(sizes, 0, _MAX_TREE + 1), f"a tree deeper than {_MAX_TREE}")
        return int((1 << sizes).sum())
    n_nodes = int(sizes.sum())
    require(len(steps) == len(leaves) == n_nodes and bool((sizes >= 1).all()), "steps of no tree")
    # A step leads so many nodes further; one of no length ends there, maybe on one side only.
    lengths = np.stack([steps["left"], steps["right"]]).astype(np.int64)
    nodes = np.arange(n_nodes)
    ends = np.repeat(np.cumsum(sizes), sizes)
    targets = nodes + lengths
    require(bool((targets < ends).all()), "a step out of its tree")
    reached = np.bincount(targets[lengths > 0], minlength=n_nodes)
    roots = np.cumsum(sizes) - sizes
    is_root = np.isin(nodes, roots)
    require(bool((reached == ~is_root).all()), "a node with two ways to it, or none")
    level, depth = roots, 0
    while (level := targets[:, level][lengths[:, level] > 0]).size:
        depth += 1
        require(depth <= MAX_DEPTH, f"a tree deeper than {MAX_DEPTH}")
    is_end = (lengths == 0).any(axis=0)
    # Those of one tree stand together, in any order.
    at = leaves[is_end]
    order = np.lexsort((at, ends[is_end]))
    expected = np.arange(len(at)) * n_outputs
    require(np.array_equal(at[order], expected), "a leaf in another's place")
    return len(at)
