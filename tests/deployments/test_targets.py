"""Which targets there are, and those of other distributions."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

import flavorkit
from flavorkit.deployments import (
    BaseDeploymentClient,
    get_deploy_client,
    get_deployments_target,
    run_local,
    set_deployments_target,
    targets,
)
from flavorkit.errors import (
    BrokenTargetError,
    InvalidArgumentError,
    NotFoundError,
    UnsupportedByTargetError,
)
from tests.flavors.test_plugin import environment, installed

# As one writes it for MLflow; only the first line differs.
PLUGIN = """
from flavorkit.deployments import BaseDeploymentClient

made = {}


def run_local(name, model_uri, flavor=None, config=None):
    print("ran", name, model_uri, flavor, config)


def target_help():
    return "shelf: keeps models on a shelf"


class ShelfClient(BaseDeploymentClient):
    def create_deployment(self, name, model_uri, flavor=None, config=None, endpoint=None):
        made[name] = {"name": name, "flavor": flavor or "any", "model_uri": model_uri}
        return made[name]

    def update_deployment(self, name, model_uri=None, flavor=None, config=None, endpoint=None):
        made[name]["model_uri"] = model_uri
        return {"flavor": made[name]["flavor"]}

    def delete_deployment(self, name):
        made.pop(name, None)

    def list_deployments(self):
        return list(made.values())

    def get_deployment(self, name):
        return made[name]

    def predict(self, deployment_name=None, inputs=None):
        import pandas as pd

        return pd.DataFrame({"at": [self.target_uri], "rows": [len(inputs)]})
"""

USE = """
import flavorkit as mlflow

client = mlflow.deployments.get_deploy_client("shelf:/top")
print(type(client).__name__, client.target_uri)
print(client.create_deployment("a", "models:/m/1"))
print(client.list_deployments())
mlflow.deployments.run_local("shelf", "a", "models:/m/1")
try:
    client.explain("a")
except mlflow.exceptions.UnsupportedByTargetError as exc:
    print(exc)
"""


def distribution(folder, name, points, **modules):
    folder.mkdir()
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(code)
    listed = "\n".join(f'{target} = "{module}"' for target, module in points.items())
    (folder / "pyproject.toml").write_text(
        textwrap.dedent(f"""\
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "{name}"
            version = "1.0"
            [tool.setuptools]
            py-modules = {list(modules)}
            [project.entry-points."flavorkit.deployments"]
        """)
        + listed
    )
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages with a plug-in that works, and one that does not."""
    home = tmp_path_factory.mktemp("targets")
    good = distribution(
        home / "good", "shelf-target", {"shelf": "shelf_target"}, shelf_target=PLUGIN
    )
    bad = distribution(
        home / "bad", "bad-target", {"bad": "bad_target"}, bad_target="import no_such_module"
    )
    installed(good, home / "site")
    return installed(bad, home / "site")


def run(*command, site, fails=False):
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


@pytest.mark.xdist_group("plugin")
def test_a_plug_in_written_for_mlflow_works(site):
    assert run("-c", USE, site=site).splitlines() == [
        "ShelfClient shelf:/top",
        "{'name': 'a', 'flavor': 'any', 'model_uri': 'models:/m/1'}",
        "[{'name': 'a', 'flavor': 'any', 'model_uri': 'models:/m/1'}]",
        "ran a models:/m/1 None None",
        "the target 'shelf:/top' cannot explain predictions",
    ]


@pytest.mark.xdist_group("plugin")
def test_the_command_works_with_it(site, tmp_path):
    (tmp_path / "rows.json").write_text('[{"x": 1}, {"x": 2}]')
    command = ("-m", "flavorkit", "deployments")
    target, name = ("-t", "shelf:/top"), ("--name", "a")
    model = ("-m", "models:/m/1")
    assert run(*command, "create", *target, *name, *model, site=site) == "created a (any)\n"
    assert run(*command, "delete", *target, *name, site=site) == "deleted a\n"
    assert run(*command, "list", *target, "--json", site=site) == "[]\n"
    said = run(*command, "predict", *target, *name, "-I", str(tmp_path / "rows.json"), site=site)
    assert said == '{"at":{"0":"shelf:\\/top"},"rows":{"0":2}}\n'
    assert run(*command, "help", *target, site=site) == "shelf: keeps models on a shelf\n"
    assert "shelf" in run(*command, "help", site=site).split()
    ran = run(*command, "run-local", *target, *name, *model, "-C", "a=b=c", site=site)
    assert ran == "ran a models:/m/1 None {'a': 'b=c'}\n"


@pytest.mark.xdist_group("plugin")
def test_a_broken_one_is_named_with_its_distribution_and_breaks_no_other(site):
    command = ("-m", "flavorkit", "deployments", "list", "-t")
    assert run(*command, "bad", site=site, fails=True) == (
        "Error: the target 'bad' of the distribution bad-target cannot be used:"
        " ModuleNotFoundError: No module named 'no_such_module'; update or uninstall that"
        " distribution\n"
    )
    assert run(*command, "shelf", "--json", site=site) == "[]\n"


@pytest.fixture
def plugin(monkeypatch):
    """Installs entry points for the time of the test."""

    def install(*points):
        made = [EntryPoint(name, value, targets.ENTRY_POINT_GROUP) for name, value in points]
        monkeypatch.setattr(targets, "entry_points", lambda group: made)

    return install


def module(monkeypatch, **members):
    home = ModuleType("plugged_target")
    vars(home).update(members)
    monkeypatch.setitem(sys.modules, "plugged_target", home)


def client_named(name):
    methods = ("create_deployment", "update_deployment", "delete_deployment", "list_deployments", "get_deployment", "predict")  # fmt: skip
    return type(name, (BaseDeploymentClient,), dict.fromkeys(methods, lambda self, *_: "done"))


def test_an_unknown_target_lists_those_there_are(plugin):
    plugin(("shelf", "x"))
    with pytest.raises(
        NotFoundError,
        match=r"no target is named 'databricks' \(known targets: container, docker, local, podman, process, shelf\)",
    ):
        get_deploy_client("databricks")
    with pytest.raises(NotFoundError, match=r"no target is named 'http'"):
        run_local("http://host:1/", "a", "m")


@pytest.mark.parametrize("uri", ["-t x", "a\nb", "a b", ":/x", "../x", "$HOME"])
def test_what_is_no_target_is_refused(uri):
    with pytest.raises(InvalidArgumentError, match=r"is no target, such as local"):
        get_deploy_client(uri)
    with pytest.raises(InvalidArgumentError, match=r"is no target, such as local"):
        set_deployments_target(uri)


def test_what_a_module_lacks_is_said(plugin, monkeypatch):
    plugin(("shelf", "plugged_target"))
    complete = {"run_local": print, "target_help": print}
    for members, problem in (
        ({}, r"it has no run_local and no target_help"),
        (complete, r"one subclass .*, and has none"),
        ({**complete, "A": client_named("A"), "B": client_named("B")}, r"and has A, B"),
    ):
        module(monkeypatch, **members)
        with pytest.raises(BrokenTargetError, match=problem):
            get_deploy_client("shelf")
    module(monkeypatch, **complete, A=client_named("A"), Base=BaseDeploymentClient)
    assert get_deploy_client("shelf").get_deployment("x") == "done"


def test_two_of_one_name_are_used_neither(plugin):
    plugin(("shelf", "one"), ("shelf", "two"))
    with pytest.raises(BrokenTargetError, match=r"one and two both add a target 'shelf'"):
        get_deploy_client("shelf")


def test_a_name_of_ours_stays_ours(plugin, fake_engine):
    plugin(("docker", "impostor"))
    with pytest.warns(UserWarning, match=r"impostor adds a target 'docker', which is taken"):
        assert type(get_deploy_client("docker")).__name__ == "ContainerClient"


def test_the_target_may_be_set_or_stand_in_the_environment(monkeypatch, home):
    for variable in ("FLAVORKIT_DEPLOYMENTS_TARGET", "MLFLOW_DEPLOYMENTS_TARGET"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InvalidArgumentError, match=r"no target to deploy to.*known targets: "):
        get_deploy_client()
    monkeypatch.setenv("MLFLOW_DEPLOYMENTS_TARGET", "nowhere")
    assert get_deployments_target() == "nowhere"
    monkeypatch.setenv("FLAVORKIT_DEPLOYMENTS_TARGET", "process")
    assert get_deploy_client().target_uri == "process"
    set_deployments_target("local")
    try:
        assert get_deploy_client().target_uri == "local"
    finally:
        set_deployments_target(None)
    assert get_deployments_target() == "process"


def test_what_a_target_need_not_do_says_so():
    client = client_named("A")("shelf:/x")
    for call in (
        client.predict_stream,
        client.explain,
        client.list_endpoints,
        lambda: client.create_endpoint("e"),
        lambda: client.update_endpoint("e"),
        lambda: client.delete_endpoint("e"),
        lambda: client.get_endpoint("e"),
    ):
        with pytest.raises(UnsupportedByTargetError, match=r"the target 'shelf:/x' cannot \w+"):
            call()
        with pytest.raises(NotImplementedError, match=r"the target 'shelf:/x' cannot \w+"):
            call()


def test_the_names_are_those_of_mlflow():
    ours = flavorkit.deployments
    code = "import flavorkit, sys; flavorkit.deployments; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert all(getattr(ours, name) for name in ours.__all__)


@pytest.mark.parametrize("target", ["local", "process", "docker", "podman", "container"])
def test_the_help_names_every_setting(target):
    found = targets.find(target)
    text = found.help()
    place = sys.modules[found.client.__module__]
    kind = getattr(place, "_Processes", None) or place._Containers
    for name in kind.settings:
        assert name in text, name
