"""A flavor of another distribution, installed for real, is an equal of those that come along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

from flavorkit.errors import NotFoundError
from flavorkit.testing import Server
from tests.conftest import ROOT, need

EXAMPLE = ROOT / "examples" / "plugin-flavor"
pytestmark = pytest.mark.xdist_group("plugin")


def installed(source, target):
    """Build the distribution in ``source`` and put it into ``target``, without any network."""
    for tool in ("pip", "setuptools"):
        if find_spec(tool) is None:
            need(tool)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def distribution(folder, name, *, points, **modules):
    """A small distribution with these entry points and modules."""
    folder.mkdir()
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(code))
    lines = [f'{flavor} = "{target}"' for flavor, target in points.items()]
    (folder / "pyproject.toml").write_text(
        "\n".join(
            [
                '[build-system]\nrequires = ["setuptools"]',
                'build-backend = "setuptools.build_meta"',
                f'[project]\nname = "{name}"\nversion = "1.0"',
                '[project.entry-points."flavorkit.flavors"]',
                *lines,
                f"[tool.setuptools]\npy-modules = {list(modules)}",
            ]
        )
    )
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages with the example, built from a copy since building leaves files."""
    home = tmp_path_factory.mktemp("plugin")
    copy = shutil.copytree(EXAMPLE, home / "source")
    return installed(copy, home / "site")


def environment(*sites):
    path = os.pathsep.join(map(str, [*sites, ROOT]))
    return {**os.environ, "PYTHONPATH": path}


def python(*arguments, sites, fails=False):
    """Run Python with the packages of ``sites``."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment(*sites),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


def run(code, *arguments, sites, **options):
    return python("-W", "error", "-c", textwrap.dedent(code), *arguments, sites=sites, **options)


SAVE = """
    import sys, pandas, flavorkit
    from scorecard import Scorecard
    rows = pandas.DataFrame({"age": [30.0, 71.5], "debt": [0.5, 3.0]})
    model = Scorecard({"age": 0.25, "debt": -4.0}, start=2.0)
    flavorkit.save_model(model, sys.argv[1], input_example=rows)
"""
LOAD = """
    import sys, pandas, flavorkit
    rows = pandas.DataFrame({"age": [30.0, 71.5], "debt": [0.5, 3.0]})
    loaded = flavorkit.load_model(sys.argv[1], trust="data")
    print(loaded.flavor.name, loaded.predict(rows).tolist())
    print(type(flavorkit.scorecard.load_model(sys.argv[1])).__module__)
"""


@pytest.fixture(scope="module")
def folder(site, tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "card"
    run(SAVE, path, sites=[site])
    return path


def test_its_type_names_it_and_it_saves_and_loads_in_processes_of_their_own(site, folder):
    assert (folder / "scorecard.json").is_file()
    assert (folder / "requirements.txt").read_text().split() == ["scorecard-flavor==0.1.0"]
    assert run(LOAD, folder, sites=[site]) == "scorecard [7.5, 7.875]\nscorecard\n"


def test_the_server_serves_it(site, folder):
    server = Server(folder, PYTHONPATH=environment(site)["PYTHONPATH"])
    try:
        answer = server.invoke((folder / "serving_input_example.json").read_bytes())
        refused = server.invoke({"dataframe_split": {"columns": ["age"], "data": [[1.0]]}})
    finally:
        server.kill()
    assert (answer.status, answer.json()) == (200, {"predictions": [7.5, 7.875]})
    assert refused.status == 400


def test_the_command_predicts_with_it_and_inspects_it(site, folder, tmp_path):
    (tmp_path / "rows.csv").write_text("age,debt\n30,0.5\n")
    predict = ["predict", "-m", folder, "-i", tmp_path / "rows.csv", "-o", tmp_path / "out.json"]
    python("-m", "flavorkit", *predict, sites=[site])
    assert json.loads((tmp_path / "out.json").read_text()) == {"predictions": [7.5]}
    assert "scorecard" in python("-m", "flavorkit", "inspect", folder, sites=[site])


def test_where_it_is_not_installed_its_folder_is_an_error_that_names_it(folder):
    import flavorkit

    with pytest.raises(NotFoundError, match=r"no flavor is named 'scorecard'"):
        flavorkit.load_model(folder)


@pytest.mark.slow
def test_it_keeps_the_contract_which_runs_from_outside(site, tmp_path):
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    shutil.copyfile(EXAMPLE / "pyproject.toml", tmp_path / "pyproject.toml")
    options = ["-q", "-rA", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    said = python("-m", "pytest", *options, "-c", tmp_path / "pyproject.toml", tests, sites=[site])
    for test in ("test_served_it_answers_the_same", "test_a_pickle_planted_in_any_file"):
        assert f"{test}" in said
    assert "scorecard: at least" in said
    assert "failed" not in said.splitlines()[-1]


OTHERS = """
    import sys, pandas, flavorkit
    from flavorkit.errors import BrokenFlavorError, UnsupportedModelError
    from flavorkit.flavors.registry import all_flavors

    print(sorted(set(all_flavors()) & {"scorecard", "sklearn", "broken"}))
    print(flavorkit.load_model(sys.argv[1]).predict(pandas.DataFrame({"age": [0.0], "debt": [0.0]})))
    for ask in (
        lambda: flavorkit.save_model(object(), sys.argv[2]),
        lambda: flavorkit.save_model(object(), sys.argv[2], flavor="broken"),
    ):
        try:
            ask()
        except (BrokenFlavorError, UnsupportedModelError) as exc:
            print(type(exc).__name__, exc)
"""


def test_one_that_cannot_be_imported_breaks_no_other_and_is_named(site, folder, tmp_path):
    source = distribution(
        tmp_path / "source",
        "broken-flavor",
        points={"broken": "broken_flavor:Broken"},
        broken_flavor="import no_such_framework",
    )
    broken = installed(source, tmp_path / "site")
    said = run(OTHERS, folder, tmp_path / "m", sites=[broken, site]).splitlines()
    assert said[:2] == ["['scorecard', 'sklearn']", "[2.]"]
    why = (
        "the flavor 'broken' of the distribution broken-flavor cannot be used:"
        " ModuleNotFoundError: No module named 'no_such_framework'"
    )
    assert said[2].startswith("UnsupportedModelError")
    assert said[3].startswith("BrokenFlavorError")
    assert all(why in line for line in said[2:])


TAKEN = """
    import warnings
    from flavorkit.flavors.registry import all_flavors, flavor_for, get_flavor

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        known = all_flavors()
    print(*[warning.message for warning in caught])
    print(type(known["xgboost"]).__module__, type(get_flavor("xgboost")).__module__)
    Booster = type("Booster", (), {"__module__": "xgboost.core"})
    print(flavor_for(Booster()).name)
"""


def test_one_that_takes_a_name_of_ours_is_left_out_and_said_so(tmp_path):
    source = distribution(
        tmp_path / "source",
        "impostor",
        points={"xgboost": "impostor:Impostor", "other": "impostor:Other"},
        impostor="""
            from flavorkit.flavors.xgboost import Xgboost

            class Impostor(Xgboost):
                pass

            class Other(Xgboost):
                name = "other"
        """,
    )
    said = run(TAKEN, sites=[installed(source, tmp_path / "site")]).splitlines()
    own = "flavorkit.flavors.xgboost"
    assert said == [
        "the distribution impostor adds a flavor 'xgboost', which is taken: flavorkit's own is used",
        f"{own} {own}",
        "xgboost",
    ]
