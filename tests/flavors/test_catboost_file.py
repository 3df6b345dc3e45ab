"""Forged files of CatBoost's are refused before CatBoost sees them, or do no harm."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import flavorkit
from flavorkit.errors import TrustError, UnreadableModelError
from flavorkit.flavors.catboost import file as catboost_file
from tests.flavors import forging
from tests.flavors.cases import catboost as cases

catboost = pytest.importorskip("catboost")
from tests.flavors import forging_catboost as forged  # noqa: E402

pytestmark = pytest.mark.xdist_group("catboost")

SMALL = {**cases.CATEGORIES, "iterations": 6}
COUNTED = ["BinarizedTargetMeanValue", "Counter", "Buckets:TargetBorderCount=3"]
MODELS = {
    "flowers-c": cases.fitted("CatBoostClassifier"),
    "two-c": cases.fitted("CatBoostClassifier", target=lambda y: y == 1),
    "numbers-r": cases.fitted("CatBoostRegressor"),
    "uneven-c": cases.fitted("CatBoostClassifier", **cases.UNEVEN),
    "categories-c": cases.fitted("CatBoostClassifier", **SMALL),
    "categories-single-c": cases.fitted("CatBoostClassifier", one_hot_max_size=50, **SMALL),
    "categories-counted-r": cases.fitted("CatBoostRegressor", simple_ctr=COUNTED, **SMALL),
    "uncertain-b": cases.fitted("CatBoost", loss_function="RMSEWithUncertainty"),
}


@pytest.fixture(scope="module")
def content():
    """The bytes of each model's file, made when first asked for."""
    found = {}

    def of(name):
        if name not in found:
            found[name] = forged.written(MODELS[name]()[0])
        return found[name]

    return of


@pytest.fixture
def folder(tmp_path):
    """A folder as a stranger may send it: without a manifest, whose model.cb is replaced."""
    flavorkit.catboost.save_model(MODELS["flowers-c"]()[0], tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    return tmp_path / "m"


@pytest.mark.parametrize("name", MODELS)
def test_genuine_files_are_let_through(content, name):
    catboost_file.check(content(name))


GENUINE = {
    "several texts as classes": {"target": cases.species},
    "columns that nothing looks at": {"ignored_features": [0]},
    "missing values": {
        "data": lambda: (cases.flowers()[0].mask(lambda X: X > 6), cases.flowers()[1])
    },
    "classes that nobody has seen": {"classes_count": 7, "loss_function": "MultiClass"},
    "names for classes": {"class_names": [2, 0, 1]},
    "several labels for each": {
        "loss_function": "MultiLogloss",
        "target": lambda y: np.stack([y == 0, y > 0, y == 2], axis=1).astype(int),
    },
    "several outputs": {
        "name": "CatBoostRegressor",
        "loss_function": "MultiRMSE",
        "target": lambda y: np.stack([y, -y], axis=1),
    },
    "many borders": {
        "data": lambda: (
            np.random.default_rng(0).normal(size=(3000, 1)),
            np.random.default_rng(1).normal(size=3000),
        ),
        "name": "CatBoostRegressor",
        "border_count": 1000,
        "iterations": 300,
    },
    "trees level by level": {"grow_policy": "Depthwise"},
    "one by one": {"name": "CatBoostRegressor", "one_hot_max_size": 2, **SMALL},
    "ordered": {"boosting_type": "Ordered", **SMALL},
    "deep": {"depth": 9},
}


@pytest.mark.parametrize("case", GENUINE)
def test_what_catboost_writes_otherwise_is_let_through_too(case):
    options = dict(GENUINE[case])
    model, _ = cases.fitted(options.pop("name", "CatBoostClassifier"), **options)()
    catboost_file.check(forged.written(model))


def test_files_without_what_was_added_later_are_let_through(content):
    """Releases before 2020 write neither scale nor quantized splits."""
    for field in (14, 15, 17):
        try:
            older = forged.without(content("numbers-r"), [forged.TREES, field])
        except AssertionError:
            continue  # left out, as it has its default
        catboost_file.check(older)
        rows = cases.flowers()[0][::25]
        expected = catboost.CatBoost().load_model(blob=content("numbers-r")).predict(rows)
        assert np.array_equal(catboost.CatBoost().load_model(blob=older).predict(rows), expected)


def test_dropped_features_leave_gaps(content):
    model = catboost.CatBoost().load_model(blob=content("two-c"))
    model.drop_unused_features()
    catboost_file.check(forged.written(model))


def test_summed_models_and_those_cut_short_are_let_through(content):
    model = catboost.CatBoost().load_model(blob=content("numbers-r"))
    catboost_file.check(forged.written(catboost.sum_models([model, model], weights=[0.5, 0.5])))
    model.shrink(1)
    catboost_file.check(forged.written(model))


T = forged.TREES
HUGE = 2**31 - 1

NUMBERS = {
    "outputs without leaves": ("flowers-c", [T, 0], 10**9, {}, "many outputs"),
    "more outputs than leaves": ("flowers-c", [T, 0], 4, {}, "more or fewer"),
    "no outputs": ("flowers-c", [T, 0], -1, {}, "many outputs"),
    "a split beyond the features": ("flowers-c", [T, 1], HUGE, {"item": 0}, "split on a feature"),
    "a split before the features": ("flowers-c", [T, 1], -1, {"item": 0}, "split on a feature"),
    "another split than looked for": ("flowers-c", [T, 1], 0, {"item": 0}, "splits that differ"),
    "a deep tree": ("flowers-c", [T, 2], 40, {"item": 0}, "miscounts"),
    "a tree without end": ("flowers-c", [T, 2], -2, {"item": 0}, "miscounts"),
    "a tree elsewhere": ("flowers-c", [T, 3], HUGE, {"item": 1}, "another's place"),
    "fewer leaves": ("flowers-c", [T, 8], 4, {"count": True}, "values than leaves"),
    "leaves beyond the file": ("flowers-c", [T, 8], HUGE, {"count": True}, "out of bounds"),
    "fewer weights": ("flowers-c", [T, 9], 4, {"count": True}, "weights than leaves"),
    "features in no order": ("flowers-c", [T, (5, 3), 1], 0, {}, "out of order"),
    "a column far away": ("flowers-c", [T, (5, 3), 2], HUGE, {}, "a column too many"),
    "borders in no order": (
        *("flowers-c", [T, (5, 3), 3], 9.0),
        *({"item": 0, "code": "f"}, "unsorted borders"),
    ),
    "a border that is no number": (
        *("flowers-c", [T, (5, 3), 3], math.nan),
        *({"item": 0, "code": "f"}, "unsorted borders"),
    ),
    "a bias that is no number": (
        *("flowers-c", [T, 16], math.inf),
        *({"item": 0, "code": "d"}, "no number"),
    ),
    "biases of no output": ("flowers-c", [T, 16], 2, {"count": True}, "more or fewer biases"),
    "a step out of its tree": (
        *("uneven-c", [T, 10], 2**16 - 1),
        *({"item": 1, "code": "H"}, "out of its tree"),
    ),
    "a step that another makes": ("uneven-c", [T, 10], 0x10001, {"item": 1}, "two ways"),
    "a leaf beyond the values": ("uneven-c", [T, 11], HUGE, {"item": -1}, "another's place"),
    "categories of no feature": ("categories-single-c", [T, (6, 0), 0], 7, {}, "of no feature"),
    "columns of two features": ("categories-c", [T, (4, 1), 1], 0, {}, "out of order|one column"),
    "a table of another kind": ("categories-c", [T, (7, 0), 0, 0, 2], 5, {}, "without its table"),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_that_lead_out_of_what_there_is_are_refused(content, folder, case):
    name, path, value, options, problem = NUMBERS[case]
    (folder / "model.cb").write_bytes(forged.changed(content(name), path, value, **options))
    with pytest.raises(UnreadableModelError, match=problem):
        flavorkit.load_model(folder)
    with pytest.raises(UnreadableModelError, match=problem):
        flavorkit.catboost.load_model(folder)


TABLES = {
    "hashes without an end": ([1], 0, {"code": "Q", "item": 0}, "without an end"),
    "hashes of another size": ([1], 36, {"count": True}, "another size"),
    "hashes that are cut off": ([1], 23, {"count": True}, "cut off"),
    "hashes beyond the file": ([1], HUGE, {"count": True}, "out of bounds"),
    "an entry that is not there": ([2], 4, {"count": True}, "hash of no entry"),
    "a combination of no feature": ([0, 0, 0], 9, {"item": 0}, "table of no feature"),
    "a combination of many": ([0, 0, 0], HUGE, {"count": True}, "out of bounds"),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_of_categories_are_looked_through(content, case):
    path, value, options, problem = TABLES[case]
    found = content("categories-counted-r")
    start = forged.tables_start(found)
    if options.get("code"):  # every place of the hashes taken
        at = forged.field_at(found, forged.table_at(found, [], start), 1)
        at += forged.number_at(found, at)
        for place in range(forged.number_at(found, at) // 12):
            begin = at + 4 + 12 * place
            if found[begin : begin + 8] == b"\xff" * 8:
                found = found[:begin] + bytes(8) + found[begin + 8 :]
    else:
        found = forged.changed(found, path, value, start=start, **options)
    with pytest.raises(ValueError, match=problem):
        catboost_file.check(found)


def test_features_of_categories_need_their_tables(content):
    found = content("categories-c")
    missing = forged.without(found, [3])[: forged.START + forged.number_at(found, 4)]
    with pytest.raises(ValueError, match="without their tables"):
        catboost_file.check(missing)


CLASSES = {
    "a class out of the answer": {"class_to_label": [0, 1, 10**6]},
    "a class before the answer": {"class_to_label": [0, 1, -(10**6)]},
    "a class between two": {"class_to_label": [0, 1, 1.5]},
    "a class in another's place": {"class_to_label": [0, 1, 1]},
    "fewer classes": {"class_to_label": [0, 1]},
    "classes without end": {"classes_count": 10**9, "class_names": []},
    "fewer names": {"class_names": ["a"]},
    "names of another kind": {"class_names": {"a": 1}},
}


@pytest.mark.parametrize("case", CLASSES)
@pytest.mark.parametrize("key", ["class_params", "multiclass_params"])
def test_classes_have_a_place_in_the_answer(content, case, key):
    catboost_file.check(forged.with_info(content("flowers-c"), **{key: forged.CLASSES}))
    params = {**forged.CLASSES, **CLASSES[case]}
    with pytest.raises(ValueError, match="class"):
        catboost_file.check(forged.with_info(content("flowers-c"), **{key: params}))


INFOS = {
    "nested": ({"anything": "[" * 100}, "nested too deep"),
    "said twice": ({"params": '{"a": 1, "a": 2}'}, "stands twice"),
    "no JSON": ({"class_params": "{"}, "Expecting"),
    "a second output": ({"params": {"loss_function": "RMSEWithUncertainty"}}, "one output"),
    "a second output, spelled": (
        {"params": json.dumps("RMSEWithUncertainty").replace("R", "\\u0052")},
        "one output",
    ),
}


@pytest.mark.parametrize("case", INFOS)
def test_what_a_file_says_of_itself_is_read_as_catboost_reads_it(content, case):
    infos, problem = INFOS[case]
    with pytest.raises(ValueError, match=problem):
        catboost_file.check(forged.with_info(content("numbers-r"), **infos))


def test_what_is_no_file_of_catboosts_is_refused(content, folder):
    whole = content("categories-c")
    for broken in (b"", b"CBM1", b"CBM2" + whole[4:], whole[:100], whole[:-1], whole + b"\0"):
        (folder / "model.cb").write_bytes(broken)
        with pytest.raises(UnreadableModelError, match=r"model\.cb cannot be loaded"):
            flavorkit.load_model(folder)


def test_a_part_that_is_not_checked_takes_trust(folder):
    (folder / "model.cb").write_bytes(
        forged.written(cases.fitted("CatBoostClassifier", **cases.TEXTS)()[0])
    )
    with pytest.raises(TrustError, match=r"text_process.*can run"):
        flavorkit.load_model(folder)
    flavorkit.load_model(folder, trust="all")


def test_the_format_cannot_be_talked_around(folder):
    """Files say themselves what they are; the descriptor only how to read them."""
    descriptor = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(descriptor.replace("save_format: cbm", "save_format: json"))
    with pytest.raises(TrustError, match="holds JSON"):
        flavorkit.load_model(folder)
    (folder / "MLmodel").write_text(descriptor.replace("save_format: cbm", "save_format: onnx"))
    with pytest.raises(UnreadableModelError, match="its format 'onnx'"):
        flavorkit.load_model(folder)


def test_damaged_files_are_refused_or_predict(content, tmp_path):
    """In a process of its own, which a fault in compiled code would end."""
    paths = [tmp_path / f"{name}.cbm" for name in MODELS]
    for path in paths:
        path.write_bytes(content(path.stem))
    found = forging.run("catboost", paths, count=250)
    assert sum(found.values()) == 250
    assert found["refused"] > 50
    assert found["predicted"] > 50
