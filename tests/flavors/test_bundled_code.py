"""Modules that a model folder brings: under which names they are known, and where those may appear."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import flavorkit
from flavorkit.errors import UnreadableModelError, UnsavableModelError
from flavorkit.pyfunc import save_model
from tests.flavors.scripts import script

X = pd.DataFrame({"a": [1.0, 2.0]})

MISSING = {
    "import package.gone": r"it uses the module 'package\.gone', which is not installed",
    "from package import gone": r"ImportError: cannot import name 'gone' from 'package'",
    "from package.gone import x": r"it uses the module 'package\.gone', which is not installed",
}


@pytest.mark.parametrize(("line", "problem"), MISSING.items())
@pytest.mark.parametrize("entry", ["code_model", "loader"])
def test_what_is_missing_has_the_name_that_the_code_gives_it(tmp_path, write, entry, line, problem):
    src = write(**{entry: line, "package__in____init__": ""})
    if entry == "loader":
        options = {"loader_module": "loader", "code_paths": [src / "package", src / "loader.py"]}
    else:
        options = {"python_model": src / "code_model.py", "code_paths": [src / "package"]}
    with pytest.raises(UnreadableModelError, match=problem) as caught:
        save_model(tmp_path / "m", **options)
    assert "_flavorkit_model_code_" not in str(caught.value)


HELPER = """
    import enum
    from dataclasses import dataclass

    class Kind(enum.Enum):
        ONCE = 1
        TWICE = 2

    @dataclass
    class Scaling:
        kind: Kind = Kind.TWICE

        class Shift:
            value = 10.0

        def predict(self, model_input):
            return model_input["a"] * self.kind.value + self.Shift.value
"""
OWN_LOADER = "import helper\n\ndef _load_pyfunc(path):\n    return helper.Scaling()"
LENDER = "import helper\n\ndef _load_pyfunc(path):\n    return helper.predict"
PREDICT = """
    import sys
    import pandas as pd
    import flavorkit

    print(flavorkit.load_model(sys.argv[1]).predict(pd.DataFrame({"a": [1.0, 2.0]})).tolist())
"""


@pytest.fixture
def elsewhere(write):
    """What a process of its own predicts with the model in a folder."""

    def predict(folder):
        return script(write(predict=PREDICT) / "predict.py", folder).strip()

    return predict


@pytest.fixture
def scaling(tmp_path, write):
    """The folder of a model whose class is in a module that the folder brings."""
    src = write(loader=OWN_LOADER, helper=HELPER)
    code = [src / "loader.py", src / "helper.py"]
    save_model(tmp_path / "scaling", loader_module="loader", code_paths=code, pip_requirements=[])
    return tmp_path / "scaling"


def native(folder):
    return flavorkit.load_model(folder).unwrap_python_model()


def test_a_loaded_model_is_saved_again_with_the_modules_that_it_uses(tmp_path, scaling, elsewhere):
    before = scaling
    for generation in ("second", "third"):
        model, code = native(before), before / "code" / "helper.py"
        extras = {"kinds": set(type(model.kind)), "shift": model.Shift, "bound": model.predict}
        model.extras = extras
        save_model(tmp_path / generation, python_model=model, code_paths=[code])
        shutil.rmtree(before)
        before = tmp_path / generation
        assert b"_flavorkit_model_code_" not in (before / "python_model.pkl").read_bytes()
        assert elsewhere(before) == "[12.0, 14.0]"
        assert (before / "requirements.txt").read_text().startswith("cloudpickle==")


def test_what_wraps_a_loaded_model_is_saved_with_its_modules_too(tmp_path, scaling, elsewhere):
    loaded = flavorkit.load_model(scaling)
    helper = scaling / "code" / "helper.py"
    save_model(
        tmp_path / "m", python_model=lambda data: loaded.predict(data) / 2, code_paths=[helper]
    )
    assert elsewhere(tmp_path / "m") == "[6.0, 7.0]"


def test_a_loaded_model_without_its_modules_is_not_saved(tmp_path, scaling):
    helper, loader = (str(scaling / "code" / f"{name}.py") for name in ("helper", "loader"))
    ways = rf"uses the module 'helper'.*pass code_paths=\['{helper}', '{loader}'\]"
    with pytest.raises(UnsavableModelError, match=ways):
        save_model(tmp_path / "m", python_model=native(scaling))
    assert not (tmp_path / "m").exists()
    save_model(tmp_path / "m", python_model=native(scaling), code_paths=[helper, loader])


FUNCTIONS = {
    "a module": """
        import package.sub

        def predict(data):
            return data["a"] * package.sub.FACTOR
        """,
    "a module imported late": """
        def predict(data):
            from package.sub import FACTOR
            return data["a"] * FACTOR
        """,
    "a module imported later": """
        def predict(data):
            def factor():
                from package.sub import FACTOR
                return FACTOR
            return data["a"] * factor()
        """,
    "a function": """
        from package.sub import times

        def predict(data):
            return times(data["a"])
        """,
}


@pytest.mark.parametrize("code", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_is_saved_again_with_what_it_uses(tmp_path, write, elsewhere, code):
    src = write(
        save=f"{code}\n        import sys\n        import flavorkit\n"
        "        flavorkit.pyfunc.save_model(sys.argv[1], python_model=predict,"
        " code_paths=[sys.argv[2]], pip_requirements=[])",
        package__in____init__="",
        package__in__sub="FACTOR = 3\n\ndef times(column):\n    return column * FACTOR",
    )
    script(src / "save.py", tmp_path / "first", src / "package")
    model, package = native(tmp_path / "first"), tmp_path / "first" / "code" / "package"
    with pytest.raises(UnsavableModelError, match=rf"pass code_paths=\['{package}'\]"):
        save_model(tmp_path / "second", python_model=model)
    save_model(tmp_path / "second", python_model=model, code_paths=[package])
    shutil.rmtree(src / "package")
    assert elsewhere(tmp_path / "second") == "[3.0, 6.0]"


def test_a_loaded_file_of_code_is_saved_again_as_a_file(tmp_path, write, elsewhere):
    src = write(
        code_model="""
        import flavorkit.models

        def predict(data):
            return data["a"] * 2

        flavorkit.models.set_model(predict)
        """
    )
    save_model(tmp_path / "first", python_model=src / "code_model.py")
    file = tmp_path / "first" / "code_model.py"
    with pytest.raises(UnsavableModelError, match=rf"pass python_model='{file}'"):
        save_model(tmp_path / "second", python_model=native(tmp_path / "first"))
    save_model(tmp_path / "second", python_model=file)
    assert elsewhere(tmp_path / "second") == "[2.0, 4.0]"


def test_modules_of_two_models_with_one_name_are_not_taken_for_each_other(tmp_path, write):
    models = []
    for name in ("one", "two"):
        src = write(loader=LENDER, helper=f"def predict(data):\n    return {name!r}")
        code = [src / "loader.py", src / "helper.py"]
        save_model(tmp_path / name, loader_module="loader", code_paths=code, pip_requirements=[])
        models.append(native(tmp_path / name))
    code = tmp_path / "one" / "code" / "helper.py"
    with pytest.raises(UnsavableModelError, match=r"two modules called 'helper'.*rename one"):
        save_model(tmp_path / "m", python_model=lambda data: models, code_paths=[code])


@pytest.mark.parametrize("serialization_format", ["skops", "cloudpickle", "pickle"])
def test_an_estimator_cannot_use_a_module_that_its_folder_cannot_bring(
    tmp_path, write, serialization_format
):
    src = write(loader=LENDER, helper="def predict(data):\n    return data")
    code = [src / "loader.py", src / "helper.py"]
    save_model(tmp_path / "m", loader_module="loader", code_paths=code, pip_requirements=[])
    estimator = make_pipeline(FunctionTransformer(native(tmp_path / "m").function))
    with pytest.raises(UnsavableModelError, match=r"'helper'.*install it.*with flavorkit\.pyfunc"):
        flavorkit.save_model(estimator, tmp_path / "n", serialization_format=serialization_format)
