"""A list of requirements names packages, and can do nothing else unless that is asked for."""

import pytest

from flavorkit.environment import Requirements, parse
from flavorkit.environment.requirements import name_of
from flavorkit.errors import RequirementError


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==2.4.6",
        "scikit-learn[alldeps]>=1.5,<2",
        'pywin32; sys_platform == "win32"',
        "torch==2.13.0+cpu",
        "numpy==2.4.6 --hash=sha256:" + "0" * 64,
        "NumPy ~= 2.0",
    ],
)
def test_plain_requirements_pass(line):
    assert parse([line]).lines == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://evil",
        "-i http://evil",
        "--extra-index-url=http://evil",
        "-e git+https://evil/x",
        "-r /etc/passwd",
        "--find-links http://evil",
        "--trusted-host evil",
        "--global-option=x",
        "--config-settings x=y",
        "pkg @ file:///tmp/x",
        "pkg @ git+ext::sh -c id",
        "pkg @ https://evil/x.whl",
        "./local.whl",
        "http://evil/x.whl",
        "numpy; curl x|sh #",
        "numpy && id",
        "$(id)",
        "`id`",
        "numpy\nRUN id",
        "numpy # \\",
        "n\N{GREEK SMALL LETTER UPSILON}mpy",
        "numpy\0",
        "numpy --hash=sha256:x",
        "numpy==1.0; os_name == __import__('os')",
    ],
)
def test_everything_else_is_refused(line):
    if line == "numpy # \\":
        assert parse([line]).lines == ("numpy",)  # the rest is a comment
        return
    with pytest.raises(
        RequirementError, match=r"is not a requirement|is an option|is a URL|characters"
    ):
        parse([line])


@pytest.mark.parametrize(
    "line",
    ["--index-url https://mirror/simple", "-e ./here", "pkg @ https://x/y.whl", "./local.whl"],
)
def test_unless_it_is_asked_for(line):
    assert parse([line], allow_options=True).lines == (line,)


@pytest.mark.parametrize("line", ["numpy; curl x|sh", "$(id)", "a && b"])
def test_shell_is_never_let_through(line):
    with pytest.raises(RequirementError, match="is not a requirement"):
        parse([line], allow_options=True)


def test_files_have_comments_blank_lines_and_continuations(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# the model\n\nnumpy==2.4.6  # why\nscikit-learn \\\n  >=1.5\nnumpy==2.4.6\n")
    assert parse(path).lines == ("numpy==2.4.6", "scikit-learn    >=1.5")
    assert parse(str(path)).names() == {"numpy", "scikit-learn"}


def test_constraints_are_read(tmp_path):
    (tmp_path / "limits.txt").write_text("scipy<2\n")
    path = tmp_path / "requirements.txt"
    path.write_text("numpy\n-c limits.txt\n")
    assert parse(path) == Requirements(("numpy",), ("scipy<2",))
    (tmp_path / "limits.txt").write_text("--index-url http://evil\n")
    with pytest.raises(RequirementError, match="is an option"):
        parse(path)


def test_included_files_are_read_when_that_is_asked_for(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("scipy\n-c limits.txt\n")
    (tmp_path / "sub" / "limits.txt").write_text("joblib<2\n")
    path = tmp_path / "requirements.txt"
    path.write_text("numpy\n-r sub/more.txt\n")
    assert parse(path, allow_options=True) == Requirements(("numpy", "scipy"), ("joblib<2",))
    with pytest.raises(RequirementError, match=r"'-r sub/more\.txt' is an option"):
        parse(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(RequirementError, match=r"gone\.txt cannot be read"):
        parse(tmp_path / "gone.txt")


def test_lists_without_end_are_refused():
    with pytest.raises(RequirementError, match="more than 10000"):
        parse(["numpy"] * 10_001)


def test_extra_lines_replace_those_of_the_same_package():
    found = Requirements(("numpy==2.4.6", "scikit-learn==1.9.1"))
    extra = Requirements(("Scikit_Learn>=1.5", "xgboost"), ("scipy<2",))
    assert found.extended(extra) == Requirements(
        ("numpy==2.4.6", "Scikit_Learn>=1.5", "xgboost"), ("scipy<2",)
    )


def test_names_are_canonical():
    assert name_of("Scikit_Learn[x]>=1") == "scikit-learn"
    assert name_of("--index-url x") is None
