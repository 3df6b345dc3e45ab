"""Models that are Python code: saved by either, loaded by the other, predicting the same."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pydantic
import pytest

import flavorkit
from flavorkit import pyfunc
from tests.flavors.scripts import script
from tests.interop.conftest import MlflowServer

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0]})
TEXTS = ["a", "bb", "ccc"]


class Item(pydantic.BaseModel):
    name: str
    weight: float | None = None


ITEMS = [{"name": "x", "weight": 1.5}, {"name": "y", "weight": None}]


def kinds(base):
    """Every kind of model, deriving from ``base``: ours or MLflow's."""

    class Plain(base):
        def predict(self, context, model_input, params=None):
            return model_input["a"] + model_input["b"]

    class WithoutContext(base):
        def predict(self, model_input, params=None):
            return model_input["a"] * 2

    class WithParams(base):
        def predict(self, context, model_input, params=None):
            return model_input["a"] * (params or {}).get("factor", 1)

    class WithContext(base):
        def load_context(self, context):
            self.offset = float(Path(context.artifacts["offset"]).read_text())
            self.factor = context.model_config["factor"]

        def predict(self, context, model_input, params=None):
            return model_input["a"] * self.factor + self.offset

    class Streaming(base):
        def predict(self, context, model_input, params=None):
            return model_input["a"].tolist()

        def predict_stream(self, context, model_input, params=None):
            yield from np.ravel(model_input["a"]).tolist()

    class Texts(base):
        def predict(self, model_input: list[str], params=None) -> list[int]:
            return [len(text) for text in model_input]

    class Objects(base):
        def predict(self, model_input: list[Item]) -> list[str]:
            return [f"{item.name}:{item.weight}" for item in model_input]

    class Rows(base):
        def predict(self, model_input: list[dict[str, float]]) -> list[float]:
            return [sum(row.values()) for row in model_input]

    return {cls.__name__: cls() for cls in vars_of(locals(), base)}


def vars_of(names, base):
    return [value for value in names.values() if isinstance(value, type) and value is not base]


def doubled(model_input):
    return model_input["a"] * 2


def shouted(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


HELPER = """
    FACTOR = 7

    def scaled(values):
        import helper_of_helper

        return values * FACTOR + helper_of_helper.OFFSET
"""
CODE = """
    import {product}
    from {product}.pyfunc import PythonModel

    class FromCode(PythonModel):
        def load_context(self, context):
            self.factor = context.model_config["factor"]

        def predict(self, context, model_input, params=None):
            return model_input["a"] * self.factor

    {product}.models.set_model(FromCode())
"""


@pytest.fixture
def files(tmp_path):
    """What models are saved with: an artifact, modules, files of code."""
    (tmp_path / "offset.txt").write_text("100")
    (tmp_path / "helper.py").write_text(textwrap.dedent(HELPER))
    (tmp_path / "helper_of_helper.py").write_text("OFFSET = 0.5\n")
    for product in ("mlflow", "flavorkit"):
        (tmp_path / f"{product}_code.py").write_text(textwrap.dedent(CODE.format(product=product)))
    return tmp_path


DATA = {"Texts": TEXTS, "Objects": ITEMS, "Rows": [{"x": 1.0, "y": 2.0}, {"x": 5.0}]}


def options_of(name, files, infer_signature):
    if name == "WithContext":
        artifacts = {"offset": str(files / "offset.txt")}
        return {"artifacts": artifacts, "model_config": {"factor": 3}}
    if name == "WithParams":
        return {"signature": infer_signature(FRAME, FRAME["a"], {"factor": 1.0})}
    if name in DATA:
        return {}
    return {"input_example": FRAME}


def listed(predictions):
    return np.asarray(predictions).tolist()


NAMES = list(kinds(pyfunc.PythonModel))


@pytest.mark.parametrize("name", NAMES)
def test_mlflows_load_here_and_predict_the_same(mlflow, files, name):
    model = kinds(mlflow.pyfunc.PythonModel)[name]
    options = options_of(name, files, mlflow.models.infer_signature)
    folder = files / "m"
    mlflow.pyfunc.save_model(folder, python_model=model, pip_requirements=[], **options)
    same_in_both(mlflow, folder, name)


@pytest.mark.parametrize("name", NAMES)
def test_ours_load_in_mlflow_and_predict_the_same(mlflow, files, name):
    model = kinds(pyfunc.PythonModel)[name]
    options = options_of(name, files, flavorkit.infer_signature)
    folder = files / "m"
    pyfunc.save_model(folder, python_model=model, pip_requirements=[], **options)
    same_in_both(mlflow, folder, name)


def same_in_both(mlflow, folder, name):
    data = DATA.get(name, FRAME)
    ours = flavorkit.load_model(folder, trust="all")
    theirs = mlflow.pyfunc.load_model(str(folder))
    assert listed(ours.predict(data)) == listed(theirs.predict(data))
    if name == "WithParams":
        params = {"factor": 5.0}
        assert listed(ours.predict(data, params)) == listed(theirs.predict(data, params))
        assert listed(ours.predict(data, params)) == [5.0, 10.0, 15.0]
    if name == "Streaming":
        one = FRAME[:1]  # MLflow streams the answer to one row alone
        assert list(ours.predict_stream(one)) == list(theirs.predict_stream(one)) == [1.0]
    if name == "WithContext":
        changed = {"factor": 4}
        ours = flavorkit.load_model(folder, trust="all", model_config=changed)
        theirs = mlflow.pyfunc.load_model(str(folder), model_config=changed)
        assert listed(ours.predict(data)) == listed(theirs.predict(data)) == [104, 108, 112]
    assert ours.signature is None or ours.metadata.to_dict()["signature"] == signature_of(theirs)


def signature_of(loaded):
    return loaded.metadata.signature.to_dict()


@pytest.mark.parametrize(("function", "data"), [(doubled, FRAME), (shouted, TEXTS)])
@pytest.mark.parametrize("saver", ["ours", "theirs"])
def test_functions(mlflow, tmp_path, function, data, saver):
    product = flavorkit if saver == "ours" else mlflow
    example = {} if function is shouted else {"input_example": data}
    product.pyfunc.save_model(tmp_path / "m", python_model=function, pip_requirements=[], **example)
    expected = listed(function(data))
    assert listed(flavorkit.load_model(tmp_path / "m", trust="all").predict(data)) == expected
    assert listed(mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(data)) == expected


@pytest.mark.parametrize("saver", ["ours", "theirs"])
def test_models_from_code(mlflow, files, saver):
    product = flavorkit if saver == "ours" else mlflow
    code = files / f"{product.__name__}_code.py"
    product.pyfunc.save_model(
        files / "m", python_model=str(code), model_config={"factor": 3}, pip_requirements=[]
    )
    code.unlink()
    expected = [3.0, 6.0, 9.0]
    assert listed(flavorkit.load_model(files / "m", trust="all").predict(FRAME)) == expected
    assert listed(mlflow.pyfunc.load_model(str(files / "m")).predict(FRAME)) == expected


@pytest.mark.parametrize("saver", ["ours", "theirs"])
def test_models_with_modules_of_their_own(mlflow, files, saver, monkeypatch):
    product = flavorkit if saver == "ours" else mlflow
    monkeypatch.syspath_prepend(files)

    class WithCode(product.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            from helper import scaled

            return scaled(model_input["a"])

    modules = [str(files / "helper.py"), str(files / "helper_of_helper.py")]
    product.pyfunc.save_model(
        files / "m", python_model=WithCode(), code_paths=modules, pip_requirements=[]
    )
    # In a process that knows neither the class nor its modules: here, both are this script's own.
    there = files / "there.py"
    there.write_text(WITH_CODE)
    assert json.loads(script(there, files / "m", warnings="ignore")) == [7.5, 14.5, 21.5]
    with monkeypatch.context() as patch:
        patch.setattr("sys.path", list(sys.path))
        theirs = mlflow.pyfunc.load_model(str(files / "m"))
        assert listed(theirs.predict(FRAME)) == [7.5, 14.5, 21.5]


WITH_CODE = """
import json, sys
import pandas
import flavorkit
model = flavorkit.load_model(sys.argv[1], trust="all")
print(json.dumps(list(model.predict(pandas.DataFrame({"a": [1.0, 2.0, 3.0]})))))
assert "helper" not in sys.modules
"""


LOADER = """
    from pathlib import Path

    class Model:
        def __init__(self, factor):
            self.factor = factor

        def predict(self, data, params=None):
            return data["a"] * self.factor

    def _load_pyfunc(path):
        return Model(float(Path(path).read_text()))
"""


@pytest.mark.parametrize("saver", ["ours", "theirs"])
def test_a_module_that_loads_data(mlflow, tmp_path, saver, monkeypatch):
    product = flavorkit if saver == "ours" else mlflow
    (tmp_path / "own_loader.py").write_text(textwrap.dedent(LOADER))
    (tmp_path / "factor.txt").write_text("6")
    product.pyfunc.save_model(
        tmp_path / "m",
        loader_module="own_loader",
        data_path=str(tmp_path / "factor.txt"),
        code_paths=[str(tmp_path / "own_loader.py")],
        pip_requirements=[],
    )
    expected = [6.0, 12.0, 18.0]
    assert listed(flavorkit.load_model(tmp_path / "m", trust="all").predict(FRAME)) == expected
    monkeypatch.setattr("sys.path", list(sys.path))
    assert listed(mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(FRAME)) == expected


REQUESTS = {
    "Plain": [
        {"dataframe_split": FRAME.to_dict("split", index=False)},
        {"dataframe_records": FRAME.to_dict("records")},
        {"inputs": FRAME.to_dict("list")},
    ],
    "Texts": [{"inputs": TEXTS}],
    "Objects": [{"inputs": ITEMS}],
    "Rows": [{"inputs": DATA["Rows"]}],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_both_servers_answer_the_same(mlflow, files, name, start):
    model = kinds(mlflow.pyfunc.PythonModel)[name]
    options = options_of(name, files, mlflow.models.infer_signature)
    mlflow.pyfunc.save_model(files / "m", python_model=model, pip_requirements=[], **options)
    theirs = MlflowServer(files / "m")
    try:
        ours = start(files / "m", "--trust", "all")
        theirs.wait()
        for payload in REQUESTS[name]:
            answer, expected = ours.invoke(payload), theirs.invoke(payload)
            assert (answer.status, answer.json()) == (expected.status, expected.json()), payload
        assert ours.stop() == 0
    finally:
        theirs.kill()
