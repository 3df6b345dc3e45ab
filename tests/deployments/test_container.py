"""What a container engine is asked, exactly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from flavorkit.deployments import container, get_deploy_client
from flavorkit.deployments.engine import Engine
from flavorkit.docker import build
from flavorkit.errors import DeploymentError, InvalidArgumentError, MissingDependencyError

CONFIG = {"image": "team/model:1"}


@pytest.fixture(scope="module")
def client(fake_engine):
    return get_deploy_client("docker")


@pytest.fixture
def made(client):
    """Makes deployments, and removes them after the test."""
    names = []

    def create(name, **config):
        names.append(name)
        return client.create_deployment(name, "models:/iris/1", config={**CONFIG, **config})

    yield create
    for name in names:
        client.delete_deployment(name)


def test_it_is_confined_and_on_loopback_alone(made, fake_engine, port):
    made("iris", port=port, cpus="1.5", memory="512m")
    *options, end, image = fake_engine.calls("run")[-1]
    assert (end, image) == ("--", "team/model:1")
    wanted = {
        "--detach",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--cpus=1.5",
        "--memory=512m",
        f"--publish=127.0.0.1:{port}:8080",
    }
    assert wanted <= set(options)
    others = sorted(option.partition("=")[0] for option in set(options) - wanted)
    assert others == ["--env-file", "--label-file", "--name"]
    (known,) = Engine.of("docker").containers("io.flavorkit.deployment=iris")
    labels = known["Config"]["Labels"]
    assert labels["io.flavorkit.deployment.model"] == "models:/iris/1"
    assert json.loads(labels["io.flavorkit.deployment.config"])["cpus"] == "1.5"


def test_variables_are_no_arguments_and_are_not_shown(made, fake_engine):
    known = made("secret", env={"TOKEN": "s3cret;id"}, timeout=7)
    run = fake_engine.calls("run")[-1]
    assert not any("s3cret" in one for one in run)
    files = [one.partition("=")[2] for one in run if "-file=" in one]
    assert [Path(file).exists() for file in files] == [False, False]
    assert known["config"]["env"] == {"TOKEN": "***"}
    assert "s3cret" not in json.dumps(get_deploy_client("docker").list_deployments())


@pytest.mark.parametrize(
    "config",
    [
        {"image": "-v /:/host"},
        {"image": "a;id"},
        {"image": "--privileged"},
        {"memory": "1g --privileged"},
        {"memory": "0"},
        {"cpus": "1\n"},
        {"cpus": True},
        {"env": {"A\n--privileged": "x"}},
        {"env": {"A": "x\nB=y"}},
        {"env": "A=x"},
        {"env": ["A"]},
        {"engine": "sh"},
        {"engine": "podman"},
        {"trust": "all"},
        {"workers": 1},
    ],
    ids=str,
)
def test_what_is_no_setting_starts_nothing(client, fake_engine, config):
    before = fake_engine.calls("run")
    with pytest.raises(InvalidArgumentError, match=r"\w"):
        client.create_deployment("bad", "models:/iris/1", config={**CONFIG, **config})
    assert fake_engine.calls("run") == before


def test_stopping_leaves_time_to_finish(made, client, fake_engine):
    key = made("short")["container"]
    client.delete_deployment("short")
    limit, end, stopped = fake_engine.calls("stop")[-1]
    assert (limit, end) == ("--time=40", "--")
    assert stopped.startswith(key)
    assert fake_engine.calls("rm")[-1] == ["--force", "--volumes", "--", stopped]


def test_one_that_could_not_be_started_is_removed(made, client, fake_engine):
    port = int(made("first")["url"].rpartition(":")[2])
    with pytest.raises(DeploymentError, match=r"(?s)docker run failed: .*in use"):
        made("second", port=port)
    (name,) = (one for one in fake_engine.calls("run")[-1] if one.startswith("--name="))
    assert fake_engine.calls("rm")[-1][-1] == name.partition("=")[2]


def test_an_image_is_built_where_none_is_ready(client, fake_engine, monkeypatch):
    calls = []

    def build_image(model_uri, name, **options):
        calls.append((model_uri, name, options))
        return SimpleNamespace(image="team/built:1")

    monkeypatch.setattr(build, "build_image", build_image)
    try:
        known = client.create_deployment("built", "models:/iris/1", config={"trust": "data"})
        assert known["image"] == "team/built:1"
        assert "image" not in known["config"]
    finally:
        client.delete_deployment("built")
    options = {"engine": "docker", "trust": "data", "quiet": True}
    assert calls == [("models:/iris/1", "flavorkit-built", options)]


def test_what_another_has_labelled_is_an_error(client, fake_engine):
    path = fake_engine.home / "foreign.json"
    labels = {container.LABEL: "iris"}
    known = {
        "Id": "foreign",
        "Name": "x",
        "Pid": 0,
        "State": {"Running": True},
        "Config": {"Labels": labels},
    }
    path.write_text(json.dumps(known))
    try:
        assert client.list_deployments() == []  # of an image that has the label itself
        client.delete_deployment("iris")
        path.write_text(json.dumps({**known, "Name": "/flavorkit-iris-0"}))
        with pytest.raises(DeploymentError, match=r"was not made by flavorkit.*remove it"):
            client.list_deployments()
    finally:
        path.unlink()


def test_an_engine_that_is_not_there_is_said_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for target in ("docker", "podman", "container"):
        with pytest.raises(MissingDependencyError, match=r"a container needs (docker|podman)"):
            get_deploy_client(target)


def test_the_first_engine_there_is_stands_for_any(fake_engine):
    assert get_deploy_client("container").list_deployments() == []


def script(folder, text):
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Engine("docker", str(path))


def test_an_engine_that_fails_or_hangs_is_an_error(tmp_path):
    with pytest.raises(DeploymentError, match=r"docker ps failed: is the daemon running"):
        script(tmp_path, "echo is the daemon running >&2; exit 1").containers("a")
    with pytest.raises(DeploymentError, match=r"docker inspect wrote no JSON"):
        script(tmp_path, "echo nonsense").containers("a")
    with pytest.raises(DeploymentError, match=r"docker ps has not ended after 0 seconds"):
        script(tmp_path, "sleep 600").run("ps", seconds=0)


def test_run_local_runs_in_the_foreground(fake_engine, port):
    container.run_local("tried", "models:/iris/1", config={**CONFIG, "port": port})
    run = fake_engine.calls("run")[-1]
    assert run[0] == "--rm"
    assert "--detach" not in run
    assert get_deploy_client("docker").list_deployments() == []


def test_run_local_says_that_the_container_failed(fake_engine, tmp_path, monkeypatch):
    script(tmp_path, "exit 125")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(DeploymentError, match=r"the container ended with status 125"):
        container.run_local("tried", "models:/iris/1", config=CONFIG)
