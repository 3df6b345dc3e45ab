"""Forged skops files: refused before anything is built from them that could crash or run code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
import zipfile
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from sklearn.cluster import Birch, BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import (
    BallTree,
    KDTree,
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestNeighbors,
    RadiusNeighborsClassifier,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from flavorkit.errors import TrustError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.skops import allowed_types
from flavorkit.flavors.skops import file as skops_file
from flavorkit.trust import Evidence, Grant

DATA = Grant(False, frozenset(), Evidence("m", "sha256:0"), "nobody has signed it")
ALL = Grant(True, frozenset(), Evidence("m", "sha256:0"), "")
X, y = load_iris(return_X_y=True)


def load(path, trust=DATA):
    return skops_file.load(path, trust=trust)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


def dumped(model, path):
    skops_file.dump(model, path)
    return path


def rewrite(path, change_schema=None, change_arrays=None):
    """Write the archive again, with its JSON and its arrays changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if change_schema:
        schema = json.loads(parts["schema.json"])
        change_schema(schema)
        parts["schema.json"] = json.dumps(schema).encode()
    if change_arrays:
        for name in [name for name in parts if name.endswith(".npy")]:
            array = np.load(io.BytesIO(parts[name]))
            changed = change_arrays(array)
            if changed is not None:
                buffer = io.BytesIO()
                np.save(buffer, changed, allow_pickle=False)
                parts[name] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def nodes_of(schema):
    """Every node of the JSON tree."""
    stack = [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "__class__" in item:
                yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def named(schema, name):
    return [node for node in nodes_of(schema) if node["__class__"] == name]


def set_field(field, value, where=0):
    def change(array):
        if array.dtype.names and field in array.dtype.names:
            array = array.copy()
            array[field][where] = value
            return array
        return None

    return change


def leaf_with_a_child(array):
    if not array.dtype.names or "left_child" not in array.dtype.names:
        return None
    array = array.copy()
    array["right_child"][np.flatnonzero(array["left_child"] == -1)[0]] = 1
    return array


TREE_FORGERIES = {
    "child out of bounds": set_field("left_child", 999_999),
    "child of itself": set_field("left_child", 0),
    "negative child": set_field("right_child", -7),
    "feature out of bounds": set_field("feature", 999_999),
    "negative feature": set_field("feature", -1),
    "cycle": set_field("right_child", 0, where=2),
    "two parents": set_field("right_child", 1),
    "leaf with a child": leaf_with_a_child,
    "no nodes": lambda a: a[:0] if a.dtype.names else None,
    "fewer values": lambda a: a[:-1] if a.dtype == np.float64 and a.ndim == 3 else None,
}


@pytest.mark.parametrize("forgery", TREE_FORGERIES)
@pytest.mark.parametrize("trust", [DATA, ALL], ids=["data", "all"])
def test_a_forged_tree_is_refused(forgery, trust, path):
    dumped(DecisionTreeClassifier(max_depth=3).fit(X, y), path)
    load(path)
    rewrite(path, change_arrays=TREE_FORGERIES[forgery])
    with pytest.raises(UnreadableModelError, match=r"forged|ForgedStateError|incompatible"):
        load(path, trust)


def json_of(value):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def set_state(key, value):
    def change(schema):
        for tree in named(schema, "Tree"):
            tree["content"]["content"][key] = json_of(value)

    return change


SCHEMA_FORGERIES = {
    "node_count": set_state("node_count", 10**6),
    "max_depth": set_state("max_depth", 0),
    "max_depth of another type": set_state("max_depth", "3"),
    "n_features": lambda schema: [
        tree["__reduce__"]["args"]["content"].__setitem__(0, json_of(1000))
        for tree in named(schema, "Tree")
    ],
    "n_outputs": lambda schema: [
        tree["__reduce__"]["args"]["content"].__setitem__(2, json_of(5))
        for tree in named(schema, "Tree")
    ],
    "no state": lambda schema: [
        tree.__setitem__("content", json_of({})) for tree in named(schema, "Tree")
    ],
    "as a plain object": lambda schema: [
        tree.update(__loader__="ObjectNode") for tree in named(schema, "Tree")
    ],
    "as a call of the class": lambda schema: [
        tree.update(__loader__="ConstructorFromReduceNode", content=tree["__reduce__"]["args"])
        for tree in named(schema, "Tree")
    ],
    "under another name": lambda schema: [
        tree.update(__class__="list", __module__="builtins", content=json_of({}))
        for tree in named(schema, "Tree")
    ],
    "features of the owner": lambda schema: [
        node["content"]["content"].update(n_features_in_=json_of(1))
        for node in named(schema, "DecisionTreeClassifier")
    ],
}


@pytest.mark.parametrize("forgery", SCHEMA_FORGERIES)
def test_a_tree_with_forged_dimensions_is_refused(forgery, path):
    dumped(DecisionTreeClassifier(max_depth=3).fit(X, y), path)
    rewrite(path, change_schema=SCHEMA_FORGERIES[forgery])
    with pytest.raises((UnreadableModelError, TrustError), match=r"cannot be loaded|not loaded"):
        load(path)


def narrow(*names):
    """Estimators that claim to take one feature, and so let narrower rows through to the trees."""

    def change(schema):
        for name in names:
            for node in named(schema, name):
                node["content"]["content"]["n_features_in_"] = json_of(1)

    return change


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (RandomForestClassifier(2), "RandomForestClassifier"),
        (GradientBoostingClassifier(n_estimators=2), "GradientBoostingClassifier"),
        (HistGradientBoostingClassifier(max_iter=2), "HistGradientBoostingClassifier"),
        (IsolationForest(n_estimators=2), "IsolationForest"),
    ],
)
def test_an_ensemble_that_takes_narrower_rows_than_its_trees_is_refused(model, name, path):
    dumped(model.fit(X, y), path)
    rewrite(path, change_schema=narrow(name))
    with pytest.raises(UnreadableModelError, match=r"forged|of 1 features"):
        load(path)


def categorical_without_bitset(array):
    if not array.dtype.names:
        return None
    array = array.copy()
    array["is_categorical"][0] = 1
    array["bitset_idx"][0] = 7
    return array


PREDICTOR_FORGERIES = {
    "left": set_field("left", 999_999),
    "right": set_field("right", 0),
    "feature": set_field("feature_idx", 999),
    "negative feature": set_field("feature_idx", -1),
    "bitset": categorical_without_bitset,
    "no nodes": lambda a: a[:0] if a.dtype.names else None,
}


@pytest.mark.parametrize("forgery", PREDICTOR_FORGERIES)
def test_a_forged_predictor_is_refused(forgery, path):
    dumped(HistGradientBoostingClassifier(max_iter=2).fit(X, y), path)
    load(path)
    rewrite(path, change_arrays=PREDICTOR_FORGERIES[forgery])
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(path)


@pytest.fixture
def categorical_booster(path):
    rows = np.c_[np.arange(150) % 3, X[:, 0]]
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]).fit(rows, y)
    return dumped(model, path), rows, model


def test_a_booster_with_categories_loads_as_data(categorical_booster):
    path, rows, model = categorical_booster
    np.testing.assert_array_equal(load(path).instance.predict(rows), model.predict(rows))


def drop_a_column(schema):
    for transformer in named(schema, "ColumnTransformer"):
        listed = transformer["content"]["content"]["transformers_"]["content"]
        del listed[1]


def another_function(schema):
    for node in named(schema, "check_array"):
        node.update(__class__="mean", __module__="numpy")


def in_fit(schema):
    for node in named(schema, "HistGradientBoostingClassifier"):
        node["content"]["content"]["_in_fit"] = json_of(True)
        node["content"]["key_types"]["content"].append(node["content"]["key_types"]["content"][0])


@pytest.mark.parametrize("change", [drop_a_column, another_function, in_fit])
def test_a_booster_whose_preprocessor_could_narrow_the_rows_is_refused(categorical_booster, change):
    path, _, _ = categorical_booster
    rewrite(path, change_schema=change)
    with pytest.raises(UnreadableModelError, match=r"forged|of 2 features"):
        load(path)


def resize(size):
    def change(array):
        if array.dtype == np.int64 and array.ndim == 1 and len(array) == len(X):
            return array[:size]
        return None

    return change


def out_of_bounds(array):
    if array.dtype == np.int64 and array.ndim == 1 and len(array) == len(X):
        return array + 10**6
    return None


NEIGHBOR_FORGERIES = {
    "fewer rows": resize(10),
    "rows out of bounds": out_of_bounds,
    "node beyond the data": set_field("idx_end", 10**6),
    "negative start": set_field("idx_start", -1),
    "no leaves": set_field("is_leaf", 0, where=slice(None)),
    "bounds of another size": lambda a: a[:, :1] if a.ndim == 3 else None,
    "data of another width": lambda a: (
        np.ascontiguousarray(a[:, :2]) if a.shape == X.shape else None
    ),
}


@pytest.mark.parametrize("forgery", NEIGHBOR_FORGERIES)
@pytest.mark.parametrize("kind", [KDTree, BallTree])
def test_a_forged_search_tree_is_refused(kind, forgery, path):
    dumped(kind(X), path)
    load(path)
    rewrite(path, change_arrays=NEIGHBOR_FORGERIES[forgery])
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(path)


def tree_state(position, value):
    def change(schema):
        for node in named(schema, "KDTree"):
            node["content"]["content"][position] = json_of(value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        tree_state(5, 40),
        tree_state(6, 10**6),
        tree_state(4, 0),
        tree_state(11, None),
        tree_state(12, [1.0]),
        lambda schema: [node.update(content=json_of(None)) for node in named(schema, "KDTree")],
        lambda schema: [node.pop("content") for node in named(schema, "KDTree")],
    ],
)
def test_a_search_tree_with_forged_numbers_is_refused(change, path):
    dumped(KDTree(X), path)
    rewrite(path, change_schema=change)
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(path)


def test_a_distance_that_follows_arrays_of_its_own_is_not_data(path):
    model = KNeighborsClassifier(metric="seuclidean", metric_params={"V": X.var(axis=0)})
    dumped(model.fit(X, y), path)
    with pytest.raises(TrustError, match="SEuclideanDistance64"):
        load(path)
    assert load(path, ALL)


def test_a_distance_with_weights_is_refused(path):
    dumped(KDTree(X), path)
    grow = lambda a: np.zeros(9) if a.shape == (1,) else None  # noqa: E731
    rewrite(path, change_arrays=grow)
    with pytest.raises(UnreadableModelError, match="a distance with weights"):
        load(path)


def test_a_forged_spline_is_refused(path):
    dumped(SplineTransformer().fit(X), path)
    load(path)
    shorten = lambda a: a[:2] if a.ndim == 1 and len(a) > 8 and a.dtype == float else None  # noqa: E731
    rewrite(path, change_arrays=shorten)
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(path)


BRUTE = {"algorithm": "brute", "metric": "manhattan"}
PAIRS = np.c_[y, y]


def forged_model(make, rows=X, **state):
    """A fitted model with another state, as a forger would write it."""
    model = make.fit(rows, y)
    vars(model).update(state)
    return model


def center_of_a_node(width):
    model = BisectingKMeans(3, random_state=0).fit(X)
    model._bisecting_tree.left.center = np.zeros(width)
    return model


def sparse_svm(**state):
    return forged_model(SVC(), scipy.sparse.csr_matrix(X), **state)


def svm_in_columns():
    model = sparse_svm()
    model.support_vectors_ = model.support_vectors_.tocsc()
    return model


def svm_without_coefficients():
    model = sparse_svm()
    model._dual_coef_ = scipy.sparse.csr_matrix(model._dual_coef_.shape)
    return model


FORGED_MODELS = {
    "wide centers": lambda: forged_model(KMeans(2, n_init=1), cluster_centers_=np.zeros((2, 9))),
    "narrow centers": lambda: forged_model(
        MiniBatchKMeans(2, n_init=1), cluster_centers_=np.zeros((2, 1))
    ),
    "wide center of a node": lambda: center_of_a_node(9),
    "many threads": lambda: forged_model(KMeans(2, n_init=1), _n_threads=10**6),
    "narrow neighbours": lambda: forged_model(
        KNeighborsRegressor(**BRUTE), _fit_X=np.zeros((150, 1))
    ),
    "wide neighbours": lambda: forged_model(NearestNeighbors(**BRUTE), _fit_X=np.zeros((150, 9))),
    "a class out of bounds": lambda: forged_model(KNeighborsClassifier(**BRUTE), _y=y + 2**40),
    "a negative class": lambda: forged_model(RadiusNeighborsClassifier(9.0, **BRUTE), _y=y - 1),
    "fewer classes than neighbours": lambda: forged_model(KNeighborsClassifier(**BRUTE), _y=y[:1]),
    "fewer coefficients than support vectors": svm_without_coefficients,
    "support vectors in another layout": svm_in_columns,
}


@pytest.mark.parametrize("name", FORGED_MODELS)
def test_a_model_whose_compiled_code_would_read_beyond_its_arrays_is_refused(name, path):
    dumped(FORGED_MODELS[name](), path)
    with pytest.raises(UnreadableModelError, match="forged"):
        load(path)


@pytest.mark.parametrize(
    "model",
    [
        KMeans(2, n_init=1).fit(X),
        BisectingKMeans(3, random_state=0).fit(X),
        KNeighborsClassifier(**BRUTE).fit(X, y),
        KNeighborsClassifier(**BRUTE).fit(X, PAIRS),
        KNeighborsClassifier().fit(X, np.array(["a", "b", "c"])[y]),
        KNeighborsRegressor(**BRUTE).fit(scipy.sparse.csr_matrix(X), y),
        RadiusNeighborsClassifier(9.0, outlier_label=7).fit(X, y),
        SVC().fit(scipy.sparse.csr_matrix(X), y),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_genuine_one_is_data(model, path):
    again = load(dumped(model, path)).instance
    if hasattr(model, "predict"):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_sparse_matrices_are_data_if_their_indices_are_in_bounds(layout, path):
    matrix = scipy.sparse.random_array((5, 4), density=0.5, format=layout, rng=0)
    dumped(matrix, path)
    assert (load(path).instance != matrix).nnz == 0
    forge_sparse(path, layout)
    with pytest.raises(UnreadableModelError, match="cannot be loaded"):
        load(path)


def forge_sparse(path, layout):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    (name,) = [name for name in parts if name.endswith(".npz")]
    arrays = dict(np.load(io.BytesIO(parts[name])))
    key = next(key for key in ("indices", "row", "coords") if key in arrays)
    arrays[key] = arrays[key] + 10**6
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    parts[name] = buffer.getvalue()
    # Under the name of the base class skops' own audit would let it through.
    schema = json.loads(parts["schema.json"])
    schema.update(__class__="spmatrix", __module__="scipy.sparse._matrix")
    parts["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def test_other_sparse_layouts_are_refused(path):
    dumped(scipy.sparse.dia_array(np.eye(3)), path)
    with pytest.raises((UnreadableModelError, TrustError), match="dia"):
        load(path)


@pytest.mark.parametrize(
    "name",
    ["os.system", "builtins.eval", "subprocess.Popen", "numpy.load", "sklearn.utils._testing.x"],
)
def test_functions_and_types_nobody_has_reviewed_are_refused(name, path):
    dumped(FunctionTransformer(np.log1p), path)
    module, _, attribute = name.rpartition(".")

    def change(schema):
        for node in named(schema, "log1p"):
            node.update(__module__=module, __class__=attribute)

    rewrite(path, change_schema=change)
    with pytest.raises(TrustError, match=rf"types that nobody has reviewed \({name}\)") as caught:
        load(path)
    assert f"trust=['{name}']" in str(caught.value)


def test_types_the_caller_allows_are_built(path):
    dumped(FunctionTransformer(os.path.basename), path)
    allowed = Grant(False, frozenset({"posixpath.basename"}), DATA.evidence, "")
    assert load(path, allowed).instance.func is os.path.basename


METHODS = ["MethodNode", "OperatorFuncNode", "NoSuchNode"]


@pytest.mark.parametrize("loader", METHODS)
def test_nodes_of_odd_kinds_are_refused(loader, path):
    dumped(FunctionTransformer(np.log1p), path)

    def change(schema):
        for node in named(schema, "log1p"):
            node.update(__loader__=loader, __module__="operator", __class__="methodcaller")
            node.update(attrs=json_of(["x"]), content={"func": "x", "obj": json_of(1)})

    rewrite(path, change_schema=change)
    with pytest.raises((UnreadableModelError, TrustError), match=r"model\.skops"):
        load(path)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 300_000_000)


def twice(path):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("schema.json", "{}")
        archive.writestr("schema.json", "{}")


def deep(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", '{"a":' * 5000 + "1" + "}" * 5000)


def huge_array(path):
    dumped(DecisionTreeClassifier(max_depth=1).fit(X, y), path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in [name for name in parts if name.endswith(".npy")]:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
        header += b" " * (118 - len(header)) + b"\n"
        parts[name] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "make",
    [
        bomb,
        twice,
        deep,
        huge_array,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x05\x06" + b"\0" * 18),
        lambda path: path.write_bytes(b"\x80\x04\x95" + b"x" * 100),
    ],
    ids=["bomb", "twice", "deep", "huge array", "empty", "empty zip", "pickle"],
)
def test_damaged_archives_are_refused(make, path):
    make(path)
    with pytest.raises(UnreadableModelError, match=r"model\.skops cannot be loaded"):
        load(path)


def test_what_skops_cannot_write_says_what_can(path):
    with pytest.raises(UnsavableModelError, match='serialization_format="cloudpickle" saves it'):
        skops_file.dump(Birch().fit(X), path)


REACHING = {
    "a cache of pickles": (
        lambda: Pipeline([("clf", DecisionTreeClassifier())], memory="cache").fit(X, y),
        r"a Pipeline in it has a cache \(memory\)",
    ),
    "files named by requests": (
        lambda: CountVectorizer(input="filename", vocabulary=["a"]),
        "a CountVectorizer in it opens the files that its input names",
    ),
    "an array to write into": (
        lambda: FunctionTransformer(np.max, kw_args={"out": np.zeros(4)}),
        r"told to write into an array of the model's \(out\)",
    ),
    "arguments by position": (
        lambda: FunctionTransformer(partial(np.max, X, 0)),
        "called with arguments of the file's choice",
    ),
}


@pytest.mark.parametrize("case", REACHING)
def test_what_reaches_beyond_its_input_takes_trust(case, path):
    make, problem = REACHING[case]
    dumped(make(), path)
    with pytest.raises(TrustError, match=problem):
        load(path)
    assert load(path, ALL)


def json_node(value):
    text = json.dumps(value)
    head = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    return {**head, "content": text, "is_json": True}


def tuple_node(*items):
    head = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"}
    return {**head, "content": list(items)}


CALLED = {
    "a function": ("numpy", "amax", "ConstructorFromReduceNode", tuple_node(json_node(1))),
    "a dtype": ("numpy", "dtype", "ConstructorFromReduceNode", tuple_node(json_node("V8"))),
    "a dtype as a loss": ("numpy", "dtype", "LossNode", tuple_node(json_node(3))),
    "a function as a loss": ("numpy", "amax", "LossNode", tuple_node()),
    "a class of the list": ("functools", "partial", "ObjectNode", tuple_node()),
    "a listed function as a dict": ("numpy", "amax", "DictNode", {}),
}


@pytest.mark.parametrize("case", CALLED)
def test_a_reviewed_name_is_not_reviewed_for_another_kind_of_node(case, path):
    """What is only a value when scikit-learn writes it is not called because a file says so."""
    module, name, loader, content = CALLED[case]
    node = {"__class__": name, "__module__": module, "__loader__": loader, "content": content}
    node |= {"__reduce__": {"args": tuple_node(json_node("V8"))}, "key_types": json_node([])}

    def plant(schema):
        attributes = schema["content"]
        attributes["content"]["planted"] = node
        attributes["key_types"]["content"].append(attributes["key_types"]["content"][0])

    dumped(DecisionTreeClassifier(max_depth=3).fit(X, y), path)
    rewrite(path, plant)
    with pytest.raises(TrustError, match=f"nobody has reviewed.*{module}.{name}"):
        load(path)


def more_columns(model):
    model.estimators_ = np.tile(model.estimators_, (1, 300))


def another_guess(model):
    model.init_ = DummyClassifier(strategy="prior").fit(X, y)
    model.init_.classes_, model.init_.n_classes_ = model.init_.classes_[:2], 2
    model.init_.class_prior_ = model.init_.class_prior_[:2]


BOOSTERS = {
    "more trees than outputs": (more_columns, "not one for each output"),
    "a guess of fewer outputs": (another_guess, "not one for each output"),
    "a guess of another kind": (
        lambda m: setattr(m, "init_", DecisionTreeClassifier().fit(X, y)),
        "a first guess .* that nobody has reviewed",
    ),
}


@pytest.mark.parametrize("case", BOOSTERS)
def test_a_booster_that_would_write_beyond_its_result_is_refused(case, path):
    forge, problem = BOOSTERS[case]
    model = GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(X, y)
    load(dumped(model, path))
    forge(model)
    with pytest.raises(UnreadableModelError, match=problem):
        load(dumped(model, path))


def shortened(name):
    return lambda model: setattr(model, name, getattr(model, name)[..., :-1].copy())


MACHINES = {
    "fewer coefficients": (shortened("_dual_coef_"), "without coefficients"),
    "fewer intercepts": (shortened("_intercept_"), "without intercepts"),
    "narrower vectors": (shortened("support_vectors_"), "of another width"),
    "fewer classes": (shortened("classes_"), "without"),
    "miscounted": (lambda m: setattr(m, "_n_support", m._n_support + 1), "miscounted"),
    "a probability too many": (
        lambda m: setattr(m, "_probA", np.zeros(7)),
        "probabilities",
    ),
}


@pytest.mark.parametrize("case", MACHINES)
def test_a_forged_support_vector_machine_is_refused(case, path):
    forge, problem = MACHINES[case]
    model = SVC().fit(X, y)
    load(dumped(model, path))
    forge(model)
    with pytest.raises(UnreadableModelError, match=problem):
        load(dumped(model, path))


def test_a_precomputed_kernel_stays_in_bounds(path):
    model = SVC(kernel="precomputed").fit(X @ X.T, y)
    load(dumped(model, path))
    model.support_ = model.support_ + 1000
    with pytest.raises(UnreadableModelError, match="out of bounds"):
        load(dumped(model, path))


@pytest.mark.parametrize("make", [SVR, OneClassSVM, NuSVC, LinearSVC, SVC])
def test_sound_support_vector_machines_load(make, path):
    model = make().fit(X, y)
    np.testing.assert_array_equal(load(dumped(model, path)).instance.predict(X), model.predict(X))


CRASH = """
import sys, skops.io, numpy as np
model = skops.io.load(sys.argv[1], trusted=["sklearn.tree._tree.Tree"])
model.predict(np.zeros((1000, 4)))
"""


def test_the_forged_trees_are_no_idle_threat(path):
    """Without the checks, the same file ends the process or reads what is not its own."""
    dumped(DecisionTreeClassifier(max_depth=3).fit(X, y), path)
    rewrite(path, change_arrays=set_field("left_child", 2**40))
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(path)], check=False, capture_output=True
    )
    assert done.returncode < 0
    with pytest.raises(UnreadableModelError, match="child out of bounds"):
        load(path)


def test_the_list_has_nothing_outside_its_libraries():
    assert not allowed_types.is_allowed("FunctionNode", "os.system", is_trusted=False)
    # Those of LightGBM are checked by flavors/skops/lightgbm_state.py.
    beyond = {
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        *(f"lightgbm.sklearn.LGBM{kind}" for kind in ("Classifier", "Ranker", "Regressor")),
    }
    names = allowed_types._FUNCTIONS.union(*allowed_types._BY_KIND.values())
    assert beyond <= names
    for name in names - beyond:
        assert name.partition(".")[0] in {"sklearn", "numpy", "scipy", "functools"}
    # As a type it could be called while a file is read; as an object only its state is set.
    assert not allowed_types.is_allowed("TypeNode", "lightgbm.basic.Booster", is_trusted=False)


def test_reading_imports_no_pytorch_and_leaves_scikit_learns_adapter_of_it(tmp_path):
    path = tmp_path / "model.skops"
    skops_file.dump(DecisionTreeClassifier().fit(X, y), path)
    code = """if True:
        import sys
        from pathlib import Path
        from flavorkit.flavors.skops import file
        from flavorkit.trust import Evidence, Grant
        grant = Grant(False, frozenset(), Evidence("m", "sha256:0"), "")
        file.load(Path(sys.argv[1]), trust=grant)
        assert "torch" not in sys.modules
        import sklearn.externals.array_api_compat.torch
        assert "torch" in sys.modules
    """
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
