"""Python code as a model: what it may bring, what it sees, what it cannot do."""

from __future__ import annotations

import json
import py_compile
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pydantic
import pytest

import flavorkit
from flavorkit import manifest
from flavorkit.errors import (
    DescriptorError,
    InvalidInputError,
    MissingDependencyError,
    TrustError,
    UnreadableModelError,
    UnsavableModelError,
)
from flavorkit.pyfunc import PythonModel, save_model
from tests.flavors.scripts import script

X = pd.DataFrame({"a": [1.0, 2.0]})


class Doubling(PythonModel):
    def predict(self, model_input):
        return model_input["a"] * 2


class Point(pydantic.BaseModel):
    x: float
    y: float = 0.0


class Points(PythonModel):
    def predict(self, model_input: list[Point]) -> list[float]:
        return [point.x + point.y for point in model_input]


def test_a_class_of_a_script_travels_with_the_model(tmp_path, write):
    src = write(
        script="""
        import sys
        import flavorkit
        from flavorkit.pyfunc import PythonModel

        FACTOR = 4

        class Scaling(PythonModel):
            def predict(self, model_input):
                return model_input["a"] * FACTOR

        flavorkit.save_model(Scaling(), sys.argv[1])
        """
    )
    script(src / "script.py", tmp_path / "m")
    assert flavorkit.load_model(tmp_path / "m").predict(X).tolist() == [4, 8]


def test_a_function_of_a_script_travels_too(tmp_path, write):
    src = write(
        script="""
        import sys
        import flavorkit

        def doubled(texts: list[str]) -> list[str]:
            return [text * 2 for text in texts]

        flavorkit.save_model(doubled, sys.argv[1])
        """
    )
    script(src / "script.py", tmp_path / "m")
    loaded = flavorkit.load_model(tmp_path / "m", trust="all")
    assert loaded.predict(["a"]) == ["aa"]


def test_it_loads_only_for_those_who_trust_who_signed_it(tmp_path):
    save_model(tmp_path / "m", python_model=lambda data: data, pip_requirements=[])
    flavorkit.load_model(tmp_path / "m")
    with pytest.raises(TrustError, match=r"python_model\.pkl is a pickle, which can run any code"):
        flavorkit.load_model(tmp_path / "m", trust="data")


CODE = """
    import flavorkit.models
    import helper

    def predict(data):
        return data["a"] * helper.FACTOR

    flavorkit.models.set_model(predict)
"""


def saved_from_code(src, target, **options):
    return save_model(
        target, python_model=src / "code_model.py", code_paths=[src / "helper.py"], **options
    )


def test_two_models_do_not_see_each_others_modules(tmp_path, write):
    src = write(code_model=CODE, helper="FACTOR = 2")
    saved_from_code(src, tmp_path / "two")
    write(helper="FACTOR = 3")
    saved_from_code(src, tmp_path / "three")
    two, three = (flavorkit.load_model(tmp_path / name) for name in ("two", "three"))
    assert two.predict(X).tolist() == [2, 4]
    assert three.predict(X).tolist() == [3, 6]
    assert two.predict(X).tolist() == [2, 4]
    assert "helper" not in sys.modules


def test_loading_and_predicting_leave_the_folder_as_it_is(tmp_path, write, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    src = write(code_model=CODE, helper="FACTOR = 2")
    saved_from_code(src, tmp_path / "m")
    before = sorted(tmp_path.joinpath("m").rglob("*"))
    flavorkit.load_model(tmp_path / "m").predict(X)
    assert sorted(tmp_path.joinpath("m").rglob("*")) == before
    manifest.verify(tmp_path / "m")


def test_byte_code_in_the_folder_is_not_read(tmp_path, write):
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    src = write(code_model=CODE, helper="FACTOR = 666")
    saved_from_code(src, tmp_path / "m")
    helper = tmp_path / "m" / "code" / "helper.py"
    py_compile.compile(str(helper), doraise=True, invalidation_mode=unchecked)
    helper.write_text("FACTOR = 2")
    (tmp_path / "m" / "manifest.json").unlink()
    assert flavorkit.load_model(tmp_path / "m", trust="all").predict(X).tolist() == [2, 4]


def test_packages_dataclasses_and_late_imports_work(tmp_path, write):
    src = write(
        code_model="""
        import flavorkit.models
        from package import Factor
        from package.sub import shift

        def predict(data):
            from package.late import OFFSET  # when it is called, not before
            import package.late as late

            assert late.OFFSET == OFFSET
            return data["a"] * Factor().value + OFFSET + shift()

        flavorkit.models.set_model(predict)
        """,
        package__in____init__="""
        from __future__ import annotations
        from dataclasses import dataclass
        from . import constants
        from .constants import VALUE

        @dataclass
        class Factor:
            value: float = VALUE
        """,
        package__in__constants="VALUE = 10.0",
        package__in__late="OFFSET = 0.5",
        package__in__sub="""
        import package.constants

        def shift():
            return package.constants.VALUE
        """,
    )
    save_model(tmp_path / "m", python_model=src / "code_model.py", code_paths=[src / "package"])
    assert flavorkit.load_model(tmp_path / "m").predict(X).tolist() == [20.5, 30.5]


def test_a_function_inside_a_function_of_a_script_sees_the_modules_too(tmp_path, write):
    src = write(
        save="""
        import sys
        import flavorkit

        def predict(data):
            def factor():
                import helper
                return helper.FACTOR
            return data["a"] * factor()

        flavorkit.pyfunc.save_model(
            sys.argv[1], python_model=predict, code_paths=[sys.argv[2]], pip_requirements=[]
        )
        """,
        helper="FACTOR = 2",
    )
    script(src / "save.py", tmp_path / "m", src / "helper.py")
    assert flavorkit.load_model(tmp_path / "m").predict(X).tolist() == [2, 4]


def test_a_module_may_not_stand_for_one_of_the_standard_library(tmp_path, write):
    src = write(code_model=CODE, helper="FACTOR = 2", json="dumps = None")
    with pytest.raises(UnreadableModelError, match="json has the name of one of the standard"):
        save_model(
            tmp_path / "m",
            python_model=src / "code_model.py",
            code_paths=[src / "helper.py", src / "json.py"],
        )
    assert not (tmp_path / "m").exists()


def test_requirements_are_those_of_all_the_code(tmp_path, write):
    src = write(
        code_model=CODE,
        helper="import json, yaml\nfrom packaging.version import Version\nFACTOR = 2",
    )
    saved_from_code(src, tmp_path / "m")
    names = {
        line.partition("==")[0]
        for line in (tmp_path / "m" / "requirements.txt").read_text().split()
    }
    assert names == {"cloudpickle", "packaging", "PyYAML"}


def test_the_configuration_is_seen_by_the_code_and_overridden_by_the_caller(tmp_path, write):
    src = write(
        code_model="""
        import flavorkit.models

        config = flavorkit.models.ModelConfig(development_config={"factor": 100})

        def predict(data):
            return data["a"] * config.get("factor")

        flavorkit.models.set_model(predict)
        """
    )
    save_model(
        tmp_path / "m", python_model=src / "code_model.py", model_config={"factor": 2, "other": 1}
    )
    assert flavorkit.load_model(tmp_path / "m").predict(X).tolist() == [2, 4]
    changed = flavorkit.load_model(tmp_path / "m", model_config={"factor": 5})
    assert changed.predict(X).tolist() == [5, 10]
    assert changed.model_config == {"factor": 5, "other": 1}
    with pytest.raises(DescriptorError, match=r"model_config has \['facto'\], and the model was"):
        flavorkit.load_model(tmp_path / "m", model_config={"facto": 5})


def test_the_configuration_may_come_from_the_environment(tmp_path, monkeypatch):
    class Factor(PythonModel):
        def predict(self, context, model_input):
            return model_input["a"] * context.model_config["factor"]

    flavorkit.save_model(Factor(), tmp_path / "m", model_config={"factor": 2})
    monkeypatch.setenv("FLAVORKIT_PYFUNC_INFERENCE_CONFIG", json.dumps({"factor": 3}))
    assert flavorkit.load_model(tmp_path / "m").predict(X).tolist() == [3, 6]
    monkeypatch.setenv("FLAVORKIT_PYFUNC_INFERENCE_CONFIG", "[")
    with pytest.raises(InvalidInputError, match="must be a JSON object"):
        flavorkit.load_model(tmp_path / "m")


def test_artifacts_are_copied_in_under_names_that_keep_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.txt").write_text(name)

    class Reading(PythonModel):
        def load_context(self, context):
            self.texts = {key: Path(path).read_text() for key, path in context.artifacts.items()}

        def predict(self, context, model_input):
            return sorted(self.texts.items())

    artifacts = {name: tmp_path / name / "data.txt" for name in ("one", "two")}
    flavorkit.save_model(Reading(), tmp_path / "m", artifacts=artifacts)
    found = flavorkit.load_model(tmp_path / "m").predict(X)
    assert found == [("one", "one"), ("two", "two")]
    with pytest.raises(UnsavableModelError, match="the artifact 'gone' is not at"):
        flavorkit.save_model(Reading(), tmp_path / "n", artifacts={"gone": tmp_path / "gone"})


@pytest.mark.parametrize("option", ["code_paths", "artifacts", "data_path", "extra_files"])
def test_the_working_folder_may_come_along_though_the_model_is_saved_in_it(
    tmp_path, write, monkeypatch, option
):
    src = write(
        loader="""
        def _load_pyfunc(path):
            return lambda data: data["a"]
        """
    )
    monkeypatch.chdir(src)
    options = {"python_model": lambda data: data["a"], "pip_requirements": []}
    if option == "data_path":
        options = {"loader_module": "loader", "code_paths": ["loader.py"], "pip_requirements": []}
    options[option] = {"all": "."} if option == "artifacts" else "."
    for _ in range(2):  # the second time, there is a model to be replaced
        save_model("m", **options, overwrite=True)
        assert flavorkit.load_model("m").predict(X).tolist() == [1, 2]
        inside = {path.name for path in Path("m").rglob("*")}
        assert "loader.py" in inside
        assert not {"m", ".flavorkit-partial"} & {name[:18] for name in inside}
        assert len(list(Path("m").rglob("MLmodel"))) == 1


def test_type_hints_make_the_signature_and_the_data(tmp_path):
    descriptor = flavorkit.save_model(Points(), tmp_path / "m", pip_requirements=[])
    assert descriptor.is_signature_from_type_hint
    model = flavorkit.load_model(tmp_path / "m")
    assert model.predict([{"x": 1.0}, {"x": 2.0, "y": 3.0}]) == [1.0, 5.0]
    assert model.predict([Point(x=1.0, y=1.0)]) == [2.0]
    assert model.predict(pd.DataFrame({"x": [1.0], "y": [4.0]})) == [5.0]
    with pytest.raises(InvalidInputError, match=r"row 1\.x: Field required"):
        model.predict([{"x": 1.0}, {"y": 2.0}])


def test_a_models_own_attributes_may_have_any_name(tmp_path):
    class Applying(PythonModel):
        def __init__(self):
            self.function = self.func = len
            self.hints = self.predict_hints = (int, int)

        def predict(self, context, model_input: list[str]) -> list[int]:
            return [self.function(text) for text in model_input]

    flavorkit.save_model(Applying(), tmp_path / "m", input_example=["a", "bb"])
    model = flavorkit.load_model(tmp_path / "m")
    assert model.predict(["abc"]) == [3]
    assert model.metadata.is_signature_from_type_hint


def test_a_stream_is_what_the_model_yields(tmp_path):
    class Counting(PythonModel):
        def predict(self, context, model_input, params=None):
            return list(model_input["a"])

        def predict_stream(self, context, model_input, params=None):
            yield from model_input["a"]

    flavorkit.save_model(Counting(), tmp_path / "m", input_example=X)
    assert list(flavorkit.load_model(tmp_path / "m").predict_stream(X)) == [1.0, 2.0]
    flavorkit.save_model(Doubling(), tmp_path / "n", pip_requirements=[])
    with pytest.raises(InvalidInputError, match="the model has no predict_stream"):
        flavorkit.load_model(tmp_path / "n").predict_stream(X)


def test_the_model_itself_comes_back(tmp_path, iris_folder):
    flavorkit.save_model(Doubling(), tmp_path / "m", pip_requirements=[])
    assert isinstance(flavorkit.load_model(tmp_path / "m").unwrap_python_model(), Doubling)
    with pytest.raises(InvalidInputError, match="is of the sklearn flavor, not a PythonModel"):
        flavorkit.load_model(iris_folder).unwrap_python_model()


def test_mlflows_models_say_that_they_need_mlflow(tmp_path, write):
    src = write(
        script="""
        import sys, warnings
        warnings.simplefilter("ignore")
        import mlflow

        class Own(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input):
                return model_input

        mlflow.pyfunc.save_model(sys.argv[1], python_model=Own(), pip_requirements=[])
        """,
        load="""
        import sys
        sys.modules["mlflow"] = None  # as if it were not installed
        import flavorkit
        try:
            flavorkit.load_model(sys.argv[1], trust="all")
        except flavorkit.FlavorkitError as error:
            print(type(error).__name__, error)
        """,
    )
    subprocess.run(
        [sys.executable, src / "script.py", tmp_path / "m"], check=True, capture_output=True
    )
    said = script(src / "load.py", tmp_path / "m")
    assert said.startswith(MissingDependencyError.__name__)
    assert "is made of MLflow's own classes, needs mlflow: pip install 'mlflow'" in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"python_model": 5}, "a int is no PythonModel, no function and no path"),
        ({}, "pass either a model or a loader_module"),
        ({"python_model": "gone.py"}, "there is no file of code at gone"),
        ({"python_model": lambda x: x, "loader_module": "x"}, "pass either a model or"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, arguments, problem):
    with pytest.raises(UnsavableModelError, match=problem):
        save_model(tmp_path / "m", **arguments)


def test_code_that_fails_says_where(tmp_path, write):
    src = write(code_model="import module_that_is_not_there", broken="1 / 0", silent="x = 1")
    for name, problem in {
        "code_model": "it uses the module 'module_that_is_not_there', which is not installed",
        "broken": "ZeroDivisionError: division by zero",
        "silent": r"it does not call flavorkit\.models\.set_model",
    }.items():
        with pytest.raises(UnreadableModelError, match=problem):
            save_model(tmp_path / "m", python_model=src / f"{name}.py")


def test_a_model_that_cannot_be_pickled_says_what_to_do(tmp_path):
    import threading

    model = Doubling()
    model.lock = threading.Lock()
    with pytest.raises(UnsavableModelError, match=r"load what it cannot in load_context\(\)"):
        flavorkit.save_model(model, tmp_path / "m")


def test_what_is_saved_is_told_and_tried_without_a_server(tmp_path, iris_folder):
    info = flavorkit.models.get_model_info(iris_folder)
    assert list(info.flavors) == ["python_function", "sklearn"]
    assert info.signature == flavorkit.load_model(iris_folder).signature
    assert flavorkit.models.Model.load(iris_folder).flavors == info.flavors
    assert flavorkit.models.Model.load(iris_folder / "MLmodel").flavors == info.flavors
    body = (iris_folder / "serving_input_example.json").read_text()
    expected = flavorkit.models.validate_serving_input(iris_folder, body).tolist()
    assert (
        flavorkit.models.validate_serving_input(iris_folder, json.loads(body)).tolist() == expected
    )
    convert = flavorkit.models.convert_input_example_to_serving_input
    assert json.loads(convert(X)) == {"dataframe_split": {"columns": ["a"], "data": [[1.0], [2.0]]}}
    assert convert(None) is None
    with pytest.raises(flavorkit.FlavorkitError, match="not valid JSON"):
        flavorkit.models.validate_serving_input(iris_folder, "{")


def test_a_notebook_shows_what_the_model_takes_and_nothing_it_can_forge(tmp_path):
    frame = pd.DataFrame({"<script>alert(1)</script>": [1.0]})
    flavorkit.save_model(lambda data: data.iloc[:, 0], tmp_path / "m", input_example=frame)
    model = flavorkit.load_model(tmp_path / "m")
    for shown in (model._repr_html_(), model.signature._repr_html_()):
        assert "<script>" not in shown
        assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>DataType.double</td>" in shown


def test_saving_leaves_the_class_of_a_script_as_it_is(tmp_path):
    code = """
import sys
import flavorkit
from flavorkit.pyfunc import PythonModel, save_model

FACTOR = 1

class Scaled(PythonModel):
    def predict(self, model_input):
        return model_input * FACTOR

model = Scaled()
save_model(sys.argv[1], python_model=model)
assert type(flavorkit.load_model(sys.argv[1]).unwrap_python_model()) is Scaled
FACTOR = 2
assert model.predict(1) == 2
"""
    (tmp_path / "main.py").write_text(code)
    script(tmp_path / "main.py", tmp_path / "m")


def test_two_models_of_one_class_each_see_their_own_modules(tmp_path):
    code = """
import sys
from pathlib import Path
from flavorkit.pyfunc import PythonModel, save_model

class Helped(PythonModel):
    def predict(self, model_input):
        import helper
        return [helper.WORD]

for word in ("one", "two"):
    folder = Path(sys.argv[1]) / word
    folder.mkdir()
    (folder / "helper.py").write_text(f"WORD = {word!r}")
    save_model(folder / "m", python_model=Helped(), code_paths=[folder / "helper.py"])
"""
    (tmp_path / "main.py").write_text(code)
    script(tmp_path / "main.py", tmp_path)
    one, two = (flavorkit.load_model(tmp_path / word / "m") for word in ("one", "two"))
    assert [one.predict(None), two.predict(None)] == [["one"], ["two"]]
