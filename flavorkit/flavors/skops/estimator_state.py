"""What an estimator out of a skops file must satisfy before it is used.

Compiled code trusts the estimator that calls it: for how wide a row is, how many columns the result
has, which support vector belongs to which class. So these are compared. And a few parameters of
scikit-learn's reach beyond the data that a model is given; nobody's file may set those.

References: ``sklearn/ensemble/_gradient_boosting.pyx``, ``sklearn/svm/_libsvm.pyx``,
``sklearn/cluster/_k_means_lloyd.pyx`` and ``sklearn/metrics/_pairwise_distances_reduction/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from flavorkit.flavors.forged import ForgedStateError, require, within

_MAX_THREADS = 1024


def check_owners(objects: Iterable[Any]) -> None:
    """Refuse estimators whose parts do not fit each other where compiled code relies on it.

    Raises:
        ForgedStateError: the message says which.
    """
    from sklearn.cluster._kmeans import _BaseKMeans
    from sklearn.ensemble import IsolationForest
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )
    from sklearn.neighbors._base import NeighborsBase
    from sklearn.svm._base import BaseLibSVM
    from sklearn.tree import BaseDecisionTree

    for owner in objects:
        if isinstance(owner, BaseDecisionTree):
            if hasattr(owner, "tree_"):
                _same(owner, "its tree", owner.tree_.n_features, owner.n_features_in_)
        elif isinstance(owner, BaseForest):
            _check_members(owner)
        elif isinstance(owner, BaseGradientBoosting):
            _check_gradient_boosting(owner)
        elif isinstance(owner, IsolationForest):
            _check_isolation_forest(owner)
        elif isinstance(owner, BaseHistGradientBoosting):
            _check_histogram_booster(owner)
        elif isinstance(owner, BaseLibSVM):
            _check_libsvm(owner)
        elif isinstance(owner, _BaseKMeans):
            _check_centers(owner)
        elif isinstance(owner, NeighborsBase):
            _check_neighbors(owner)


def reach_of(objects: Iterable[Any]) -> str | None:
    """What one of ``objects`` would do beyond computing on its input, as half a sentence."""
    for one in objects:
        if isinstance(one, Mapping) and isinstance(one.get("out"), np.ndarray | tuple | list):
            return "a function in it is told to write into an array of the model's (out)"
        if isinstance(one, partial) and one.args:
            return "a function in it is called with arguments of the file's choice"
        if not hasattr(one, "get_params") or isinstance(one, type):
            continue
        name = type(one).__name__
        if getattr(one, "memory", None) is not None:
            return f"a {name} in it has a cache (memory), which is a folder of pickles"
        if getattr(one, "input", None) in ("filename", "file"):
            return f"a {name} in it opens the files that its input names"
    return None


def _check_members(owner: Any) -> None:
    for member in np.ravel(getattr(owner, "estimators_", [])):
        _same(owner, "a tree", member.tree_.n_features, owner.n_features_in_)


def _check_gradient_boosting(owner: Any) -> None:
    """Its trees add to a result of as many columns as the first guess has."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if not hasattr(owner, "estimators_"):
        return
    _check_members(owner)
    trees, guess = owner.estimators_, owner.init_
    plain = guess == "zero" if isinstance(guess, str) else None
    if plain is None:
        plain = type(guess) in {DummyClassifier, DummyRegressor}
    require(plain, "a booster with a first guess (init) that nobody has reviewed")
    require(type(trees) is np.ndarray and trees.ndim == 2, "a booster without its trees")
    start = owner._raw_predict_init(np.zeros((1, owner.n_features_in_)))  # noqa: SLF001
    require(start.shape == (1, trees.shape[1]), "a booster whose trees are not one for each output")
    require(
        all(tree.tree_.n_outputs == 1 for tree in trees.flat), "a booster with trees of two outputs"
    )


def _check_isolation_forest(owner: Any) -> None:
    members = getattr(owner, "estimators_", [])
    chosen = getattr(owner, "estimators_features_", [])
    require(len(members) == len(chosen), "an isolation forest without its features")
    for member, features in zip(members, chosen, strict=True):
        indices = np.asarray(features)
        require(
            indices.dtype.kind in "iu" and within(indices, 0, owner.n_features_in_),
            "an isolation forest with a feature out of bounds",
        )
        _same(owner, "a tree", member.tree_.n_features, len(indices))


def _check_histogram_booster(owner: Any) -> None:
    if not hasattr(owner, "_predictors"):
        return
    n_features = owner.n_features_in_
    require(not getattr(owner, "_in_fit", False), "a booster that claims to be in training")
    categorical = np.asarray(owner._bin_mapper.is_categorical_)  # noqa: SLF001
    _same(owner, "its bin mapper", categorical.size, n_features)
    preprocessor = getattr(owner, "_preprocessor", None)
    if preprocessor is not None:
        _same(owner, "its preprocessor", _width_of(preprocessor), n_features)
    for predictor in (one for group in owner._predictors for one in group):  # noqa: SLF001
        inner = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        require(within(inner["feature_idx"], 0, n_features), "a feature out of bounds")
        split_on = inner["feature_idx"][inner["is_categorical"] != 0]
        require(bool(categorical[split_on].all()), "a split on categories of a number")


def _width_of(preprocessor: Any) -> int:
    """How many columns come out of what a histogram booster puts before itself."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
    from sklearn.utils.validation import check_array

    require(type(preprocessor) is ColumnTransformer, "a booster with another preprocessor")
    width = 0
    for name, transformer, columns in preprocessor.transformers_:
        if name == "remainder" and transformer == "drop":
            continue
        plain = type(transformer) is OrdinalEncoder or (
            type(transformer) is FunctionTransformer
            and getattr(transformer.func, "func", transformer.func) in {check_array, None}
        )
        mask = np.asarray(columns)
        require(plain and mask.dtype == bool, "a booster with another preprocessor")
        width += int(mask.sum())
    return width


def _same(owner: Any, part: str, width: int, expected: int) -> None:
    if width != expected:
        raise ForgedStateError(
            f"a {type(owner).__name__} of {expected} features, {part} has {width}"
        )


def _check_libsvm(owner: Any) -> None:
    """As many support vectors, coefficients and intercepts as the classes call for."""
    if not hasattr(owner, "support_"):
        return
    counts, support = np.asarray(owner._n_support), np.asarray(owner.support_)  # noqa: SLF001
    dual, intercept = owner._dual_coef_, np.asarray(owner._intercept_)
    n_vectors, is_classifier = len(support), hasattr(owner, "classes_")
    n_classes = len(owner.classes_) if is_classifier else 2
    pairs = n_classes * (n_classes - 1) // 2
    require(n_classes >= 2 and bool((counts >= 0).all()), "support vectors without classes")
    used = counts if is_classifier else counts[:1]
    require(int(used.sum()) == n_vectors, "support vectors that are miscounted")
    require(not is_classifier or counts.shape == (n_classes,), "support vectors without classes")
    require(dual.shape == (n_classes - 1, n_vectors), "support vectors without coefficients")
    # Of sparse ones libsvm takes what they hold for all values, row by row.
    held = getattr(dual, "nnz", dual.size)
    require(held == (n_classes - 1) * n_vectors, "support vectors without coefficients")
    layouts = {getattr(one, "format", "csr") for one in (dual, owner.support_vectors_)}
    require(layouts == {"csr"}, "support vectors in another layout")
    require(intercept.shape == (pairs,), "a support vector machine without intercepts")
    for name in ("_probA", "_probB"):
        require(np.asarray(getattr(owner, name)).shape in {(0,), (pairs,)}, "probabilities")
    vectors = owner.support_vectors_
    if owner.kernel == "precomputed" or callable(owner.kernel):
        require(within(support, 0, owner.shape_fit_[0]), "a support vector out of bounds")
    else:
        require(
            vectors.shape == (n_vectors, owner.n_features_in_), "support vectors of another width"
        )


def _check_centers(owner: Any) -> None:
    """Centers as wide as the rows; those of a bisecting one stand in a tree."""
    if not hasattr(owner, "cluster_centers_"):
        return
    threads = owner._n_threads  # noqa: SLF001
    require(type(threads) is int and 1 <= threads <= _MAX_THREADS, f"{threads!r} threads")
    width = (owner.n_features_in_,)
    centers = [np.asarray(owner.cluster_centers_)]
    nodes = [getattr(owner, "_bisecting_tree", None)]
    while nodes:
        node = nodes.pop()
        if node is not None:
            centers.append(np.asarray(node.center)[None])
            nodes += [node.left, node.right]
    require(
        all(one.ndim == 2 and one.shape[1:] == width for one in centers),
        "clusters whose centers are of another width",
    )


def _check_neighbors(owner: Any) -> None:
    """Neighbours as wide as the rows, each with an answer of its own."""
    if not hasattr(owner, "_fit_X"):
        return
    known = owner._fit_X  # noqa: SLF001
    if owner._fit_method == "brute":  # noqa: SLF001 - a search tree compares for itself
        require(
            len(known.shape) == 2 and known.shape[1] == owner.n_features_in_,
            "neighbours of another width",
        )
    if not hasattr(owner, "classes_"):
        return
    labels, classes = np.asarray(owner._y), owner.classes_  # noqa: SLF001
    columns = labels.reshape(len(labels), -1).T
    counts = [len(one) for one in classes] if isinstance(classes, list) else [len(classes)]
    require(
        labels.dtype.kind in "iu" and len(labels) == known.shape[0] and len(columns) == len(counts),
        "neighbours without their classes",
    )
    require(
        all(within(column, 0, n) for column, n in zip(columns, counts, strict=True)),
        "a neighbour of a class that is not there",
    )
