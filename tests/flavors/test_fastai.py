"""fastai: what an exported learner holds, which rows it takes, and what its answers are called."""

from __future__ import annotations

import random
import shutil
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import (
    InvalidInputError,
    PredictionError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from tests.flavors.cases import fastai as cases
from tests.flavors.scripts import script

pytest.importorskip("fastai")

pytestmark = [
    pytest.mark.xdist_group("fastai"),
    *map(pytest.mark.filterwarnings, cases.CASE.ignored_warnings),
    pytest.mark.filterwarnings("ignore:the model refers to tests"),
]


@pytest.fixture(scope="module")
def classifier():
    return cases.classifier()


@pytest.fixture
def loaded(classifier, tmp_path):
    flavorkit.save_model(classifier[0], tmp_path / "m")
    return flavorkit.load_model(tmp_path / "m")


# What is written


def test_the_descriptor_has_the_keys_of_mlflow_2(classifier, tmp_path):
    import fastai

    flavorkit.save_model(classifier[0], tmp_path / "m")
    flavors = ModelDescriptor.read(tmp_path / "m").flavors
    section = {"fastai_version": fastai.__version__, "data": "model.fastai", "code": None}
    assert flavors["fastai"] == section
    assert flavors["python_function"]["data"] == "model.fastai"
    assert flavors["python_function"]["loader_module"] == "flavorkit.mlflow_loader"


def test_the_file_is_the_one_that_fastai_itself_loads(classifier, tmp_path):
    from fastai.learner import load_learner

    learner, rows = classifier
    flavorkit.save_model(learner, tmp_path / "m")
    with pytest.warns(UserWarning, match="insecure pickle"):
        theirs = load_learner(tmp_path / "m" / "model.fastai")
    pd.testing.assert_frame_equal(cases.predict(theirs, rows), cases.predict(learner, rows))


def test_rows_of_the_training_are_not_in_the_file(tmp_path):
    frame = cases.people().assign(name="Ada Lovelace", buys="no")
    frame.loc[::2, "buys"] = "yes"
    learner = cases.fitted(frame.drop(columns="name"), ["buys"])
    learner.dls.train_ds.items["name"] = "Ada Lovelace"
    flavorkit.save_model(learner, tmp_path / "m")
    assert b"Lovelace" not in (tmp_path / "m" / "model.fastai").read_bytes()


def test_the_learner_is_left_as_it_was(classifier, tmp_path):
    learner, _ = classifier
    loaders, optimizer, numbers = learner.dls, learner.opt, random.getstate()
    flavorkit.save_model(learner, tmp_path / "m")
    assert learner.dls is loaders
    assert learner.opt is optimizer
    assert random.getstate() == numbers
    assert len(learner.dls.train_ds) == 36


def test_saving_twice_gives_the_same_bytes(classifier, tmp_path):
    for name in "ab":
        flavorkit.save_model(classifier[0], tmp_path / name)
    first, second = ((tmp_path / name / "model.fastai").read_bytes() for name in "ab")
    assert first == second


def test_what_cannot_be_exported_is_said_and_the_learner_stays_whole(tmp_path):
    learner, rows = cases.classifier()
    learner.guard = threading.Lock()
    loaders = learner.dls
    with pytest.raises(UnsavableModelError, match=r"cannot export the learner: .*lock.*remove_cb"):
        flavorkit.save_model(learner, tmp_path / "m")
    assert learner.dls is loaders
    assert list(tmp_path.iterdir()) == []
    assert len(cases.predict(learner, rows)) == 6


def test_a_part_of_a_learner_is_none(classifier, tmp_path):
    with pytest.raises(UnsavableModelError, match="TabularModel is a part of a Learner"):
        flavorkit.fastai.save_model(classifier[0].model, tmp_path / "m")


def test_a_learner_that_was_trained_with_halves_predicts_on_the_cpu(tmp_path):
    learner, rows = cases.classifier()
    expected = cases.predict(learner, rows)
    flavorkit.save_model(learner.to_fp16(), tmp_path / "m")
    native = flavorkit.fastai.load_model(tmp_path / "m")
    assert not hasattr(native, "mixed_precision")
    pd.testing.assert_frame_equal(flavorkit.load_model(tmp_path / "m").predict(rows), expected)


# What rows it takes


def test_nothing_is_printed(loaded, classifier, capfd):
    loaded.predict(classifier[1])
    assert capfd.readouterr() == ("", "")


def test_the_target_may_be_among_the_columns(loaded, classifier):
    rows = classifier[1]
    expected = loaded.predict(rows)
    pd.testing.assert_frame_equal(loaded.predict(rows.assign(buys="maybe")), expected)


def test_the_index_stays_and_the_rows_are_not_changed(loaded, classifier):
    rows = classifier[1].set_axis(list("uvwxyz"))
    before = rows.copy()
    assert loaded.predict(rows).index.tolist() == list("uvwxyz")
    pd.testing.assert_frame_equal(rows, before)


def test_categories_of_the_frame_count_by_their_names(loaded, classifier):
    """fastai itself would take their numbers for those that it knows from the training."""
    rows = classifier[1]
    others = pd.CategoricalDtype(["Lima", "Oslo", "Kyiv", "Berlin"])
    given = rows.astype({"city": others})
    pd.testing.assert_frame_equal(loaded.predict(given), loaded.predict(rows))


def test_an_unknown_category_is_a_missing_one(loaded, classifier):
    rows = classifier[1]
    unknown, missing = rows.assign(city="Oslo"), rows.assign(city=None)
    assert loaded.predict(unknown).notna().all(axis=None)
    pd.testing.assert_frame_equal(loaded.predict(unknown), loaded.predict(missing))


def test_many_rows_are_answered_as_few(loaded, classifier):
    rows = pd.concat([classifier[1]] * 1000, ignore_index=True)
    found = loaded.predict(rows).to_numpy()
    few = np.tile(loaded.predict(classifier[1]).to_numpy(), (1000, 1))
    np.testing.assert_allclose(found, few, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows.drop(columns="age"), "age"),
        (lambda rows: rows.assign(age="old"), "old|str|type"),
        (lambda rows: rows[:0], "no rows"),
    ],
)
def test_rows_that_do_not_fit_are_the_callers_fault(loaded, classifier, change, problem):
    with pytest.raises(InvalidInputError, match=problem):
        loaded.predict(change(classifier[1]))
    assert len(loaded.predict(classifier[1])) == 6


def test_a_number_that_was_never_missing_may_not_be(tmp_path):
    learner, rows = cases.missing()
    flavorkit.save_model(learner, tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m")
    with pytest.raises(InvalidInputError, match="nan values in `height` but not in"):
        loaded.predict(rows.assign(height=np.nan))


# What its answers are called


@pytest.mark.parametrize(
    ("fit", "columns"),
    [
        (cases.classifier, ["no", "yes"]),
        (cases.numbered_classes, ["0", "1", "2"]),
        (cases.regressor, ["weight"]),
        (cases.targets, ["weight", "shoe"]),
    ],
)
def test_each_class_or_target_is_a_column(tmp_path, fit, columns):
    learner, rows = fit()
    flavorkit.save_model(learner, tmp_path / "m", input_example=rows)
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.predict(rows).columns.tolist() == columns
    assert [column.name for column in loaded.signature.outputs.inputs] == columns
    if len(columns) == 2 and fit is cases.classifier:
        np.testing.assert_allclose(loaded.predict(rows).sum(axis=1), 1, rtol=1e-5)


def test_ratings_of_users_and_items(tmp_path):
    from fastai.collab import CollabDataLoaders, collab_learner

    ratings = pd.DataFrame({"user": np.arange(60) % 7, "item": np.arange(60) % 11})
    ratings["rating"] = np.arange(60.0) % 5
    loaders = CollabDataLoaders.from_df(ratings, bs=16, valid_idx=[0, 1])
    learner = collab_learner(loaders, n_factors=3, y_range=(0, 5))
    with learner.no_bar(), learner.no_logging():
        learner.fit(1)
    rows = ratings[["user", "item"]][:4]
    flavorkit.save_model(learner, tmp_path / "m", input_example=rows)
    found = flavorkit.load_model(tmp_path / "m").predict(rows)
    assert found.columns.tolist() == ["rating"]
    pd.testing.assert_frame_equal(found, cases.predict(learner, rows))


@pytest.mark.parametrize(
    ("width", "loaders", "names"),
    [
        (2, SimpleNamespace(vocab=(["a", "word"], ["bad", "good"])), ["bad", "good"]),
        (2, SimpleNamespace(vocab=["same", "same"], y_names=["x", "y"]), ["x", "y"]),
        (3, SimpleNamespace(vocab=["a", "b"]), ["output_0", "output_1", "output_2"]),
    ],
)
def test_names_come_from_the_loaders(width, loaders, names):
    from flavorkit.flavors.fastai.frames import names_of

    assert names_of(loaders, width).tolist() == names


@pytest.mark.parametrize("shape", [(4, 2, 2), (3, 2), None])
def test_other_outputs_than_a_table_are_an_error(shape):
    import torch

    from flavorkit.flavors.fastai.frames import as_frame

    found = (torch.zeros(4), torch.zeros(4)) if shape is None else torch.zeros(shape)
    with pytest.raises(PredictionError, match="for 4 rows; it must be one tensor"):
        as_frame(found, pd.RangeIndex, pd.RangeIndex(4))


# Code


def test_it_is_code(classifier, tmp_path):
    flavorkit.save_model(classifier[0], tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    with pytest.raises(TrustError, match=r"model\.fastai is a pickle, which can run any code"):
        flavorkit.fastai.load_model(tmp_path / "m")


def test_a_file_of_something_else_is_no_learner(classifier, tmp_path):
    import torch

    flavorkit.save_model(classifier[0], tmp_path / "m")
    (tmp_path / "m" / "manifest.json").unlink()
    torch.save({"a": 1}, tmp_path / "m" / "model.fastai")
    with pytest.raises(UnreadableModelError, match="holds a dict and no Learner"):
        flavorkit.load_model(tmp_path / "m", trust="all")


def test_a_folder_of_mlflow_2_is_loaded(classifier, tmp_path):
    learner, rows = classifier
    learner.export(tmp_path / "model.fastai")
    section = {"data": "model.fastai", "fastai_version": "2.7.0", "code": None}
    pyfunc = {
        "loader_module": "mlflow.fastai",
        "data": "model.fastai",
        "python_version": "3.11.9",
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
    }
    flavors = {"fastai": section, "python_function": pyfunc}
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(tmp_path)
    found = flavorkit.load_model(tmp_path, trust="all").predict(rows)
    pd.testing.assert_frame_equal(found, cases.predict(learner, rows))


TRAIN = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[2])
import flavorkit
from tests.flavors.cases import fastai as cases
from metric import half
def own(found, wanted):
    return half(found).mean()
learner, rows = cases.classifier()
from fastai.learner import AvgMetric
from fastai.callback.core import Callback
class Kept(Callback):
    def after_pred(self):
        self.learn.pred = half(self.learn.pred)
learner.metrics = [AvgMetric(own)]
learner.add_cb(Kept())
flavorkit.save_model(
    learner, sys.argv[1], input_example=rows, code_paths=[f"{sys.argv[2]}/metric.py"]
)
"""
PREDICT = """
import sys, warnings
warnings.simplefilter("ignore")
import flavorkit
from tests.flavors.cases import fastai as cases
print(len(flavorkit.load_model(sys.argv[1]).predict(cases.people())))
assert "metric" not in sys.modules
"""


def test_classes_of_the_script_and_modules_of_the_users_go_with_it(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "metric.py").write_text("def half(x):\n    return x / 2\n")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "predict.py").write_text(PREDICT)
    script(tmp_path / "train.py", tmp_path / "m", tmp_path / "code")
    shutil.rmtree(tmp_path / "code")
    assert script(tmp_path / "predict.py", tmp_path / "m").split()[-1] == "40"


def test_torchvision_is_not_needed(classifier, tmp_path):
    flavorkit.save_model(classifier[0], tmp_path / "m", input_example=classifier[1])
    assert "torchvision" not in sys.modules
    assert "torchvision" not in (tmp_path / "m" / "requirements.txt").read_text()
