"""What is special to LightGBM: texts it would crash over, categories, rounds, its estimators."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import flavorkit
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors import lightgbm_text
from flavorkit.flavors.skops import lightgbm_state
from tests.flavors import forging

lightgbm = pytest.importorskip("lightgbm")
pytestmark = [
    pytest.mark.xdist_group("lightgbm"),
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).round(1)
Y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0) * 1
SMALL = {"num_leaves": 5, "verbosity": -1}


def mixed():
    colours = np.array(["red", "blue", "green", "grün"])[RNG.integers(0, 4, 300)]
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    return frame.assign(
        colour=pd.Categorical(colours), size=pd.Categorical(RNG.integers(0, 40, 300) * 10)
    )


MIXED = mixed()
TARGET = MIXED["colour"].cat.codes * 3.0 + MIXED["size"].cat.codes + MIXED["a"]
FEW = {"min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 1}


def train(rounds=3, rows=X, target=Y, **options):
    return lightgbm.train({**SMALL, **options}, lightgbm.Dataset(rows, target), rounds)


def kinds():
    """One model of each structure that a text of LightGBM's can have."""
    yield "regression", train()
    yield "root", train(objective="regression", reg_sqrt=True)
    yield "binary", train(objective="binary", target=Y > 0)
    yield "classes", train(objective="multiclass", num_class=3)
    yield "one against all", train(objective="multiclassova", num_class=3)
    yield "own objective", train(objective=lambda p, data: (p - data.get_label(), np.ones_like(p)))
    yield "linear", train(linear_tree=True)
    yield "leaves alone", train(min_data_in_leaf=400)
    yield "linear leaves alone", train(min_data_in_leaf=400, linear_tree=True)
    yield "untrained", lightgbm.Booster(SMALL, lightgbm.Dataset(X, Y))
    yield "categories", train(rows=MIXED, target=TARGET, **FEW)
    yield "forest", train(boosting="rf", bagging_freq=1, bagging_fraction=0.5)
    yield "dart", train(boosting="dart")
    yield "constraints", train(monotone_constraints=[1, 0, -1, 0])
    wide = RNG.normal(size=(60, 2000))
    yield "wide", train(rows=wide, target=wide[:, 1999])
    yield "huge numbers", train(rows=np.where(X > 2, 1e300, X), target=Y * 1e30)
    yield "missing", train(rows=np.where(X > 1, np.nan, X), zero_as_missing=True)
    ranks = lightgbm.LGBMRanker(n_estimators=3, **SMALL).fit(X, Y, group=[30] * 10)
    yield "ranks", ranks.booster_


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lightgbm")
    for name, model in kinds():
        model.save_model(folder / f"{name}.lgb", num_iteration=-1)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def texts(files):
    return {file.stem: file.read_bytes() for file in files}


def test_every_genuine_text_passes_the_checks(files):
    for file in files:
        again = lightgbm.Booster(model_str=lightgbm_text.read(file))
        expected = lightgbm.Booster(model_file=file)
        assert again.model_to_string() == expected.model_to_string(), file.name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1000, 2000])
def test_no_damaged_text_brings_the_process_down(files, seed):
    outcomes = forging.run("lightgbm", files, seed=seed, count=1000)
    assert outcomes["refused"] > 400
    assert outcomes["predicted"] > 20  # a number in a leaf may be anything


# The model, the line, what stands in its first place instead, and what is said of it.
FORGED_TREES = {
    "a link out of the tree": ("regression", "left_child", "99999", "a link out of it"),
    "a link to the root": ("regression", "left_child", "0", "a link out of it"),
    "a link to a leaf that is not there": ("regression", "left_child", "-6", "a link out of it"),
    "one child twice": ("regression", "left_child", "2", "two ways|beside it"),
    "no such feature": ("regression", "split_feature", "4", "feature that is not there"),
    "a negative feature": ("regression", "split_feature", "-1", "feature that is not there"),
    "a number of 64 bits": ("regression", "split_feature", "4294967296", "feature that is not"),
    "more leaves than there are": ("regression", "num_leaves", "100000000", "more or fewer"),
    "no leaves": ("regression", "num_leaves", "0", "without leaves"),
    "a decision of an unknown kind": ("regression", "decision_type", "15", "an unknown kind"),
    "categories in a tree without": ("regression", "decision_type", "1", "categories"),
    "sets of categories of another size": ("categories", "cat_boundaries", "9", "out of bounds"),
    "a set of categories that is not there": ("categories", "num_cat", "9", "fewer sets"),
    "a category that is no number": ("categories", "cat_threshold", "x", "no list of whole"),
    "coefficients of no feature": ("linear", "num_features", "900", "more or fewer coefficients"),
    "negative coefficients": ("linear", "num_features", "-1", "leaves without coefficients"),
    "text for a number": ("regression", "threshold", "1e", "more or fewer threshold"),
    "a linear tree or not": ("linear", "is_linear", "2", "linear or not"),
}
FORGED_HEADERS = {
    "more classes than trees": ("classes", "num_class", "9", "classes than trees"),
    "more outputs than classes": ("regression", "num_tree_per_iteration", "9", "classes than"),
    "no classes": ("regression", "num_class", "0", "classes than trees"),
    "fewer features than names": ("regression", "max_feature_idx", "2", "more or fewer feature"),
    "an objective of other classes": (
        "classes",
        "objective",
        "multiclass num_class:9",
        "an objective of more or fewer classes",
    ),
    "no objective": ("regression", "objective", "", "without its name"),
    "trees cut elsewhere": (
        "regression",
        "tree_sizes",
        "99 99 99",
        "another's place|does not know",
    ),
    "more trees than there are": ("regression", "tree_sizes", "9999999", "cut off"),
    "a version to come": ("regression", "version", "v9", "version of the format"),
    "constraints of no features": ("constraints", "monotone_constraints", "1", "constraints of"),
}


def changed(content, kind, line, value):
    from tests.flavors.forging_lightgbm import parsed, written

    model = parsed(content)
    if kind == "header":
        model["head"][line] = [value]
        return written(model, is_counted=line != "tree_sizes")
    tree = next(one for one in reversed(model["trees"]) if line in one and one[line] != [""])
    tree[line] = [value, *tree[line][1:]]
    return written(model)


@pytest.mark.parametrize("name", [*FORGED_TREES, *FORGED_HEADERS])
def test_a_forged_text_is_refused_before_lightgbm_sees_it(texts, name):
    kind = "tree" if name in FORGED_TREES else "header"
    model, line, value, said = {**FORGED_TREES, **FORGED_HEADERS}[name]
    with pytest.raises(ValueError, match=said):
        lightgbm_text.check(changed(texts[model], kind, line, value))


ALONE = """
import sys, lightgbm
booster = lightgbm.Booster(model_file=sys.argv[1])
print(booster.predict([[-9.0] * 4, [9.0] * 4]))
"""


def alone(path):
    """What a process of its own ends with that hands the text to LightGBM as it is."""
    command = [sys.executable, "-c", ALONE, str(path)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False).returncode


def test_lightgbm_itself_would_crash_over_a_forged_text(texts, tmp_path):
    path = tmp_path / "model.lgb"
    path.write_bytes(texts["regression"])
    assert alone(path) == 0
    path.write_bytes(changed(texts["regression"], "tree", "left_child", "99999999"))
    assert alone(path) < 0  # by a signal: why there are checks at all


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"tree\n", b"pickle\n", "no model"),
        (b"\nTree=1\n", b"\nTree=0\n", "another's place"),
        (b"version=v4\n", b"version=v4\nversion=v4\n", "stands twice"),
        (b"version=v4\n", b"", "header without version"),
        (b"version=v4\n", b"version=v4\nmodel=1\n", "does not know: b'model'"),
        (b"num_class=1\n", b"num_class=1=2\n", "two values"),
        (b"num_class=1\n", b"num_class= 1\n", "num_class is no number"),
        (b"\nnum_cat=0\n", b"\nnum_cat 0\n", "does not know"),
        (b"\nnum_cat=0\n", b"\nnum_leaf=0\n", "does not know: b'num_leaf'"),
        (b"end of trees", b"Tree=3\n\n\nend of trees", "more trees than it says"),
        (b"[boosting: gbdt]", b"[boosting]", "a parameter without its value"),
        (b"end of parameters", b"", "parameters that are cut off"),
        (b"pandas_categorical:null", b"pandas_categorical:[[[]]]", "categories of an unknown"),
        (b"pandas_categorical:null", b"pandas_categorical:{}", "categories that are no list"),
        (b"pandas_categorical:null", b"pandas_categorical:[", "Expecting value"),
        (b"end of parameters", b"end of\0parameters", "other characters"),
        (b"end of parameters", b"end of \xff", "can't decode"),
    ],
)
def test_what_is_no_model_is_refused(texts, old, new, said):
    content = texts["regression"]
    assert old in content
    forged = content.replace(old, new, 1)
    with pytest.raises(ValueError, match=said):
        lightgbm_text.check(forged)


def test_a_text_without_trees_has_one_header(texts):
    forged = texts["untrained"].replace(b"end of trees\n", b"end of trees\nnum_class=99\n")
    with pytest.raises(ValueError, match="a header behind the trees"):
        lightgbm_text.check(forged)


def test_a_text_whose_lines_end_as_on_windows_is_read(texts, tmp_path):
    path = tmp_path / "model.lgb"
    path.write_bytes(texts["regression"].replace(b"\n", b"\r\n"))
    assert alone(path) != 0  # the sizes of the trees no longer fit
    assert lightgbm_text.read(path).encode() == texts["regression"]


def test_a_refused_text_is_named(tmp_path):
    flavorkit.save_model(train(), tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    (tmp_path / "m" / "model.lgb").write_bytes(b"tree")
    with pytest.raises(UnreadableModelError, match=r"model\.lgb cannot be loaded: Forged"):
        flavorkit.load_model(tmp_path / "m")


def rewritten(path, change):
    """The skops file, with its tree of JSON changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema)
    parts["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def json_node(value):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
        "__id__": 1,
    }


def estimator(schema):
    return schema["content"]["content"]


def booster_of(schema):
    return estimator(schema)["_Booster"]["content"]["content"]


def forge_text(schema):
    text = json.loads(booster_of(schema)["_handle"]["content"])
    forged = changed(text.encode(), "tree", "left_child", "99999").decode()
    booster_of(schema)["_handle"] = json_node(forged)


def no_text(schema):
    booster_of(schema)["_handle"] = json_node(None)


def an_address(schema):
    booster_of(schema)["_handle"] = json_node(2**40)


def another_text(schema):
    booster_of(schema)["handle"] = booster_of(schema)["_handle"]


def dropped_text(schema):
    keys = estimator(schema)["_Booster"]["content"]["key_types"]["content"]
    del keys[:]


def two_parameters(schema):
    estimator(schema)["boosting_type"] = json_node("gbdt predict_disable_shape_check=true")


def many_threads(schema):
    estimator(schema)["n_jobs"] = json_node(10**6)


def no_booster(schema):
    estimator(schema)["_Booster"] = json_node("booster")


FORGED_ESTIMATORS = {
    forge_text: "a link out of it",
    no_text: "a booster without its text",
    an_address: "a booster without its text",
    another_text: "a booster without its text",
    dropped_text: "a booster without its model",
    two_parameters: "boosting_type with more than one word",
    many_threads: "1000000 threads",
    no_booster: "something else for its booster",
}


@pytest.mark.parametrize("change", FORGED_ESTIMATORS, ids=lambda change: change.__name__)
def test_a_forged_estimator_is_refused(tmp_path, change):
    model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(X, Y)
    flavorkit.save_model(model, tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    flavorkit.load_model(tmp_path / "m", trust="data")
    rewritten(tmp_path / "m" / "model.skops", change)
    with pytest.raises(UnreadableModelError, match=FORGED_ESTIMATORS[change]):
        flavorkit.load_model(tmp_path / "m", trust="data")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("predict_disable_shape_check", True, "the parameter predict_disable_shape_check"),
        ("a b", 1, "of the name 'a b'"),
        ("metric", ["l2", "l1 x=1"], "more than one word"),
        ("class_weight", {"a": {"b\n": 1}}, "more than one word"),
        ("reg_alpha", object(), "of the type object"),
        ("num_threads", -(10**9), "threads"),
    ],
)
def test_parameters_that_reach_too_far_are_refused(name, value, said):
    with pytest.raises(ValueError, match=said):
        lightgbm_state.check_parameters({name: value})


def test_an_estimator_within_a_pipeline_of_scikit_learn_is_data_too(tmp_path):
    model = make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(n_estimators=3, **SMALL))
    flavorkit.save_model(model.fit(X, Y), tmp_path / "m", input_example=X[:2])
    (tmp_path / "m" / "manifest.json").unlink()
    loaded = flavorkit.load_model(tmp_path / "m", trust="data")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def requested(frame):
    """The rows as a request brings them: text and numbers."""
    return frame.astype({"colour": object, "size": int})


@pytest.mark.parametrize("api", ["booster", "scikit-learn"])
def test_categories_come_as_text_and_numbers(tmp_path, api):
    model = lightgbm.LGBMRegressor(n_estimators=10, **SMALL, **FEW).fit(MIXED, TARGET)
    native = model if api == "scikit-learn" else model.booster_
    expected = model.predict(MIXED)
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    plain = requested(MIXED)
    np.testing.assert_array_equal(loaded.predict(plain), expected)
    np.testing.assert_array_equal(loaded.predict(MIXED), expected)
    for row in range(5):  # the categories of a request are not those of the training data
        one = plain[row : row + 1]
        np.testing.assert_array_equal(loaded.predict(one), expected[row : row + 1])
    none = pd.Categorical([None] * 300, categories=MIXED["colour"].cat.categories)
    np.testing.assert_array_equal(
        loaded.predict(plain.assign(colour=None)), model.predict(MIXED.assign(colour=none))
    )
    with pytest.raises(
        InvalidInputError, match=r"column 'colour': 'pink' \(row 1\) is no category"
    ):
        loaded.predict(plain.assign(colour=["red", "pink"] * 150))


def test_categories_whose_columns_are_not_known_are_never_guessed(tmp_path):
    ordered = MIXED.assign(colour=MIXED["colour"].cat.as_ordered())  # a number to LightGBM
    model = train(rows=ordered, target=TARGET)
    flavorkit.save_model(model, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict(ordered), model.predict(ordered))
    with pytest.raises(
        InvalidInputError, match=r"categorical_feature do not match|bad pandas dtype"
    ):
        loaded.predict(requested(ordered))


def test_categories_that_the_text_has_no_place_for_are_not_saved(tmp_path):
    days = pd.Categorical(pd.to_datetime(["2020-01-01", "2020-01-02"] * 150))
    data = lightgbm.Dataset(MIXED[["a"]].assign(day=days), Y)
    model = lightgbm.train(SMALL, data, 3, keep_training_booster=True)
    with pytest.raises(UnsavableModelError, match="make them text or numbers"):
        flavorkit.save_model(model, tmp_path / "m")


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_a_model_that_stopped_early_predicts_with_its_best_round(tmp_path):
    noise = RNG.normal(size=100)
    early = [lightgbm.early_stopping(5, verbose=False)]
    model = lightgbm.LGBMRegressor(n_estimators=200, learning_rate=0.5, **SMALL)
    model.fit(X[:100], Y[:100] + noise, eval_set=[(X[100:], Y[100:])], callbacks=early)
    assert 0 < model.best_iteration_ < 200
    for name, native in (("model", model), ("booster", model.booster_)):
        flavorkit.save_model(native, tmp_path / name)
        found = flavorkit.load_model(tmp_path / name).predict(X)
        np.testing.assert_array_equal(found, model.predict(X))
    again = flavorkit.lightgbm.load_model(tmp_path / "model")
    assert again.best_iteration_ == model.best_iteration_
    assert again.best_score_ == model.best_score_


def test_an_estimator_that_went_on_from_another_loads_as_data(tmp_path):
    first = lightgbm.LGBMRegressor(n_estimators=2, **SMALL).fit(X, Y)
    model = lightgbm.LGBMRegressor(n_estimators=2, **SMALL).fit(X, Y, init_model=first)
    flavorkit.save_model(model, tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    loaded = flavorkit.load_model(tmp_path / "m", trust="data")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def own_objective(target, predicted):
    return predicted - target, np.ones_like(predicted)


def test_an_objective_of_ones_own_is_code(tmp_path):
    model = lightgbm.LGBMRegressor(n_estimators=2, objective=own_objective, **SMALL).fit(X, Y)
    with pytest.warns(UserWarning, match="the model refers to tests"):
        flavorkit.save_model(model, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")  # signed by the user's own key
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(flavorkit.errors.TrustError, match=r"nobody has reviewed .*own_objective"):
        flavorkit.load_model(tmp_path / "m", trust="data")


@pytest.mark.parametrize("api", ["booster", "scikit-learn"])
def test_data_that_do_not_fit_are_the_callers_mistake(tmp_path, capfd, api):
    model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(X, Y)
    native = model if api == "scikit-learn" else model.booster_
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    for rows in (X[:, :3], X[0], np.hstack([X, X])):
        with pytest.raises(InvalidInputError, match="takes rows of 4 features"):
            loaded.predict(rows)
    with pytest.raises(InvalidInputError, match=r"could not convert|not compatible"):
        loaded.predict(np.full((2, 4), "a"))
    example = (X[:2], {"num_iteration": 2, "start_iteration": 0})
    flavorkit.save_model(native, tmp_path / "params", input_example=example)
    loaded = flavorkit.load_model(tmp_path / "params")
    found = loaded.predict(X, {"start_iteration": 1, "num_iteration": 1})
    np.testing.assert_array_equal(found, model.predict(X, start_iteration=1, num_iteration=1))
    for wrong in (4, -2, 2**32 + 1):
        with pytest.raises(
            InvalidInputError, match="num_iteration must be a whole number from -1 to 3"
        ):
            loaded.predict(X, {"num_iteration": wrong})
    assert capfd.readouterr().out == ""


def test_calls_at_the_same_time_each_get_the_rounds_that_they_ask_for(tmp_path):
    flavorkit.lightgbm.save_model(
        train(50), tmp_path / "m", input_example=(X, {"num_iteration": 1})
    )
    predict = flavorkit.load_model(tmp_path / "m").predict
    expected = {rounds: predict(X, {"num_iteration": rounds}) for rounds in (1, 50)}

    def is_right(rounds):
        return np.array_equal(predict(X, {"num_iteration": rounds}), expected[rounds])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(is_right, [1, 50] * 200))


def test_sparse_rows_give_what_dense_rows_give(tmp_path):
    rows = np.where(np.abs(X) > 1, X, 0)
    model = train(rows=rows, objective="multiclass", num_class=3)
    example = (rows[:2], {"pred_contrib": False})
    flavorkit.save_model(model, tmp_path / "m", input_example=example)
    predict = flavorkit.load_model(tmp_path / "m").predict
    sparse = scipy.sparse.csr_matrix(rows)
    np.testing.assert_array_equal(predict(sparse), model.predict(rows))
    contributions = predict(sparse, {"pred_contrib": True})
    np.testing.assert_array_equal(contributions, model.predict(rows, pred_contrib=True))


def test_what_cannot_be_saved_says_so(tmp_path):
    with pytest.raises(UnsavableModelError, match="fit it first"):
        flavorkit.save_model(lightgbm.LGBMRegressor(), tmp_path / "m")
    with pytest.raises(UnsavableModelError, match="a Dataset is neither a Booster nor"):
        flavorkit.save_model(lightgbm.Dataset(X), tmp_path / "m")
    with pytest.raises(UnsavableModelError, match="'joblib' is no serialization format"):
        model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(X, Y)
        flavorkit.save_model(model, tmp_path / "m", serialization_format="joblib")


def test_a_folder_of_another_estimator_is_refused(tmp_path):
    model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(X, Y)
    flavorkit.save_model(model, tmp_path / "m")
    flavorkit.save_model(StandardScaler().fit(X), tmp_path / "other")
    (tmp_path / "m" / "manifest.json").unlink()
    content = (tmp_path / "other" / "model.skops").read_bytes()
    (tmp_path / "m" / "model.skops").write_bytes(content)
    with pytest.raises(UnreadableModelError, match="it holds a StandardScaler"):
        flavorkit.load_model(tmp_path / "m")
