"""Deployments that are processes: whose they are, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from flavorkit.cli.serve import serve
from flavorkit.deployments import get_deploy_client, process, processes, records, settings
from flavorkit.deployments.processes import Process
from flavorkit.deployments.records import Served
from flavorkit.errors import DeploymentError, InvalidArgumentError, NotFoundError
from tests.conftest import ROOT
from tests.deployments.conftest import eventually

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "deployments"
    monkeypatch.setenv("FLAVORKIT_DEPLOYMENTS_DIR", str(place))
    return records.folder()


@pytest.fixture
def sleeper():
    """A process that has nothing to do with us, but may have an id that we remember."""
    started = subprocess.Popen(SLEEPER, stdout=subprocess.PIPE)
    assert started.stdout.readline() == b"up\n"
    yield started
    started.kill()
    started.communicate()


def remembered(folder, known, **more):
    """A deployment ``iris`` whose process is ``known``."""
    log = folder / "iris.0.log"
    log.write_text("what it said\n")
    served = Served(
        name="iris",
        model_uri="/models/iris",
        config={"drain": 0.0, "grace": 0.0},
        created="2025-01-01T00:00:00+00:00",
        pid=known.pid,
        started=known.started,
        log=str(log),
    )
    served = replace(served, **more)
    records.write("iris", [*records.read("iris"), served])
    return served


MAKER = """
import sys
from flavorkit.deployments import get_deploy_client
print(get_deploy_client("local").create_deployment("kept", sys.argv[1], config={"workers": 1})["pid"])
"""


@pytest.mark.slow
def test_it_outlives_the_one_who_made_it(folder, iris_folder, iris):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MAKER, str(iris_folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "FLAVORKIT_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    client = get_deploy_client("local")
    try:
        found = client.get_deployment("kept")
        assert found["pid"] == int(done.stdout)
        assert found["url"].startswith("http://127.0.0.1:")
        assert os.getsid(found["pid"]) == found["pid"]  # no terminal ends it
        assert client.predict("kept", iris[0][:1]) == {"predictions": [0]}
        kept = [folder / "kept.json", Path(found["log"])]
        assert sorted(folder.iterdir()) == sorted(kept)
        assert [path.stat().st_mode & 0o777 for path in kept] == [0o600, 0o600]
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(found["pid"], signal.SIGKILL)
        eventually(lambda: client.get_deployment("kept")["status"] == "stopped")
        assert client.list_deployments()[0]["status"] == "stopped"
        with pytest.raises(DeploymentError, match=r"does not run; update it.*its log ends: .*serv"):
            client.predict("kept", iris[0][:1])
        assert client.update_deployment("kept")["status"] == "ready"
    finally:
        client.delete_deployment("kept")
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_an_update_loses_no_request(folder, iris_folder, iris):
    client = get_deploy_client("local")
    client.create_deployment("kept", str(iris_folder), config={"workers": 1})
    try:
        with ThreadPoolExecutor(1) as pool:
            updating = pool.submit(get_deploy_client("local").update_deployment, "kept")
            answers = []
            while not updating.done():
                answers.append(client.predict("kept", iris[0][:1]))
            assert updating.result()["status"] == "ready"
        assert answers
        assert all(answer == {"predictions": [0]} for answer in answers)
    finally:
        client.delete_deployment("kept")


def test_a_process_that_has_its_id_by_chance_gets_no_signal(folder, sleeper):
    known = Process.of(sleeper.pid)
    assert known.is_running
    remembered(folder, replace(known, started=known.started + "0"), url="http://127.0.0.1:9")
    client = get_deploy_client("local")
    assert client.get_deployment("iris")["status"] == "stopped"
    client.delete_deployment("iris")
    assert sleeper.poll() is None
    assert Process.of(sleeper.pid) == known
    with pytest.raises(NotFoundError, match=r"no deployment 'iris' at local"):
        client.get_deployment("iris")


def test_the_process_itself_does(folder, sleeper):
    remembered(folder, Process.of(sleeper.pid))
    assert get_deploy_client("local").get_deployment("iris")["status"] == "starting"
    get_deploy_client("local").delete_deployment("iris")
    assert sleeper.wait(timeout=30) is not None
    assert list(folder.iterdir()) == []


def test_one_that_does_not_end_is_ended(folder, tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    started = processes.start([sys.executable, "-c", code], dict(os.environ), tmp_path / "log")
    eventually(lambda: processes.tail(tmp_path / "log") == "up\n")
    started.stop(0)
    assert not started.is_running
    started.stop(0)


def test_a_child_that_has_ended_is_not_running_though_nobody_has_waited(tmp_path):
    started = processes.start(
        [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ), tmp_path / "log"
    )
    os.kill(started.pid, signal.SIGKILL)
    eventually(lambda: not started.is_running)
    eventually(lambda: not Path(f"/proc/{started.pid}").exists() or sys.platform != "linux")
    assert Process.of(started.pid) is None


def test_without_descriptors_of_processes_it_is_told_apart_too(sleeper, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    known = Process.of(sleeper.pid)
    assert not replace(known, started="1").send(signal.SIGTERM)
    assert sleeper.poll() is None
    assert known.send(signal.SIGTERM)
    assert sleeper.wait(timeout=30) == -signal.SIGTERM


def test_without_proc_ps_tells_when_it_started(sleeper, monkeypatch):
    monkeypatch.setattr(processes, "_BOOT_ID", Path("/nowhere"))
    known = Process.of(sleeper.pid)
    assert known.is_running
    sleeper.kill()
    sleeper.wait()
    assert not known.is_running


def test_what_an_interrupted_update_left_over_goes_with_the_next_change(folder, sleeper):
    first = remembered(folder, Process(2**22 + 1, "long ago"))
    second = remembered(folder, Process.of(sleeper.pid), log=str(folder / "iris.1.log"))
    assert records.read("iris") == [first, second]
    client = get_deploy_client("local")
    assert client.get_deployment("iris")["pid"] == sleeper.pid
    assert len(client.list_deployments()) == 1
    client.delete_deployment("iris")
    assert sleeper.wait(timeout=30) is not None
    assert list(folder.iterdir()) == []


def test_a_folder_that_others_can_write_to_is_refused(folder, sleeper):
    remembered(folder, Process.of(sleeper.pid))
    for mode in (0o770, 0o707, 0o750):
        folder.chmod(mode)
        with pytest.raises(InvalidArgumentError, match=r"open to others than you.*chmod 700"):
            get_deploy_client("local").delete_deployment("iris")
    assert sleeper.poll() is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"name": "../up"},
        {"pid": -1},
        {"pid": 1},
        {"pid": True},
        {"pid": "1"},
        {"log": "/etc/passwd"},
        {"log": "../x"},
        {"config": [1]},
        {"config": {"trust": "a;id"}},
        {"config": {"no_such": 1}},
        {"started": None},
        {"no_such": 1},
    ],
    ids=str,
)
def test_a_file_that_was_not_written_by_flavorkit_is_an_error(folder, sleeper, change):
    remembered(folder, Process.of(sleeper.pid))
    path = folder / "iris.json"
    content = json.loads(path.read_text())
    content["instances"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(DeploymentError, match=r"iris.json is not what flavorkit has written"):
        get_deploy_client("local").delete_deployment("iris")
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_file_that_is_damaged_is_an_error(folder, text):
    (folder / "iris.json").write_text(text)
    with pytest.raises(DeploymentError, match=r"iris.json is not what flavorkit has written"):
        get_deploy_client("local").list_deployments()


def test_one_at_a_time_changes_a_deployment(folder):
    seen = []

    def change(number):
        with records.locked("iris"):
            seen.append(number)
            seen.append(number)

    with records.locked("iris"):
        threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        with records.locked("other"):
            assert seen == []
    for thread in threads:
        thread.join()
    assert seen[::2] == seen[1::2]
    assert len(seen) == 16
    assert list(folder.iterdir()) == []


def test_where_it_is_remembered_when_nobody_says(tmp_path, monkeypatch):
    monkeypatch.delenv("FLAVORKIT_DEPLOYMENTS_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert records.folder() == tmp_path / "flavorkit" / "deployments"


def test_every_option_of_the_server_is_a_setting():
    ours = {"argument", "option", "port", "host", "name", "no_conda", "install_mlflow"}
    assert set(settings.SERVE) | ours == {parameter.name for parameter in serve.params}


def test_options_are_single_arguments():
    given = {
        "workers": "2",
        "timeout": 2.5,
        "log-requests": "true",
        "strict_env": False,
        "trust": ["a.B", "c.D"],
    }
    assert list(settings.serve_options(settings.read(given, settings.SERVE))) == [
        "--workers=2",
        "--timeout=2.5",
        "--log-requests",
        "--trust=a.B",
        "--trust=c.D",
    ]


def test_the_first_announcement_says_the_address(folder, sleeper):
    served = remembered(folder, Process.of(sleeper.pid))
    Path(served.log).write_text(
        "loading m\nserving m on http://10.0.0.1:1 (sklearn, 1 worker) on http://127.0.0.1:77\n"
        "GET /serving m on http://127.0.0.1:99\n"
    )
    assert get_deploy_client("local").get_deployment("iris")["url"] == "http://127.0.0.1:77"
    get_deploy_client("local").delete_deployment("iris")


@pytest.mark.slow
def test_run_local_serves_until_it_is_interrupted(folder, iris_folder, tmp_path, port):
    code = (
        "import sys; from flavorkit.deployments import run_local;"
        " run_local('local', 'tried', sys.argv[1], config={'port': sys.argv[2], 'workers': 1})"
    )
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-c", code, str(iris_folder), str(port)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=log,
            start_new_session=True,
        )
    eventually(lambda: f"on http://127.0.0.1:{port}" in (tmp_path / "log").read_text())
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    assert started.wait(timeout=60) == 0, (tmp_path / "log").read_text()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_run_local_says_that_the_server_failed(folder, tmp_path):
    with pytest.raises(DeploymentError, match=r"the server ended with status 1"):
        process.run_local("tried", str(tmp_path / "nowhere"), config={"port": 0})
