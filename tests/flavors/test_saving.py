"""What a save takes and writes, whatever the flavor."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import flavorkit
from flavorkit import manifest
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    RequirementError,
    TrustError,
    UnsavableModelError,
    UnsupportedModelError,
)
from flavorkit.signature import infer_signature


def test_the_folder_holds_what_mlflow_would_write(iris_folder):
    assert {path.name for path in iris_folder.iterdir()} == {
        *("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "model.skops"),
        *("input_example.json", "serving_input_example.json", "manifest.json"),
    }
    written = yaml.safe_load((iris_folder / "MLmodel").read_text())
    assert written["flavors"]["python_function"] == {
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": "mlflow.sklearn",
        "model_path": "model.skops",
        "predict_fn": "predict",
        "python_version": ".".join(map(str, sys.version_info[:3])),
    }
    assert written["flavors"]["sklearn"]["pickled_model"] == "model.skops"
    assert written["model_size_bytes"] > 0
    assert len(written["model_uuid"]) == 32


def test_it_is_signed_by_its_maker(iris_folder):
    own = flavorkit.trust.signing_key(create=True).public_key
    assert manifest.verify(iris_folder).key == own


def test_a_key_that_cannot_be_used_leaves_the_model_unsigned(iris_model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="the model was not signed, so as code it loads only with"):
        flavorkit.save_model(iris_model, tmp_path / "m")
    checked = manifest.verify(tmp_path / "m")
    assert checked.is_recorded
    assert checked.key is None


def test_a_key_that_is_named_has_to_be_there(iris_model, tmp_path, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_SIGNING_KEY", str(tmp_path / "gone.pem"))
    with pytest.raises(flavorkit.FlavorkitError, match=r"gone\.pem cannot be read"):
        flavorkit.save_model(iris_model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_signature_may_be_given_or_left_out(iris, iris_model, tmp_path):
    X, _ = iris
    given = infer_signature(X)
    assert flavorkit.save_model(iris_model, tmp_path / "a", signature=given).signature == given
    descriptor = flavorkit.save_model(
        iris_model, tmp_path / "b", signature=False, input_example=X[:2]
    )
    assert descriptor.signature is None
    assert flavorkit.save_model(iris_model, tmp_path / "c").signature is None
    loaded = flavorkit.load_model(tmp_path / "c")
    assert loaded.predict(X[:2].to_dict("records")).tolist() == [0, 0]


def test_parameters_in_the_example_become_part_of_the_signature(iris, tmp_path):
    from sklearn.gaussian_process import GaussianProcessRegressor

    X, y = iris[0][:20], np.arange(20.0)
    model = GaussianProcessRegressor(optimizer=None).fit(X, y)
    flavorkit.save_model(model, tmp_path / "m", input_example=(X[:2], {"return_std": False}))
    loaded = flavorkit.load_model(tmp_path / "m")
    mean, std = loaded.predict(X[:3], params={"return_std": True})
    assert mean.shape == std.shape == (3,)
    assert loaded.predict(X[:3]).shape == (3,)


def test_metadata_and_extra_files_are_kept(iris_model, tmp_path):
    (tmp_path / "notes.md").write_text("# notes")
    flavorkit.save_model(
        iris_model, tmp_path / "m", metadata={"team": "a"}, extra_files=[tmp_path / "notes.md"]
    )
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.metadata.metadata == {"team": "a"}
    assert (tmp_path / "m" / "extra_files" / "notes.md").read_text() == "# notes"
    config = loaded.metadata.flavors["sklearn"]
    assert config["extra_files"] == [{"path": "extra_files/notes.md"}]


def test_requirements_may_be_given(iris_model, tmp_path):
    def lines(name, **how):
        flavorkit.save_model(iris_model, tmp_path / name, **how)
        return (tmp_path / name / "requirements.txt").read_text().splitlines()

    assert lines("a", pip_requirements=["x==1"]) == ["x==1"]
    assert "x==1" in lines("b", extra_pip_requirements=["x==1"])
    assert lines("c", conda_env={"dependencies": [{"pip": ["y==2"]}]}) == ["y==2"]
    assert lines("d", pip_requirements=["--index-url https://x"], allow_requirement_options=True)
    with pytest.raises(RequirementError, match="allow_requirement_options=True"):
        lines("e", pip_requirements=["--index-url https://x"])
    assert not (tmp_path / "e").exists()


def test_an_example_the_model_cannot_predict_on_is_an_error(iris_model, tmp_path):
    problem = r"gets as a DataFrame with the columns \['a'\]: ValueError: .*feature names"
    with pytest.raises(InvalidInputError, match=problem):
        flavorkit.save_model(iris_model, tmp_path / "m", input_example=pd.DataFrame({"a": [1.0]}))
    with pytest.raises(InvalidInputError, match="cannot be an input example"):
        flavorkit.save_model(iris_model, tmp_path / "m", input_example=object())
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_type_is_an_error(tmp_path):
    problem = (
        r"no flavor saves builtins\.dict .*, or write a flavorkit\.pyfunc\.PythonModel around it$"
    )
    with pytest.raises(UnsupportedModelError, match=problem):
        flavorkit.save_model({}, tmp_path / "m")


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (LogisticRegression, "this is the class LogisticRegression itself: save an object of it"),
        ("model.unknown", "if it is the path of a model, load that and save the object"),
        (Path("model.unknown"), "if it is the path of a model, load that and save the object"),
    ],
)
def test_what_is_often_taken_for_a_model_is_an_error_that_says_so(model, problem, tmp_path):
    with pytest.raises(UnsupportedModelError, match=problem):
        flavorkit.save_model(model, tmp_path / "m")


SCRIPT = """
import sys, numpy as np, flavorkit.sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = 1
        return self
    def transform(self, X):
        import fractions
        return np.asarray(X) * 2

steps = {"class": Doubler(), "function": FunctionTransformer(lambda X: X * 2)}
X = np.arange(6.0).reshape(-1, 1)
model = make_pipeline(steps[sys.argv[1]], LinearRegression()).fit(X, X[:, 0])
flavorkit.sklearn.save_model(model, sys.argv[2], serialization_format=sys.argv[3])
"""


@pytest.mark.parametrize("kind", ["class", "function"])
def test_what_a_script_defines_needs_cloudpickle(kind, tmp_path):
    def save(serialization_format):
        command = [sys.executable, "-c", SCRIPT, kind, str(tmp_path / "m"), serialization_format]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    for refused in ("skops", "pickle"):
        done = save(refused)
        assert "UnsavableModelError" in done.stderr
        assert 'serialization_format="cloudpickle"' in done.stderr
        assert list(tmp_path.iterdir()) == []
    assert save("cloudpickle").returncode == 0
    loaded = flavorkit.load_model(tmp_path / "m")  # here the script's class does not exist
    np.testing.assert_allclose(loaded.predict(np.array([[7.0]])), [7.0])
    needed = (tmp_path / "m" / "requirements.txt").read_text()
    assert "cloudpickle==" in needed
    assert "numpy==" in needed
    assert "fractions" not in needed


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"serialization_format": "joblib"}, "'joblib' is no serialization format: skops"),
        ({"pyfunc_predict_fn": "nonsense"}, "has no method 'nonsense'"),
    ],
)
def test_options_that_make_no_sense_are_refused(iris_model, tmp_path, options, problem):
    with pytest.raises(UnsavableModelError, match=problem):
        flavorkit.save_model(iris_model, tmp_path / "m", **options)


@pytest.mark.parametrize("serialization_format", ["pickle", "cloudpickle"])
def test_what_cannot_be_pickled_says_so(tmp_path, serialization_format):
    import threading

    from sklearn.preprocessing import FunctionTransformer

    model = FunctionTransformer(kw_args={"lock": threading.Lock()})
    with pytest.raises(UnsavableModelError, match=f"{serialization_format} cannot write it"):
        flavorkit.save_model(model, tmp_path / "m", serialization_format=serialization_format)


def test_a_model_that_cannot_predict_is_saved_and_loads_natively(iris, tmp_path):
    from sklearn.cluster import DBSCAN

    with pytest.warns(UserWarning, match="a DBSCAN has nothing to predict with"):
        flavorkit.save_model(DBSCAN().fit(iris[0]), tmp_path / "m", input_example=iris[0][:2])
    assert type(flavorkit.sklearn.load_model(tmp_path / "m")) is DBSCAN
    with pytest.raises(DescriptorError, match="cannot predict: it was saved without"):
        flavorkit.load_model(tmp_path / "m")


def test_a_module_nobody_installed_is_said(tmp_path, iris):
    from tests.flavors.custom import Clipper

    with pytest.warns(UserWarning, match="refers to tests, which no installed package provides"):
        flavorkit.save_model(Clipper().fit(iris[0]), tmp_path / "m")


def test_a_list_of_trusted_types_in_the_folder_widens_nothing(iris, tmp_path):
    from tests.flavors.custom import Clipper

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flavorkit.save_model(Clipper().fit(iris[0]), tmp_path / "m")
    trusted = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert trusted["flavors"]["sklearn"]["skops_trusted_types"] == ["tests.flavors.custom.Clipper"]
    (tmp_path / "m" / "manifest.json").unlink()
    with pytest.raises(TrustError, match=r"nobody has reviewed \(tests\.flavors"):
        flavorkit.load_model(tmp_path / "m")
    flavorkit.load_model(tmp_path / "m", trust=["tests.flavors.custom.Clipper"])


def test_skops_trusted_types_may_be_given_for_mlflow(iris_model, tmp_path):
    flavorkit.save_model(iris_model, tmp_path / "m", skops_trusted_types=["a.B"])
    config = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())["flavors"]["sklearn"]
    assert config["skops_trusted_types"] == ["a.B"]


def rewrite_descriptor(folder, change):
    (folder / "manifest.json").unlink()
    content = yaml.safe_load((folder / "MLmodel").read_text())
    change(content)
    (folder / "MLmodel").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda c: c["flavors"].pop("sklearn"),
            "the module 'mlflow.sklearn' would be run to load it",
        ),
        (lambda c: c["flavors"].update(sklearn={}), r"model\.skops is a pickle"),
        (
            lambda c: c["flavors"].update({"aaa": {}, "sklearn": {}}),
            "no flavor is named 'aaa'|pickle",
        ),
        (
            lambda c: c["flavors"]["python_function"].update(predict_fn="fit_predict"),
            "come from 'fit_predict', which is not one of the methods that only predict",
        ),
        (lambda c: c["flavors"]["python_function"].update(predict_fn="apply"), "no method 'apply'"),
    ],
)
def test_descriptors_that_lead_nowhere_are_refused(iris_copy, change, problem):
    rewrite_descriptor(iris_copy, change)
    with pytest.raises(flavorkit.FlavorkitError, match=problem):
        flavorkit.load_model(iris_copy)


def test_the_loader_module_is_never_imported(iris_copy):
    for name in ("os", "antigravity", "subprocess", "../x"):
        if (iris_copy / "manifest.json").exists():
            rewrite_descriptor(iris_copy, lambda c: None)
        content = yaml.safe_load((iris_copy / "MLmodel").read_text())
        content["flavors"]["python_function"]["loader_module"] = name
        (iris_copy / "MLmodel").write_text(json.dumps(content))
        loaded = flavorkit.load_model(iris_copy)
        assert loaded.loader_module == name
    assert "antigravity" not in sys.modules


def test_a_flavor_the_folder_has_not_is_an_error(iris_copy):
    with pytest.raises(DescriptorError, match="no flavor 'xgboost', only python_function, sklearn"):
        flavorkit.flavors.loading.load_native(iris_copy, flavor="xgboost")


def test_only_a_model_is_ever_replaced(iris_model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(FileExistsError, match="holds no model, which alone is ever replaced"):
        flavorkit.save_model(iris_model, tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "x"


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_model_needs_a_folder_of_its_own(iris_model, path):
    with pytest.raises(flavorkit.FlavorkitError, match=r"name a folder|holds no model"):
        flavorkit.save_model(iris_model, path, overwrite=True)


def test_a_signature_that_the_example_does_not_fit_is_refused(iris, iris_model, tmp_path):
    X, _ = iris
    signature = flavorkit.infer_signature(X.rename(columns={X.columns[0]: "width"}))
    with pytest.raises(InvalidInputError, match="does not fit the signature: column 'width' is"):
        flavorkit.save_model(iris_model, tmp_path / "m", signature=signature, input_example=X[:2])
    narrow = flavorkit.infer_signature(X.iloc[:, :1])
    with pytest.warns(UserWarning, match="ignored"):
        with pytest.raises(InvalidInputError, match="cannot predict on input_example"):
            flavorkit.save_model(iris_model, tmp_path / "m", signature=narrow, input_example=X[:2])
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("example", "hint"),
    [
        (lambda X: X[:2].to_numpy().tolist(), "pass rows as an array or a frame|numpy array"),
        (lambda X: X[:2].to_dict("list"), "pass columns as a pandas frame"),
    ],
)
def test_an_example_of_another_form_than_meant_says_which_to_use(
    iris, iris_model, tmp_path, example, hint
):
    with pytest.raises(InvalidInputError, match=hint):
        flavorkit.save_model(iris_model, tmp_path / "m", input_example=example(iris[0]))


def test_metadata_may_hold_numpy_scalars(iris_model, tmp_path):
    metadata = {"auc": np.float64(0.5), "shape": (1, 2), "nested": {"n": np.int64(3)}}
    saved = flavorkit.save_model(iris_model, tmp_path / "m", metadata=metadata)
    assert saved.metadata == {"auc": 0.5, "shape": [1, 2], "nested": {"n": 3}}
    with pytest.raises(TypeError, match=r"metadata\['a'\]\[0\] is a object, which has no place"):
        flavorkit.save_model(iris_model, tmp_path / "n", metadata={"a": [object()]})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"signature": "x"}, "signature must be a ModelSignature"),
        ({"metadata": "x"}, "metadata must be a mapping"),
        ({"input_exampl": 1}, "did you mean input_example"),
        ({"serialisation_format": 1}, "did you mean serialization_format"),
    ],
)
def test_wrong_arguments_are_named(iris_model, tmp_path, arguments, problem):
    with pytest.raises(TypeError, match=problem):
        flavorkit.save_model(iris_model, tmp_path / "m", **arguments)


def test_extra_files_keep_apart(iris_model, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "x.txt").write_text(name)
    flavorkit.save_model(iris_model, tmp_path / "one", extra_files=str(tmp_path / "a" / "x.txt"))
    assert (tmp_path / "one" / "extra_files" / "x.txt").read_text() == "a"
    flavorkit.save_model(iris_model, tmp_path / "tree", extra_files=[tmp_path / "a"])
    assert (tmp_path / "tree" / "extra_files" / "a" / "x.txt").read_text() == "a"
    twice = [tmp_path / "a" / "x.txt", tmp_path / "b" / "x.txt"]
    with pytest.raises(flavorkit.FlavorkitError, match=r"two extra_files are called 'x\.txt'"):
        flavorkit.save_model(iris_model, tmp_path / "two", extra_files=twice)


def test_an_example_of_several_arrays_in_a_list_is_told_to_be_a_dict(tmp_path):
    def predict(data):
        raise ValueError("not so")

    example = [np.zeros((2, 3)), np.zeros((2, 2))]
    with pytest.raises(InvalidInputError, match="pass several inputs as a dict of arrays"):
        flavorkit.save_model(predict, tmp_path / "m", input_example=example)
