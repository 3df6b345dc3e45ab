"""What the trees of a booster must satisfy before its library sees them.

Boosting libraries follow the links of a tree without looking, so a forged one crashes the process,
reads its memory or never ends. All trees of a model are checked together, in numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flavorkit.flavors.forged import require

MAX_DEPTH = 4096
"""How deep a tree may be; some explanations recurse into it."""

Integers = NDArray[np.int64]


def check_links(sizes: Integers, inner: NDArray[np.bool_], left: Integers, right: Integers) -> None:
    """Refuse links that lead out of their tree, in a circle, or to a node by two ways or by none.

    The nodes of all trees stand one after another, each tree begins with its root, and links count
    from the root of their tree.

    Args:
        sizes: how many nodes each tree has.
        inner: whether a node has two children; shape ``(nodes,)``.
        left: the left child of each node, looked at where ``inner``; shape ``(nodes,)``.
        right: the right child of each.

    Raises:
        ForgedStateError: the message says what is wrong.
    """
    require(bool((sizes >= 1).all()) and sizes.sum() == len(inner), "a tree that miscounts")
    roots = np.cumsum(sizes) - sizes
    parents = np.flatnonzero(inner)
    tree_of = np.repeat(np.arange(len(sizes)), sizes)[parents]
    children = np.full((2, len(inner)), -1, dtype=np.int64)
    for side, links in zip(children, (left[parents], right[parents]), strict=True):
        require(
            bool(((links >= 1) & (links < sizes[tree_of])).all()), "a tree with a link out of it"
        )
        side[parents] = links + roots[tree_of]
    # Where every node has one parent at most, and a root none, there is one way to each.
    reached = np.bincount(children[:, parents].ravel(), minlength=1)
    require(int(reached.max()) <= 1, "a tree with two ways to a node")
    level, depth, found = roots, 0, 0
    while (level := level[inner[level]]).size:
        found += len(level)
        level = children[:, level].ravel()
        depth += 1
        require(depth <= MAX_DEPTH, f"a tree deeper than {MAX_DEPTH}")
    require(found == len(parents), "a tree with nodes beside it")


def integers(values: Any, what: str) -> Integers:
    """A list or array of integers, as one of 64 bits.

    Raises:
        ForgedStateError: they are something else.
    """
    array = np.asarray(values)
    require(array.ndim == 1, f"{what} that is no list")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    require(array.dtype.kind in "iub" and array.dtype != np.uint64, f"{what} that is no integers")
    return array.astype(np.int64)


def check_ranges(starts: Integers, values: int, what: str) -> None:
    """Refuse ``starts`` that do not cut ``values`` values into pieces, one after another."""
    require(
        len(starts) >= 1
        and starts[0] == 0
        and starts[-1] == values
        and bool((np.diff(starts) >= 0).all()),
        f"{what} out of bounds",
    )
