"""The files that describe an environment are those MLflow writes and reads."""

import platform

import pytest
import yaml

from flavorkit.environment import Requirements, files
from flavorkit.environment.choice import Choice
from flavorkit.errors import DescriptorError, RequirementError

NEEDED = Requirements(("numpy==2.4.6", "torch==2.13.0  # saved with 2.13.0+cpu"), ("scipy<2",))


def test_all_files_are_written(tmp_path):
    files.write(tmp_path, NEEDED, None)
    assert (tmp_path / "requirements.txt").read_text() == (
        "numpy==2.4.6\ntorch==2.13.0  # saved with 2.13.0+cpu\n-c constraints.txt\n"
    )
    assert (tmp_path / "constraints.txt").read_text() == "scipy<2\n"
    python_env = (tmp_path / "python_env.yaml").read_text()
    assert python_env.startswith(
        f"python: {platform.python_version()}\nbuild_dependencies:\n- pip=="
    )
    assert python_env.endswith("dependencies:\n- -r requirements.txt\n")
    conda = yaml.safe_load((tmp_path / "conda.yaml").read_text())
    assert conda["name"] == "mlflow-env"
    assert conda["dependencies"][-1] == {
        "pip": ["numpy==2.4.6", "torch==2.13.0", "-c constraints.txt"]
    }


def test_what_is_written_reads_back(tmp_path):
    files.write(tmp_path, NEEDED, None)
    assert files.read(tmp_path) == Requirements(("numpy==2.4.6", "torch==2.13.0"), ("scipy<2",))


def test_a_folder_without_a_list_needs_nothing(tmp_path):
    assert files.read(tmp_path) == Requirements()


@pytest.mark.parametrize(
    "line", ["-c /etc/passwd", "-c ../x", "--constraint=x", "--index-url http://evil"]
)
def test_a_list_that_smuggles_is_refused(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(RequirementError, match=r"reads another file|is an option"):
        files.read(tmp_path)


def test_a_conda_environment_is_written_as_given(tmp_path):
    conda = {"channels": ["x"], "dependencies": ["python=3.11", {"pip": ["numpy==1.0"]}]}
    choice = Choice.of(None, None, conda, allow_options=False)
    needed = choice.requirements({"sklearn"}, ["skops"], home={})
    files.write(tmp_path, needed, choice.conda_env)
    assert yaml.safe_load((tmp_path / "conda.yaml").read_text()) == conda
    assert (tmp_path / "requirements.txt").read_text() == "numpy==1.0\n"


def test_a_conda_environment_may_be_a_file(tmp_path):
    path = tmp_path / "env.yaml"
    path.write_text("dependencies:\n- python=3.11\n")
    assert Choice.of(None, None, path, allow_options=False).given == Requirements()
    path.write_text("!!python/object:x {}")
    with pytest.raises(DescriptorError, match="tags are not allowed"):
        Choice.of(None, None, str(path), allow_options=False)


@pytest.mark.parametrize("conda", [{"dependencies": 3}, {"dependencies": [{"pip": ["-e ."]}]}])
def test_a_conda_environment_that_is_none_is_refused(conda):
    with pytest.raises(RequirementError, match=r"must be a mapping|is an option"):
        Choice.of(None, None, conda, allow_options=False)


@pytest.mark.parametrize("args", [(["a"], ["b"], None), (["a"], None, {}), (None, ["a"], {})])
def test_only_one_way_to_say_it(args):
    with pytest.raises(RequirementError, match="pass one of pip_requirements"):
        Choice.of(*args, allow_options=False)


def test_what_is_given_replaces_what_is_found_and_extras_add_to_it():
    given = Choice.of(["x==1"], None, None, allow_options=False)
    assert given.requirements({"numpy"}, ["skops"], home={}).lines == ("x==1",)
    extra = Choice.of(None, ["x==1"], None, allow_options=False)
    assert extra.requirements({"numpy"}, [], home={}).names() == {"numpy", "x"}
    nothing = Choice.of(None, None, None, allow_options=False)
    assert nothing.requirements({"numpy"}, [], home={}).names() == {"numpy"}


@pytest.mark.parametrize(
    ("requirements", "constraints"),
    [
        ("-c /etc/passwd", ""),
        (" -c /etc/passwd", ""),
        ("-c \\\n/etc/passwd", ""),
        ("-c/etc/passwd", ""),
        ("--constraint=/etc/passwd", ""),
        ("-r /etc/passwd", ""),
        ("-c constraints.txt", "-c /etc/passwd"),
        ("-c constraints.txt", " -r /etc/passwd"),
        ("-c constraints.txt", "-c constraints.txt"),
    ],
)
@pytest.mark.parametrize("allow_options", [False, True])
def test_no_list_makes_us_read_another_file(tmp_path, requirements, constraints, allow_options):
    (tmp_path / "requirements.txt").write_text(requirements)
    (tmp_path / "constraints.txt").write_text(constraints)
    with pytest.raises(RequirementError, match="reads another file than constraints"):
        files.read(tmp_path, allow_options=allow_options)


def test_a_list_without_end_is_not_read_to_it(tmp_path):
    (tmp_path / "requirements.txt").write_text("a\n" * 3_000_000)
    with pytest.raises(RequirementError, match="is larger than"):
        files.read(tmp_path)
