"""``flavorkit deployments``: with the flags it has in MLflow, for people and for scripts."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from flavorkit.cli import main

pytestmark = pytest.mark.xdist_group("deployments")
MODEL = ("-m", "models:/iris/1", "-C", "image=team/model:1")


@pytest.fixture
def run(fake_engine, monkeypatch):
    monkeypatch.setenv("FLAVORKIT_DEPLOYMENTS_TARGET", "docker")

    def invoke(*args, status=0):
        done = CliRunner().invoke(main, ["deployments", *map(str, args)])
        assert done.exit_code == status, done.output
        return done.output

    yield invoke
    invoke("delete", "--name", "iris")


def test_the_life_of_a_deployment(run, iris, tmp_path):
    name = ("--name", "iris")
    made = run("create", *name, "-t", "docker", *MODEL)
    assert made.startswith("created iris (sklearn) on http://127.0.0.1:")
    (listed,) = json.loads(run("list", "--json"))
    assert listed == json.loads(run("get", *name, "--json"))
    assert listed["url"] in run("list")
    shown = run("get", *name)
    assert "sklearn" in shown
    assert '{"image": "team/model:1"}' in shown
    iris[0][:2].to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "rows.json").write_text('{"instances": [[1, 2, 3, 4]]}')
    assert run("predict", *name, "-I", tmp_path / "rows.csv") == '{"predictions": [0, 0]}\n'
    assert run("predict", *name, "-I", tmp_path / "rows.json", "-O", tmp_path / "out") == ""
    assert json.loads((tmp_path / "out").read_text()) == {"predictions": [0]}
    updated = json.loads(run("update", *name, "-m", "models:/iris/2", "-C", "timeout=5", "--json"))
    assert updated["model_uri"] == "models:/iris/2"
    assert updated["config"] == {"image": "team/model:1", "timeout": 5.0}
    assert run("update", *name).startswith("updated iris (sklearn) on http://")
    assert run("delete", *name) == "deleted iris\n"
    assert run("get", *name, status=1) == "Error: there is no deployment 'iris' at docker\n"
    assert json.loads(run("list", "--json")) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("create", "--name", "iris", *MODEL, "-C", "port"), "'port' is not NAME=VALUE"),
        (("create", "--name", "iris", *MODEL, "-C", "a=1", "-C", "a=2"), "'a' is given twice"),
        (("create", "--name", "iris", "-m", ""), "the model's path is empty"),
        (("create", "--name", "iris"), "Missing option '--model-uri'"),
        (("update", "--name", "iris", "-m", " "), "the model's path is empty"),
        (("run-local", "--name", "iris", "-m", ""), "the model's path is empty"),
        (("predict", "-I", __file__), "pass --name or --endpoint, one of them"),
        (("predict", "--name", "a", "--endpoint", "b", "-I", __file__), "one of them"),
    ],
)
def test_what_is_called_wrongly_says_so(run, args, said):
    assert said in run(*args, status=2)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("create", "--name", "a;id", *MODEL), "'a;id' is no name"),
        (("create", "--name", "a\nb", *MODEL), "is no name"),
        (("create", "--name", "-t x", *MODEL), "'-t x' is no name"),
        (("create", "--name", "iris", *MODEL, "-C", "--rm=x"), "'--rm' is no setting"),
        (("create", "--name", "iris", *MODEL, "--endpoint", "e"), "has no endpoints"),
        (("list", "-t", "nowhere"), "no target is named 'nowhere'"),
    ],
)
def test_what_is_refused_starts_nothing(run, fake_engine, args, said):
    before = fake_engine.calls("run")
    assert said in run(*args, status=1)
    assert fake_engine.calls("run") == before


def test_run_local_and_help(run, fake_engine, port):
    # Without a port it is that of `flavorkit serve`, which may be taken here.
    run("run-local", "--name", "tried", *MODEL, "-C", f"port={port}")
    assert fake_engine.calls("run")[-1][0] == "--rm"
    assert "docker, podman" in run("help", "-t", "docker")
    assert run("help").split() == ["container", "docker", "local", "podman", "process"]
