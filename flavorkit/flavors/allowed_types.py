"""The types that a skops file may hold beyond skops' own list.

skops trusts scikit-learn's public estimators. Their fitted state holds more: compiled trees and
search structures, kernels, losses, scoring functions. Those listed here run no code of the file's
when they are rebuilt; the compiled ones are checked besides, in
:mod:`flavorkit.flavors.compiled_state`.
"""

from __future__ import annotations

from functools import cache

from flavorkit.flavors import compiled_state


def _names(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


# Plain Python classes and pure functions: rebuilding or calling them does nothing but arithmetic.
_PLAIN = frozenset(
    {
        "functools.partial",  # of a function that has to be allowed itself
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
    }
    | _names("numpy", "amax amin max mean median min nanmean nanmedian std sum var")
    | _names(
        "sklearn._loss.loss",
        "HalfTweedieLoss HalfTweedieLossIdentity",
    )
    | _names(
        "sklearn.calibration",
        "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    )
    | _names("sklearn.cluster._kmeans", "_kmeans_single_elkan _kmeans_single_lloyd")
    | _names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    | _names(
        "sklearn.feature_selection._univariate_selection",
        "chi2 f_classif f_oneway f_regression r_regression",
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


def is_allowed(name: str) -> bool:
    """Whether a type or function of this full name may be built from data."""
    return name in _PLAIN or name in compiled_state.types() or name in _metric_functions()


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
