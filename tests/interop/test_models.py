"""A folder saved by either is loaded by the other, and predicts the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

import flavorkit
from flavorkit import manifest
from flavorkit.descriptor import ModelDescriptor
from flavorkit.errors import TrustError
from flavorkit.testing import assert_same, rows_of
from flavorkit.testing.contract import parametrized
from tests.flavors.cases import all_cases

OURS = list(parametrized(all_cases(), grouped=True))


@pytest.fixture(scope="module")
def ours(request, tmp_path_factory):
    """A model of the contract's cases, saved by us."""
    case, model = request.param
    folder = tmp_path_factory.mktemp("ours") / "m"
    model.save(folder, flavor=case.flavor)
    return case, model, folder


def same(left, right, rtol=0.0):
    """Equal, but for the last bits: MLflow hands over columns in another memory layout.

    Outputs by name may come in any order: it passes them on as TensorFlow lists them, which a
    saved model keeps in a protobuf map.
    """
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        left = {name: left[name] for name in right}
    assert_same(left, right, max(rtol, 1e-12))


BEYOND_MLFLOW = {
    ("catboost", "probabilities"): "its pyfunc takes no parameters",
    ("catboost", "regressor"): "its pyfunc takes no parameters",
    **dict.fromkeys(
        (
            ("lightgbm", name)
            for name in ("booster params", "booster leaves", "booster contributions", "regressor")
        ),
        "its pyfunc ignores parameters",
    ),
    **dict.fromkeys(
        (("lightgbm", "booster categories"), ("lightgbm", "categories")),
        "its pyfunc hands text to a model that takes categories",
    ),
    ("keras", "two outputs"): "its pyfunc makes one array of all outputs",
    ("keras", "words"): "its pyfunc hands on text as objects",
    ("onnx", "classifier"): "its pyfunc makes no frame of outputs of different widths",
    ("onnx", "columns"): "its pyfunc hands on columns without their second dimension",
    ("spacy", "array"): "its pyfunc takes frames only",
    ("statsmodels", "arima params"): "its pyfunc passes no parameters on",
    ("statsmodels", "exogenous"): "its pyfunc takes a range only",
    ("statsmodels", "generalized params"): "its pyfunc passes no parameters on",
    ("statsmodels", "poisson"): "its pyfunc passes no parameters on",
    ("tensorflow", "keras two outputs"): "its pyfunc has no names of outputs",
    ("tensorflow", "module by name"): "its pyfunc takes a module of one input only",
    ("xgboost", "booster categories"): "its pyfunc makes a DMatrix without categories",
    ("xgboost", "categories"): "its pyfunc hands text to a model that takes categories",
    (
        "sklearn",
        "documents",
    ): "its pyfunc hands a vectorizer the frame, which iterates over the column names",
    (
        "sklearn",
        "histogram",
    ): "its pyfunc refuses a category column, and the model takes no text instead",
}

# Classes and lambdas it has to be given, a loss by name in HDF5, H2O's portable format.
NOT_NATIVELY = {
    ("h2o", "mojo"),
    *(("keras", name) for name in ("params", "own layer", "lambda")),
    *(("tensorflow", name) for name in ("keras lambda", "keras h5")),
}


def without_categories(data):
    if not isinstance(data, pd.DataFrame):
        return data
    return data.astype(dict.fromkeys(data.select_dtypes("category"), object))


@pytest.mark.parametrize("ours", OURS, indirect=True)
def test_mlflow_loads_ours(mlflow, ours):
    case, model, folder = ours
    expected = model.answer(model.data)
    if (case.flavor, model.name) not in BEYOND_MLFLOW:
        data = without_categories(model.data)
        same(mlflow.pyfunc.load_model(str(folder)).predict(data), expected, model.rtol)
    if (case.flavor, model.name) in NOT_NATIVELY:
        return
    theirs = pytest.importorskip(f"mlflow.{case.flavor}", reason="MLflow has no such flavor")
    native = theirs.load_model(str(folder))
    same(model.expected(native, model.data), model.expected(model.native, model.data), model.rtol)


@pytest.mark.parametrize("ours", OURS, indirect=True)
def test_mlflow_reads_our_signature_example_and_requirements(mlflow, ours):
    case, model, folder = ours
    theirs = mlflow.models.Model.load(str(folder))
    mine = ModelDescriptor.read(folder)
    assert theirs.signature.to_dict() == mine.signature.to_dict()
    example = theirs.load_input_example(str(folder))
    if isinstance(model.data, pd.DataFrame):
        assert example.columns.tolist() == model.data.columns.tolist()
    else:
        same(example, rows_of(model.data, 0, model.example_rows))
    path = mlflow.pyfunc.get_model_dependencies(str(folder))
    listed = Path(path).read_text().replace("_", "-")
    assert all(f"{package}==" in listed for package in case.packages)


SAVED_BY_MLFLOW = {
    "skops": {},
    "cloudpickle": {"serialization_format": "cloudpickle"},
    "pickle": {"serialization_format": "pickle"},
    "with an example": {"input_example": True},
    "with a signature": {"signature": True},
    "with conda_env": {"conda_env": {"dependencies": ["python=3.11", {"pip": ["scikit-learn"]}]}},
    "with requirements": {"extra_pip_requirements": ["tabulate"]},
    "probabilities": {"pyfunc_predict_fn": "predict_proba"},
    "with metadata": {"metadata": {"team": "a"}},
}


@pytest.fixture(scope="module")
def theirs(request, mlflow, tmp_path_factory, iris):
    """A forest, saved by MLflow."""
    from sklearn.ensemble import RandomForestClassifier

    X, y = iris
    model = RandomForestClassifier(5, random_state=0).fit(X, y)
    options = dict(SAVED_BY_MLFLOW[request.param])
    if options.pop("input_example", None):
        options["input_example"] = X[:3]
    if options.pop("signature", None):
        options["signature"] = mlflow.models.infer_signature(X, y)
    if "serialization_format" not in options:
        options["skops_trusted_types"] = ["sklearn.tree._tree.Tree"]
    # Otherwise MLflow starts an interpreter for each save to find out what it needs.
    if not {"conda_env", "extra_pip_requirements"} & set(options):
        options["pip_requirements"] = ["scikit-learn"]
    folder = tmp_path_factory.mktemp("theirs") / "m"
    mlflow.sklearn.save_model(model, str(folder), **options)
    return model, folder, options


@pytest.mark.parametrize("theirs", SAVED_BY_MLFLOW, indirect=True)
def test_we_load_theirs(mlflow, theirs, iris):
    model, folder, options = theirs
    X, _ = iris
    trust = None if "serialization_format" not in options else "all"
    loaded = flavorkit.load_model(folder, trust=trust)
    expected = mlflow.pyfunc.load_model(str(folder)).predict(X)
    same(loaded.predict(X), expected)
    same(flavorkit.sklearn.load_model(folder, trust=trust).predict(X), model.predict(X))
    assert not manifest.verify(folder).is_recorded
    assert loaded.metadata.mlflow_version == mlflow.__version__


@pytest.mark.parametrize("theirs", ["cloudpickle", "pickle"], indirect=True)
def test_their_pickles_are_refused_unless_the_caller_says_so(theirs):
    _, folder, _ = theirs
    with pytest.raises(TrustError, match="nobody has signed it"):
        flavorkit.load_model(folder)
    flavorkit.load_model(folder, trust=manifest.verify(folder).digest)


def test_a_folder_that_mlflow_has_fetched_is_still_whole(mlflow, iris_folder, tmp_path):
    copy = shutil.copytree(iris_folder, tmp_path / "m")
    (copy / "registered_model_meta").write_text("model_name: x\nmodel_version: '1'\n")
    assert flavorkit.load_model(copy).digest == manifest.verify(iris_folder).digest


def test_what_mlflow_writes_is_kept_when_it_is_rewritten(mlflow, tmp_path, iris, iris_model):
    mlflow.sklearn.save_model(iris_model, str(tmp_path / "m"), pip_requirements=["scikit-learn"])
    before = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    ModelDescriptor.read(tmp_path / "m").write(tmp_path / "m")
    assert yaml.safe_load((tmp_path / "m" / "MLmodel").read_text()) == before


def test_a_method_that_mlflow_cannot_call_goes_through_our_loader(mlflow, tmp_path, iris):
    from sklearn.svm import LinearSVC

    X, y = iris
    model = LinearSVC().fit(X, y)
    flavorkit.save_model(model, tmp_path / "m", pyfunc_predict_fn="decision_function")
    written = yaml.safe_load((tmp_path / "m" / "MLmodel").read_text())
    assert written["flavors"]["python_function"]["loader_module"] == "flavorkit.mlflow_loader"
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    same(theirs.predict(X), model.decision_function(X))
    assert type(theirs.get_raw_model()) is LinearSVC


def test_saving_with_mlflows_keywords(tmp_path, iris, iris_model):
    """The call as people's notebooks have it, with the import changed."""
    import flavorkit as mlflow
    from flavorkit.models import infer_signature

    mlflow.sklearn.save_model(
        sk_model=iris_model,
        path=str(tmp_path / "m"),
        signature=infer_signature(iris[0], iris_model.predict(iris[0])),
        input_example=iris[0].head(2),
        serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_SKOPS,
        extra_pip_requirements=["tabulate"],
        metadata={"team": "a"},
        pyfunc_predict_fn="predict",
    )
    assert mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(iris[0]).shape == (150,)
