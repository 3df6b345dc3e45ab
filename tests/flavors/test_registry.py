"""Flavors come from one table and one entry-point group, and are looked up alike."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

import flavorkit
from flavorkit.errors import (
    BrokenFlavorError,
    MissingDependencyError,
    NotFoundError,
    UnsupportedModelError,
)
from flavorkit.flavors import registry
from flavorkit.flavors.base import Flavor
from flavorkit.flavors.loading import needing
from flavorkit.flavors.registry import all_flavors, flavor_for, get_flavor
from flavorkit.flavors.sklearn import Sklearn


class Plugged(Sklearn):
    name = "plugged"
    modules = ("tests",)


@pytest.fixture
def plugin(monkeypatch):
    """A function that installs entry points for the time of the test."""
    home = ModuleType("plugged_home")
    home.Plugged = Plugged
    monkeypatch.setitem(sys.modules, "plugged_home", home)

    def install(*points):
        made = [EntryPoint(name, value, registry.ENTRY_POINT_GROUP) for name, value in points]
        monkeypatch.setattr(registry, "entry_points", lambda group: made)
        registry._third_party.cache_clear()

    yield install
    registry._third_party.cache_clear()


def test_every_builtin_flavor_says_what_it_must():
    for name, flavor in all_flavors().items():
        assert isinstance(flavor, Flavor)
        assert flavor.name == name
        assert flavor.modules or flavor.suffixes
        assert bool(flavor.packages) == bool(flavor.modules)
        assert flavor.loader_module
        assert flavor.__doc__


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(
        NotFoundError,
        match=r"no flavor is named 'nope' \(known flavors: .*python_function.* sklearn",
    ):
        get_flavor("nope")


def test_an_unknown_type_lists_those_there_are():
    with pytest.raises(
        UnsupportedModelError, match=r"builtins.dict \(known flavors: .*python_function.* sklearn"
    ):
        flavor_for({})


def test_a_plugged_in_flavor_is_an_equal(plugin, iris_model, iris, tmp_path):
    plugin(("plugged", "plugged_home:Plugged"))
    assert get_flavor("plugged").name == "plugged"
    flavorkit.save_model(iris_model, tmp_path / "m", flavor="plugged", input_example=iris[0][:2])
    loaded = flavorkit.load_model(tmp_path / "m")
    assert loaded.flavor.name == "plugged"
    assert type(flavorkit.plugged.load_model(tmp_path / "m")) is type(iris_model)


def test_the_nearest_class_names_the_flavor(plugin, iris_model):
    plugin(("plugged", "plugged_home:Plugged"))
    mine = type("Mine", (type(iris_model),), {"__module__": "tests.flavors"})()
    assert flavor_for(mine).name == "plugged"
    assert flavor_for(iris_model).name == "sklearn"


def test_a_plugin_does_not_replace_a_flavor_of_ours(plugin, iris_model):
    plugin(("sklearn", "plugged_home:Plugged"))
    with pytest.warns(UserWarning, match="adds a flavor 'sklearn', which is taken"):
        assert type(all_flavors()["sklearn"]) is Sklearn
    assert type(get_flavor("sklearn")) is Sklearn
    assert type(flavor_for(iris_model)) is Sklearn


def test_a_plugin_does_not_take_over_the_models_of_a_flavor_of_ours(
    plugin, iris_model, monkeypatch
):
    monkeypatch.setattr(Plugged, "modules", ("sklearn",))
    monkeypatch.setattr(Plugged, "suffixes", (".py",))
    plugin(("plugged", "plugged_home:Plugged"))
    assert flavor_for(iris_model).name == "sklearn"
    assert flavor_for("model.py").name == "python_function"


def test_two_plugins_of_one_name_are_both_refused(plugin):
    plugin(*[("plugged", "plugged_home:Plugged")] * 3)
    assert "plugged" not in all_flavors()
    with pytest.raises(BrokenFlavorError, match="both add a flavor 'plugged', so neither is used"):
        get_flavor("plugged")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module:Flavor", r"ModuleNotFoundError: No module named 'no_such_module'"),
        ("plugged_home:Nothing", r"AttributeError: .*'Nothing'"),
        ("builtins:dict", r"TypeError: builtins:dict is no subclass of .*Flavor"),
        ("plugged_home:Plugged", r"TypeError: plugged_home:Plugged calls itself 'plugged'"),
    ],
)
def test_a_flavor_that_cannot_be_used_says_so_and_stands_in_nobodys_way(
    plugin, iris_model, value, why
):
    plugin(("broken", value))
    assert flavor_for(iris_model).name == "sklearn"
    assert "broken" not in all_flavors()
    for ask in (lambda: get_flavor("broken"), lambda: flavorkit.broken):
        with pytest.raises(
            BrokenFlavorError, match=rf"the flavor 'broken' of .* cannot be used: {why}"
        ):
            ask()
    with pytest.raises(UnsupportedModelError, match=rf"the flavor 'broken' of .*{why}"):
        flavor_for({})


@pytest.mark.parametrize("missing", ["sklearn", "sklearn.base", "skops"])
def test_a_missing_framework_is_an_error_with_the_way_out(missing):
    with pytest.raises(MissingDependencyError, match=r"pip install 'flavorkit\[sklearn\]'"):
        with needing(get_flavor("sklearn")):
            raise ModuleNotFoundError(name=missing)


def test_other_missing_modules_are_not_the_frameworks_fault():
    with pytest.raises(ModuleNotFoundError, match="something"):
        with needing(get_flavor("sklearn")):
            raise ModuleNotFoundError("something", name="something")
