"""The types that a skops file may hold beyond skops' own list.

skops trusts scikit-learn's public estimators. Their fitted state holds more: compiled trees and
search structures, kernels, losses, scoring functions. Those listed here run no code of the file's
when they are rebuilt; the compiled ones are checked besides, in
:mod:`flavorkit.flavors.skops.compiled_state` and :mod:`flavorkit.flavors.skops.lightgbm_state`.
"""

from __future__ import annotations

from functools import cache

from flavorkit.flavors.skops import compiled_state, lightgbm_state


def _names(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


# Plain Python classes: rebuilding one sets its attributes and no more.
_CLASSES = frozenset(
    {
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.multiclass._ConstantPredictor",
    }
    | _names("lightgbm.sklearn", "LGBMClassifier LGBMRanker LGBMRegressor")
    | _names("sklearn._loss.loss", "HalfTweedieLoss HalfTweedieLossIdentity")
    | _names(
        "sklearn.calibration",
        "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    )
    | _names(
        "sklearn.gaussian_process.kernels",
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern"
        " PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel",
    )
    | _names(
        "sklearn.metrics._scorer",
        "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
    )
    | _names("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest")
    | _names(
        "sklearn.model_selection._split",
        "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut"
        " PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold"
        " StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper",
    )
    | _names("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer SGDOptimizer")
)

# Pure functions, as the value of an attribute. A file can have none of them called while it is
# rebuilt: what they would be called with is the file's choice, and numpy's write where told to.
_FUNCTIONS = frozenset(
    {
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.utils.validation.check_array",
    }
    | _names("numpy", "amax amin max mean median min nanmean nanmedian std sum var")
    | _names("sklearn.cluster._kmeans", "_kmeans_single_elkan _kmeans_single_lloyd")
    | _names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    | _names(
        "sklearn.feature_selection._univariate_selection",
        "chi2 f_classif f_oneway f_regression r_regression",
    )
)

# What a node of the file becomes is for its kind to say, so a name is allowed for one kind.
_BY_KIND = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"sklearn.utils._bunch.Bunch"}),
    "ObjectNode": _CLASSES | compiled_state.OBJECTS | {lightgbm_state.BOOSTER},
    "PartialNode": frozenset({"functools.partial"}),
    "SparseMatrixNode": compiled_state.SPARSE,
    "TreeNode": compiled_state.TREES,
    "TypeNode": compiled_state.TREES | {"collections.OrderedDict"},
}
# Kinds that build what a trusted name says from data. Those left out call it, with arguments of the
# file's choice, or look an attribute up.
_KINDS = frozenset(_BY_KIND) | {
    *("BytearrayNode", "BytesNode", "CachedNode", "DefaultDictNode", "FunctionNode", "JsonNode"),
    *("ListNode", "LossNode", "MaskedArrayNode", "NdArrayNode", "RandomGeneratorNode"),
    *("RandomStateNode", "SetNode", "SliceNode", "TupleNode"),
}


def is_allowed(kind: str, name: str, *, is_trusted: bool) -> bool:
    """Whether a node may be built from data.

    Args:
        kind: the class of skops' node, which says how it is built.
        name: the full name of the type or function that the node names.
        is_trusted: whether skops itself trusts the name in a node of this kind.
    """
    if kind not in _KINDS:
        return False
    if is_trusted:
        return True
    if kind == "FunctionNode":
        return name in _FUNCTIONS or name in _metric_functions()
    return name in _BY_KIND.get(kind, ())


@cache
def _metric_functions() -> frozenset[str]:
    """The functions that scikit-learn's own scorers are made of."""
    from sklearn.metrics import get_scorer, get_scorer_names

    functions = [getattr(get_scorer(name), "_score_func", None) for name in get_scorer_names()]
    return frozenset(
        f"{function.__module__}.{function.__name__}"
        for function in functions
        if function is not None
    )
