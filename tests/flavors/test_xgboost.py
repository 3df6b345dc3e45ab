"""What is special to XGBoost: files it would crash over, categories, missing values, rounds."""

from __future__ import annotations

import json
import math
import random
from functools import reduce

import numpy as np
import pandas as pd
import pytest

import flavorkit
from flavorkit.errors import InvalidInputError, UnreadableModelError, UnsavableModelError
from flavorkit.flavors.xgboost import file as xgboost_file
from flavorkit.flavors.xgboost import ubjson
from tests.flavors import forging

xgboost = pytest.importorskip("xgboost")
pytestmark = [
    pytest.mark.xdist_group("xgboost"),
    pytest.mark.filterwarnings("ignore:.*Empty dataset"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4)).round(1)
Y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0) * 1
TWO = np.stack([Y, X[:, 0]], axis=1)
SMALL = {"n_estimators": 3, "max_depth": 3}


def mixed():
    colours = np.array(["red", "blue", "green", "grey"])[RNG.integers(0, 4, 200)]
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    return frame.assign(
        colour=pd.Categorical(colours), size=pd.Categorical(RNG.integers(0, 40, 200) * 10)
    )


MIXED = mixed()


def category_target(frame):
    return frame["colour"].cat.codes * 3.0 + frame["size"].cat.codes + frame["a"]


def kinds():
    """One model of each structure that a file of XGBoost's can have."""
    rank = np.repeat(range(10), 20)
    early = {"early_stopping_rounds": 2, "n_estimators": 50, "max_depth": 3}
    yield "binary", xgboost.XGBClassifier(**SMALL).fit(X, Y > 0)
    yield "classes", xgboost.XGBClassifier(**SMALL).fit(X, Y)
    yield "regressor", xgboost.XGBRegressor(**SMALL).fit(X, Y)
    yield "dart", xgboost.XGBRegressor(booster="dart", rate_drop=0.5, **SMALL).fit(X, Y)
    yield "linear", xgboost.XGBRegressor(booster="gblinear", n_estimators=3).fit(X, Y)
    yield "linear classes", xgboost.XGBClassifier(booster="gblinear", n_estimators=3).fit(X, Y)
    few = {"enable_categorical": True, "max_cat_to_onehot": 2, **SMALL}
    yield "categories", xgboost.XGBRegressor(**few).fit(MIXED, category_target(MIXED))
    vectors = {"multi_strategy": "multi_output_tree", **SMALL}
    yield "vectors", xgboost.XGBRegressor(**vectors).fit(X, TWO)
    yield "vectors of classes", xgboost.XGBClassifier(**vectors).fit(X, Y)
    yield "outputs", xgboost.XGBRegressor(**SMALL).fit(X, TWO)
    pruned = {"tree_method": "exact", "gamma": 5, "max_depth": 6, "n_estimators": 3}
    yield "pruned", xgboost.XGBRegressor(**pruned).fit(X, Y)
    leaves = {"max_leaves": 9, "max_depth": 0, "grow_policy": "lossguide", "n_estimators": 3}
    yield "leaf by leaf", xgboost.XGBRegressor(**leaves).fit(X, Y)
    yield "forest", xgboost.XGBRFClassifier(**SMALL).fit(X, Y)
    yield "ranker", xgboost.XGBRanker(**SMALL).fit(X, Y, qid=rank)
    given = (X[100:], Y[100:])
    yield (
        "stopped early",
        xgboost.XGBRegressor(**early).fit(X[:100], Y[:100], eval_set=[given], verbose=False),
    )
    wide = RNG.normal(size=(50, 3000))
    yield "wide", xgboost.XGBRegressor(**SMALL).fit(wide, wide[:, 2999])
    data = xgboost.DMatrix(X, Y)
    yield "sliced", xgboost.train({"max_depth": 2}, data, 4)[1:3]
    yield "untrained", xgboost.train({}, data, 0)
    softmax = {"objective": "multi:softmax", "num_class": 3}
    yield "softmax", xgboost.train(softmax, data, 2)
    quantiles = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5]}
    yield "quantiles", xgboost.train(quantiles, data, 2)
    far = xgboost.DMatrix(np.where(X > 2, 1e30, X), Y * 1e30)
    yield "huge numbers", xgboost.train({"max_depth": 3}, far, 2)
    codes = xgboost.DMatrix(
        np.abs(X.round()), Y, feature_types=["c", "q", "c", "i"], enable_categorical=True
    )
    yield "codes", xgboost.train({"max_depth": 2, "max_cat_to_onehot": 1}, codes, 2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Every kind of model, in both formats."""
    folder = tmp_path_factory.mktemp("xgboost")
    for name, model in kinds():
        for suffix in ("ubj", "json"):
            model.save_model(folder / f"{type(model).__name__}-{name}.{suffix}")
    return sorted(folder.iterdir())


def test_every_genuine_file_passes_the_checks(files):
    for file in files:
        content = xgboost_file.read(file, installed=xgboost.__version__)
        again = xgboost.Booster(model_file=content)
        expected = xgboost.Booster(model_file=str(file))
        assert again.save_raw("ubj") == expected.save_raw("ubj"), file.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    [0, pytest.param(1000, marks=pytest.mark.long), pytest.param(2000, marks=pytest.mark.long)],
)
def test_no_damaged_file_brings_the_process_down(files, seed):
    outcomes = forging.run("xgboost", files, seed=seed, count=1000)
    assert outcomes["refused"] > 400
    assert outcomes["predicted"] > 50  # a number in a leaf may be anything


def at(tree, path):
    return reduce(lambda part, key: part[key], path, tree)


TREES = ("learner", "gradient_booster", "model")
FIRST = (*TREES, "trees", 0)
SIZES = ("learner", "learner_model_param")

# The model, where in it, what stands there instead, and what is said of it.
FORGED = {
    "a link out of the tree": ("regressor", (*FIRST, "left_children", 0), 99, "a link out"),
    "a link back": ("regressor", (*FIRST, "left_children", 1), 0, "a link out of it"),
    "a link to itself": ("regressor", (*FIRST, "left_children", 1), 1, "ways to a node"),
    "one child twice": ("regressor", (*FIRST, "right_children", 0), 1, "ways to a node"),
    "a leaf with a child": ("regressor", (*FIRST, "left_children", 0), -1, "leaf with|beside"),
    "another parent": ("regressor", (*FIRST, "parents", 1), 5, "another parent"),
    "a parent out of bounds": ("pruned", (*FIRST, "parents", -1), -9, "parent out of bounds"),
    "no such feature": ("regressor", (*FIRST, "split_indices", 0), 4, "feature that is not"),
    "a negative feature": ("regressor", (*FIRST, "split_indices", 0), -1, "feature that is not"),
    "another number of nodes": (
        "regressor",
        (*FIRST, "tree_param", "num_nodes"),
        "5",
        "more or fewer",
    ),
    "a tree in another's place": ("regressor", (*TREES, "trees", 1, "id"), 0, "another's place"),
    "more trees than there are": (
        "regressor",
        (*TREES, "gbtree_model_param", "num_trees"),
        "9",
        "fewer trees",
    ),
    "an output that is not there": ("classes", (*TREES, "tree_info", 0), 3, "output that is not"),
    "rounds of no trees": ("regressor", (*TREES, "iteration_indptr", 1), 99, "iteration"),
    "features without weights": ("linear", (*SIZES, "num_feature"), "5", "features"),
    "classes without weights": ("linear classes", (*SIZES, "num_class"), "9", "classes"),
    "an objective of no class": (
        "softmax",
        ("learner", "objective", "softmax_multiclass_param", "num_class"),
        "0",
        "classes",
    ),
    "outputs without leaves": ("vectors", (*SIZES, "num_target"), "3", "leaves"),
    "a leaf without values": ("vectors", (*FIRST, "right_children", -1), 99, "without its values"),
    "weights of more trees": (
        "dart",
        ("learner", "gradient_booster", "weight_drop"),
        [1.0],
        "weights than trees",
    ),
    "a category out of bounds": ("categories", (*FIRST, "categories", 0), -1, "category out"),
    "categories out of bounds": ("categories", (*FIRST, "categories_sizes", 0), 999, "categories"),
    "categories in no order": (
        "categories",
        (*TREES, "cats", "sorted_idx", 0),
        77,
        "categories in no order",
    ),
    "a name out of bounds": (
        "categories",
        (*TREES, "cats", "enc", 2, "offsets", 1),
        99,
        "a category",
    ),
    "outputs without end": ("untrained", (*SIZES, "num_target"), "2000000000", "many outputs"),
    "a negative round": (
        "stopped early",
        ("learner", "attributes", "best_iteration"),
        "-5",
        "no number",
    ),
    "a number that is text": ("regressor", (*FIRST, "left_children", 0), "1", "no integers"),
    "no trees at all": ("regressor", (*TREES, "trees"), None, "trees is missing"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused_before_xgboost_sees_it(files, tmp_path, monkeypatch, name):
    kind, path, value, said = FORGED[name]
    file = next(file for file in files if file.stem.endswith(f"-{kind}") and file.suffix == ".json")
    tree = json.loads(file.read_bytes())
    *parents, last = path
    at(tree, parents)[last] = value
    (tmp_path / "model.json").write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=said):
        xgboost_file.read(tmp_path / "model.json", installed=xgboost.__version__)


def test_trees_deeper_than_any_are_refused(files, tmp_path):
    file = next(file for file in files if file.name == "Booster-sliced.json")
    tree = json.loads(file.read_bytes())
    first, depth = at(tree, FIRST), 5000
    size = 2 * depth + 1
    left = [
        2 * (node // 2) + 1 if node % 2 == 0 and node < size - 1 else -1 for node in range(size)
    ]
    right = [link + 1 if link > 0 else -1 for link in left]
    parents = [2**31 - 1, *(2 * ((node - 1) // 2) for node in range(1, size))]
    first.update(left_children=left, right_children=right, parents=parents)
    for key in ("split_indices", "default_left", "split_type"):
        first[key] = [0] * size
    for key in ("split_conditions", "base_weights", "loss_changes", "sum_hessian"):
        first[key] = [1.0] * size
    first["tree_param"]["num_nodes"] = str(size)
    (tmp_path / "model.json").write_text(json.dumps(tree))
    with pytest.raises(ValueError, match="deeper than 4096"):
        xgboost_file.read(tmp_path / "model.json", installed=xgboost.__version__)


def test_leaves_that_the_installed_version_would_crash_over_are_refused(files, tmp_path):
    file = next(file for file in files if file.name == "XGBRegressor-vectors.json")
    tree = json.loads(file.read_bytes())
    for one in at(tree, (*TREES, "trees")):
        one.update(right_children=[-1 if r < 2 else r for r in one["right_children"]])
        del one["leaf_weights"]
        one["right_children"] = [
            -1 if left == -1 else right
            for left, right in zip(one["left_children"], one["right_children"], strict=True)
        ]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=r"before 3\.2"):
        xgboost_file.read(path, installed="3.2.0")
    assert xgboost_file.read(path, installed="3.1.0")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cut off|Expecting value"),
        (b"{L", "cut off"),
        (b"{L\x7f\xff\xff\xff\xff\xff\xff\xff", "more is promised"),
        (b"{L\xff\xff\xff\xff\xff\xff\xff\xff", "more is promised"),
        (b"{L" + 8 * b"\0" + b"{L" * 99, "more is promised|cut off"),
        (b"{L" + 8 * b"\0" + 40 * b"[#L\0\0\0\0\0\0\0\1", "too deep"),
        (b"{L" + 7 * b"\0" + b"\x01a[$d#L\x10\0\0\0\0\0\0\0", "more is promised"),
        (b"{L" + 7 * b"\0" + b"\x01aZL" + 7 * b"\0" + b"\x01aZ}", "stands twice"),
        (b"{L" + 7 * b"\0" + b"\x01aZ}x", "behind the end"),
        (b"{L" + 7 * b"\0" + b"\x01aHZ}", "no value begins"),
        (b"{L" + 7 * b"\0" + b"\x01\xffZ}", "not UTF-8"),
        (b"{L" + 7 * b"\0" + b"\x01a[Z]}", "without a length"),
        (b"{L" + 7 * b"\0" + b"\x01a[$C#L" + 8 * b"\0" + b"}", "unknown type"),
        (b'{"learner": {}, "learner": {}}', "stands twice"),
        (b'{"learner": {}} {}', "Extra data"),
        (b"[" * 100_000, "nested too deep"),
        (b"null", "no model"),
        (b"{}", "learner is missing"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content, said):
    (tmp_path / "model.ubj").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        xgboost_file.read(tmp_path / "model.ubj", installed=xgboost.__version__)


def test_a_refused_file_is_named(tmp_path):
    model = xgboost.XGBRegressor(**SMALL).fit(X, Y)
    flavorkit.save_model(model, tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    (tmp_path / "m" / "model.ubj").write_bytes(b"{L")
    with pytest.raises(UnreadableModelError, match=r"model\.ubj cannot be loaded: UbjsonError"):
        flavorkit.load_model(tmp_path / "m")


def test_ubjson_is_read_as_it_was_written(files):
    from tests.flavors.forging_xgboost import dumps

    for file in files:
        if file.suffix == ".ubj":
            assert dumps(ubjson.loads(file.read_bytes())) == file.read_bytes()


def test_a_text_that_two_readers_could_understand_in_two_ways_is_written_again(files, tmp_path):
    file = next(file for file in files if file.name == "XGBRegressor-regressor.json")
    escaped = file.read_bytes().replace(b'"trees"', b'"\\u0074rees"')
    (tmp_path / "model.json").write_bytes(b"  " + escaped)
    found = xgboost_file.read(tmp_path / "model.json", installed=xgboost.__version__)
    assert b'"trees"' in found
    assert found == xgboost_file.read(file, installed=xgboost.__version__)


def requested(frame):
    """The rows as a request brings them: text and numbers."""
    return frame.astype({"colour": object, "size": int})


@pytest.mark.parametrize("api", ["booster", "scikit-learn"])
def test_categories_come_as_text_and_numbers(tmp_path, api):
    few = {"enable_categorical": True, "max_cat_to_onehot": 1}
    model = xgboost.XGBRegressor(n_estimators=10, **few).fit(MIXED, category_target(MIXED))
    expected = model.predict(MIXED)
    native = model if api == "scikit-learn" else model.get_booster()
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    plain = requested(MIXED)
    np.testing.assert_array_equal(loaded.predict(plain), expected)
    np.testing.assert_array_equal(loaded.predict(MIXED), expected)
    for row in range(5):  # the categories of a request are not those of the training data
        one = plain[row : row + 1]
        np.testing.assert_array_equal(loaded.predict(one), expected[row : row + 1])
    missing = MIXED.assign(
        **{name: MIXED[name].mask(MIXED["a"].notna()) for name in ("colour", "size")}
    )
    np.testing.assert_array_equal(
        loaded.predict(plain.assign(colour=None, size=np.nan)), model.predict(missing)
    )
    with pytest.raises(
        InvalidInputError, match=r"column 'colour': 'pink' \(row 1\) is no category"
    ):
        loaded.predict(plain.assign(colour=["red", "pink"] * 100))
    with pytest.raises(InvalidInputError, match=r"column 'size': 7 .* knows \(0, 10, .*\.\.\.\)"):
        loaded.predict(plain.assign(size=7))
    with pytest.raises(InvalidInputError, match="column 'colour' holds what can be no category"):
        loaded.predict(plain.assign(colour=[["red"]] * 200))


def test_names_that_xgboost_has_cut_in_the_wrong_places_are_not_believed(tmp_path):
    colours = np.array(["red", "blau", "grün"])[RNG.integers(0, 3, 200)]
    frame = MIXED[["a"]].assign(colour=pd.Categorical(colours))
    model = xgboost.XGBRegressor(enable_categorical=True, **SMALL).fit(frame, Y)
    flavorkit.save_model(model, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(InvalidInputError, match="column 'colour': the model knows its categories"):
        loaded.predict(frame.astype({"colour": object}))


def test_categories_known_by_number_take_numbers_only(tmp_path):
    rows = np.abs(X.round())
    data = xgboost.DMatrix(rows, Y, feature_types=["c", "q", "q", "q"], enable_categorical=True)
    model = xgboost.train({"max_depth": 2, "max_cat_to_onehot": 1}, data, 3)
    flavorkit.save_model(model, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(data))
    np.testing.assert_array_equal(loaded.predict(pd.DataFrame(rows)), model.predict(data))
    with pytest.raises(InvalidInputError, match="knows its categories by number"):
        loaded.predict(pd.DataFrame(rows).astype({0: str}))


@pytest.mark.parametrize("suffix", ["ubj", "json"])
def test_the_number_that_stands_for_a_missing_one_survives(tmp_path, suffix):
    rows = np.where(X > 1, -999, X)
    model = xgboost.XGBRegressor(missing=-999.0, **SMALL).fit(rows, Y)
    flavorkit.save_model(model, tmp_path / "m", input_example=rows[:3], model_format=suffix)
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.get_raw_model().missing == -999
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert loaded.metadata.flavors["xgboost"]["missing"] == -999
    other = xgboost.XGBRegressor(**SMALL).fit(X, Y)
    flavorkit.save_model(other, tmp_path / "other")
    assert math.isnan(flavorkit.xgboost.load_model(tmp_path / "other").missing)


def test_a_model_that_stopped_early_predicts_with_its_best_round(tmp_path):
    model = xgboost.XGBRegressor(n_estimators=200, early_stopping_rounds=20, learning_rate=0.9)
    noise = RNG.normal(size=100)
    model.fit(X[:100], Y[:100] + noise, eval_set=[(X[100:], Y[100:])], verbose=False)
    booster = model.get_booster()
    assert model.best_iteration + 1 < booster.num_boosted_rounds()
    flavorkit.save_model(model, tmp_path / "model")
    flavorkit.save_model(booster, tmp_path / "booster")
    found = flavorkit.load_model(tmp_path / "model").predict(X)
    np.testing.assert_array_equal(found, model.predict(X))
    assert flavorkit.xgboost.load_model(tmp_path / "model").best_iteration == model.best_iteration
    # A booster itself predicts with all its rounds.
    found = flavorkit.load_model(tmp_path / "booster").predict(X)
    np.testing.assert_array_equal(found, booster.predict(xgboost.DMatrix(X)))


@pytest.mark.parametrize("api", ["booster", "scikit-learn"])
def test_data_that_do_not_fit_are_the_callers_mistake(tmp_path, api):
    model = xgboost.XGBRegressor(**SMALL).fit(X, Y)
    native = model if api == "scikit-learn" else model.get_booster()
    example = (X[:2], {"iteration_range": [0, 2]})
    flavorkit.save_model(native, tmp_path / "m", signature=False)
    loaded = flavorkit.load_model(tmp_path / "m")
    for rows in (X[:, :3], X[0], np.hstack([X, X])):
        with pytest.raises(InvalidInputError, match="takes rows of 4 features"):
            loaded.predict(rows)
    with pytest.raises(InvalidInputError, match=r"^Unicode-1 is not supported\.$"):
        loaded.predict(np.full((2, 4), "a"))
    flavorkit.save_model(native, tmp_path / "params", input_example=example)
    loaded = flavorkit.load_model(tmp_path / "params")
    loaded.predict(X, {"iteration_range": [1, 3]})
    loaded.predict(X, {"iteration_range": [0, 0]})
    for wrong in ([0, 4], [-1, 2], [2, 1], [1, 0], [0, -1], [0, 2**40], [0], [0, 1, 2]):
        with pytest.raises(InvalidInputError, match="iteration_range"):
            loaded.predict(X, {"iteration_range": wrong})


def test_what_the_formats_do_not_keep_is_not_saved(tmp_path):
    class Own(xgboost.XGBRegressor):
        pass

    with pytest.raises(UnsavableModelError, match=r"save its get_booster\(\)"):
        flavorkit.xgboost.save_model(Own(**SMALL).fit(X, Y), tmp_path / "m")
    with pytest.raises(UnsavableModelError, match="fit it first"):
        flavorkit.save_model(xgboost.XGBRegressor(), tmp_path / "m")
    with pytest.raises(UnsavableModelError, match="model_format 'xgb'"):
        flavorkit.save_model(
            xgboost.XGBRegressor(**SMALL).fit(X, Y), tmp_path / "m", model_format="xgb"
        )


def test_a_class_that_is_none_of_xgboosts_is_refused(tmp_path):
    model = xgboost.XGBRegressor(**SMALL).fit(X, Y)
    flavorkit.save_model(model, tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    descriptor = tmp_path / "m" / "MLmodel"
    text = descriptor.read_text()
    descriptor.write_text(text.replace("xgboost.sklearn.XGBRegressor", "xgboost.core.DMatrix"))
    with pytest.raises(UnreadableModelError, match=r"the class 'xgboost\.core\.DMatrix'"):
        flavorkit.load_model(tmp_path / "m")


def test_damage_is_the_same_for_the_same_seed(files):
    from tests.flavors.forging_xgboost import damaged

    content = files[0].read_bytes()
    one, two = (damaged(content, random.Random(7)) for _ in range(2))
    assert one == two


def test_arrays_are_for_columns_in_the_order_of_the_training():
    from flavorkit.flavors.xgboost import Xgboost

    rows = pd.DataFrame(np.eye(4), columns=list("abcd"))
    model = xgboost.XGBRegressor(n_estimators=2).fit(rows, np.arange(4))
    for native in (model, model.get_booster()):
        assert Xgboost().takes_matrix(native, list("abcd"))
        assert not Xgboost().takes_matrix(native, list("bacd"))
