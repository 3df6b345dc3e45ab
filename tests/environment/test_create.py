"""An environment is made once, is complete or absent, and holds what the model lists."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flavorkit.environment import cache
from flavorkit.environment import create as creating
from flavorkit.environment.create import Spec, prepare
from flavorkit.environment.requirements import Requirements
from flavorkit.environment.wheel import OwnWheel
from flavorkit.errors import EnvironmentBuildError, MissingDependencyError, RequirementError
from flavorkit.version import __version__
from tests.environment.conftest import names


def quiet(line):
    pass


def run_in(environment, code):
    command = [str(environment.python), "-P", "-c", code]
    variables = creating.tool_environment()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    return done.stdout.strip()


def test_it_holds_what_the_model_lists_and_flavorkit(environment):
    code = "import six, flavorkit.serving.server as s; print(six.__version__, s.__file__)"
    version, file = run_in(environment, code).split()
    assert version == "1.16.0"
    assert Path(file).is_relative_to(environment.place.prefix)
    assert run_in(environment, "import sys; print(*sys.version_info[:2])") == (
        "{} {}".format(*sys.version_info[:2])
    )


def test_its_byte_code_is_compiled(environment):
    code = "import six, flavorkit; print(six.__cached__, flavorkit.__cached__)"
    assert all(Path(path).exists() for path in run_in(environment, code).split())


def test_the_command_runs_in_it(environment):
    for command in (["-P", "-m", "flavorkit"], [str(environment.python.with_name("flavorkit"))]):
        done = subprocess.run(
            [str(environment.python), *command, "--version"],
            env=creating.tool_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"flavorkit, version {__version__}\n"


def test_it_is_made_once(environment, model):
    said = []
    manager = environment.place.folder.name.partition("-")[0]
    again = prepare(Spec.of(model, manager), said.append)
    assert again.place == environment.place
    assert said == []
    again.release()


def test_a_use_is_noted(fake_uv, model, root):
    fake_uv.install()
    made = prepare(Spec.of(model, "uv"), quiet)
    made.release()
    marker = made.place.folder / "complete.json"
    os.utime(marker, (0, 0))
    prepare(Spec.of(model, "uv"), quiet).release()
    assert marker.stat().st_mtime > 0
    assert fake_uv.calls == ["venv", "install"]


PREPARE = """
import sys
from pathlib import Path
from flavorkit.environment.create import Spec, prepare
say = lambda line: print(line, file=sys.stderr, flush=True)
print(prepare(Spec.of(Path(sys.argv[1]), sys.argv[2]), say).python)
"""


def preparing(model, manager="uv"):
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(model), manager],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_make_it_once(fake_uv, model, root):
    fake_uv.install()
    fake_uv.hold_up()
    first = preparing(model)
    fake_uv.wait_until_begun()
    second = preparing(model)
    assert "another process is making the environment" in second.stderr.readline()
    fake_uv.let_go()
    found = {first.communicate()[0], second.communicate()[0]}
    assert found == {f"{root / names(root)[0] / 'env' / 'bin' / 'python'}\n"}
    assert (first.returncode, second.returncode) == (0, 0)
    assert fake_uv.calls == ["venv", "install"]


@pytest.mark.slow
def test_two_processes_at_once_end_with_a_good_one(model, root):
    both = [preparing(model), preparing(model)]
    paths = {process.communicate()[0].strip() for process in both}
    assert len(paths) == 1
    done = subprocess.run([paths.pop(), "-Pc", "import six, flavorkit.pyfunc"], check=False)
    assert done.returncode == 0


def test_what_a_killed_process_leaves_is_not_believed(fake_uv, model, root):
    fake_uv.install()
    fake_uv.hold_up()
    process = preparing(model)
    fake_uv.wait_until_begun()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = cache.cached()
    assert left.used_at is None
    # The tool that it had started still writes there, and keeps the lock.
    assert cache.prune(None) == []
    fake_uv.let_go()
    made = prepare(Spec.of(model, "uv"), quiet)
    assert cache.find(made.place) is not None
    assert fake_uv.calls == ["venv", "install", "venv", "install"]
    made.release()


def test_an_environment_whose_python_is_gone_is_made_again(fake_uv, model, root):
    fake_uv.install()
    made = prepare(Spec.of(model, "uv"), quiet)
    made.release()
    made.python.unlink()
    prepare(Spec.of(model, "uv"), quiet).release()
    assert made.python.exists()


def test_a_failure_leaves_nothing_and_says_what_the_tool_said(fake_uv, model, root):
    fake_uv.install(then="echo no such package: six; exit 3")
    with pytest.raises(
        EnvironmentBuildError,
        match=r"uv pip install .* failed with status 3: no such package: six; see that",
    ):
        prepare(Spec.of(model, "uv"), quiet)
    assert names(root) == []


def test_what_can_not_be_installed_is_said(model, root):
    (model / "requirements.txt").write_text("six==1.16.0\nsix==1.15.0\n")
    with pytest.raises(EnvironmentBuildError, match=r"six==1\.15\.0.*unsatisfiable"):
        prepare(Spec.of(model, "uv"), quiet)
    assert names(root) == []


def test_hashes_are_checked(model, root):
    (model / "requirements.txt").write_text(f"six==1.16.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(EnvironmentBuildError, match=r"(?i)hash mismatch"):
        prepare(Spec.of(model, "uv"), quiet)
    assert names(root) == []


def test_the_tools_get_no_variable_that_points_elsewhere(fake_uv, model, root, monkeypatch):
    fake_uv.install()
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror.example/simple")
    prepare(Spec.of(model, "uv"), quiet).release()
    variables = Path(f"{fake_uv.log}.variables").read_text()
    assert "/elsewhere" not in variables
    assert "PIP_INDEX_URL=https://mirror.example/simple" in variables
    assert "UV_INDEX_URL=https://mirror.example/simple" in variables


def test_requirements_that_smuggle_make_nothing(model, root):
    (model / "requirements.txt").write_text("--index-url http://evil\nsix\n")
    with pytest.raises(RequirementError, match="is an option"):
        Spec.of(model, "uv")


def test_lines_go_into_a_file_and_not_into_arguments(fake_uv, model, root):
    fake_uv.install()
    (model / "requirements.txt").write_text("six==1.16.0\n-c constraints.txt\n")
    (model / "constraints.txt").write_text("idna<4\n")
    made = prepare(Spec.of(model, "uv"), quiet)
    made.release()
    arguments = Path(f"{fake_uv.log}.arguments").read_text()
    assert "six" not in arguments
    assert "-- " in arguments
    assert made.place.requirements.read_text() == "six==1.16.0\n"
    assert made.place.constraints.read_text() == "idna<4\n"


@pytest.mark.parametrize(
    ("one", "other", "are_the_same"),
    [
        (("Six == 1.16.0", "a"), ("a", "six==1.16.0"), True),
        (("six==1.16.0",), ("six==1.16.1",), False),
        (("six==1.16.0",), ("six==1.16.0 --hash=sha256:" + "0" * 64,), False),
    ],
)
def test_equal_requirements_share_an_environment(one, other, are_the_same):
    wheel = OwnWheel.of_running()
    first, second = (Spec("uv", "3.11", Requirements(lines)).name(wheel) for lines in (one, other))
    assert (first == second) is are_the_same


def test_everything_that_matters_is_in_the_name():
    wheel = OwnWheel.of_running()
    other_wheel = OwnWheel((*wheel.members[:-1], ("RECORD", b"other")))
    found = {
        Spec("uv", "3.11", Requirements()).name(wheel),
        Spec("uv", "3.12", Requirements()).name(wheel),
        Spec("virtualenv", "3.11", Requirements()).name(wheel),
        Spec("uv", "3.11", Requirements((), ("six<2",))).name(wheel),
        Spec("conda", "3.11", Requirements(), {"dependencies": []}).name(wheel),
        Spec("uv", "3.11", Requirements()).name(other_wheel),
    }
    assert len(found) == 6


def test_the_version_of_python_is_the_models(model):
    assert Spec.of(model, "uv").python == "{}.{}".format(*sys.version_info[:2])
    (model / "python_env.yaml").write_text("python: 3.12.4\n")
    assert Spec.of(model, "uv").python == "3.12"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("python: 3.12\n", "python is 3.12, which is no version"),
        ("python: --evil\n", "no version of Python"),
        ("python: 3.12.1/../../x\n", "no version of Python"),
        ("- python\n", "python is None"),
        ("python: 3.9.1\n", r"saved with Python 3\.9\.1, and flavorkit runs on 3\.11 and newer"),
    ],
)
def test_other_versions_of_python_are_refused(model, text, problem):
    (model / "python_env.yaml").write_text(text)
    with pytest.raises(EnvironmentBuildError, match=problem):
        Spec.of(model, "uv")


def test_virtualenv_takes_a_python_that_is_there(model, root, monkeypatch):
    (model / "python_env.yaml").write_text("python: 3.99.0\n")
    with pytest.raises(EnvironmentBuildError, match=r"no python3\.99 on this machine; install it"):
        prepare(Spec.of(model, "virtualenv"), quiet)
    script = root.parent / "python3.99"
    script.write_text("#!/bin/sh\necho I was asked; exit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    with pytest.raises(EnvironmentBuildError, match="I was asked"):
        prepare(Spec.of(model, "virtualenv"), quiet)


@pytest.mark.parametrize("manager", ["uv", "conda"])
def test_a_manager_that_is_missing_is_named(model, root, monkeypatch, manager):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        (MissingDependencyError, EnvironmentBuildError),
        match=r"pip install 'uv'|conda is not installed",
    ):
        prepare(Spec.of(model, manager), quiet)
    assert names(root) == []


def test_a_root_that_others_can_write_to_is_refused(model, root):
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(EnvironmentBuildError, match=r"others can write to .*; chmod go-w"):
        prepare(Spec.of(model, "uv"), quiet)


def test_long_work_is_announced(fake_uv, model, root, monkeypatch):
    fake_uv.install()
    monkeypatch.setattr(creating, "_QUIET_SECONDS", 0.0)
    said = []
    prepare(Spec.of(model, "uv"), said.append).release()
    assert "making the environment" in said[0]
    assert "made the environment in" in said[-1]


def test_the_wheel_is_the_same_each_time(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    paths = [OwnWheel.of_running().write(folder) for folder in (one, other)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        inside = archive.namelist()
        described = archive.read(f"flavorkit-{__version__}.dist-info/METADATA").decode()
    assert "flavorkit/serving/app.py" in inside
    assert not any("__pycache__" in name for name in inside)
    assert "Requires-Dist: click" in described
