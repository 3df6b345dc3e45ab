"""The names that people know from MLflow lead to what they expect, at no cost."""

import ast
import importlib
import sys
import types
from pathlib import Path

import pytest

import flavorkit
from flavorkit import _facade
from flavorkit.flavors.registry import BUILTIN

ROOT = Path(flavorkit.__file__).parent


def test_every_builtin_flavor_has_its_module():
    # Saving and loading Python code is what flavorkit.pyfunc does, under MLflow's name for it.
    assert {*_facade.FLAVORS, "python_function"} == set(BUILTIN)


@pytest.mark.parametrize("name", [*_facade.MODULES, *_facade.FLAVORS])
def test_modules_can_be_imported_in_every_way(name):
    module = importlib.import_module(f"flavorkit.{name}")
    assert module.__name__ == f"flavorkit.{name}"
    assert module is sys.modules[f"flavorkit.{name}"]
    for public in module.__all__:
        assert getattr(module, public) is not None
    assert dir(module) == sorted(module.__all__)
    with pytest.raises(
        AttributeError, match=rf"module 'flavorkit.{name}' has no attribute 'nonsense'"
    ):
        _ = module.nonsense


def test_from_import_works():
    from flavorkit.models import infer_signature
    from flavorkit.sklearn import load_model, save_model
    from flavorkit.types.schema import ColSpec, Schema

    assert infer_signature is flavorkit.infer_signature
    assert Schema([ColSpec("long")])
    assert callable(load_model)
    assert callable(save_model)


def test_the_constants_of_a_flavor_are_there():
    assert flavorkit.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE == "cloudpickle"


def test_mlflows_exception_is_ours():
    with pytest.raises(flavorkit.exceptions.MlflowException, match="no model folder"):
        flavorkit.load_model("/nowhere/at/all")


def test_the_package_has_no_other_attributes():
    with pytest.raises(AttributeError, match="module 'flavorkit' has no attribute 'nonsense'"):
        _ = flavorkit.nonsense
    with pytest.raises(AttributeError, match="_private"):
        _ = flavorkit._private


def stub_of(name):
    path = ROOT / f"{name.replace('.', '/')}.pyi"
    return path if path.exists() else ROOT / name.replace(".", "/") / "__init__.pyi"


def names_in(stub):
    names = set()
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets}
    return names


@pytest.mark.parametrize("name", _facade.MODULES)
def test_editors_are_told_the_same_names(name):
    assert names_in(stub_of(name)) == set(_facade.MODULES[name])


@pytest.mark.parametrize("name", _facade.FLAVORS)
def test_editors_are_told_the_options_of_a_flavor(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT.parent / "docs")
    import generate

    assert stub_of(name).read_text() == generate.PAGES[f"../flavorkit/{name}.pyi"]()


def test_the_model_may_be_passed_under_mlflows_name(iris_model, tmp_path):
    flavorkit.sklearn.save_model(sk_model=iris_model, path=tmp_path / "a")
    flavorkit.sklearn.save_model(iris_model, path=tmp_path / "b")
    flavorkit.sklearn.save_model(path=tmp_path / "c", sk_model=iris_model)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}
    with pytest.raises(TypeError, match="several values for 'sk_model'"):
        flavorkit.sklearn.save_model(iris_model, path=tmp_path / "d", sk_model=iris_model)


def test_the_native_object_is_loaded_by_its_flavor(iris_folder, iris_model):
    loaded = flavorkit.sklearn.load_model(iris_folder)
    assert type(loaded) is type(iris_model)


def test_modules_are_modules():
    assert isinstance(flavorkit.sklearn, types.ModuleType)
    assert isinstance(flavorkit.models, types.ModuleType)
