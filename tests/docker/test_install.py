"""What a build does beside installing: tests of packages go, and the rest is compiled."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flavorkit.docker import install
from flavorkit.docker.install import compile_all, trim


@pytest.fixture
def packages(tmp_path):
    """A folder of installed packages, as its tests fill it."""
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def fill(packages: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def left(packages: Path) -> set[str]:
    files = {path for path in packages.rglob("*") if path.is_file()}
    return {path.relative_to(packages).as_posix() for path in files}


def test_tests_of_packages_go_and_nothing_else_does(packages):
    kept = {
        "acme/__init__.py": "",
        "acme/data/rows.csv": "1",
        "acme/testing/__init__.py": "",
        "acme/test_tools.py": "",
        "acme/latests/x.py": "",
        "acme/sub/__init__.py": "",
        "plain.py": "",
    }
    gone = {
        "acme/tests/__init__.py": "12345",
        "acme/tests/data/rows.csv": "123",
        "acme/sub/tests/test_x.py": "12",
        "acme/sub/tests/deeper/tests/x.py": "",
    }
    fill(packages, kept | gone)
    assert trim(packages) == 10
    assert left(packages) == set(kept)
    assert not (packages / "acme" / "tests").exists()
    assert trim(packages) == 0


IMPORTS = [
    ("acme/x.py", "from .tests import helper"),
    ("acme/x.py", "from . import tests"),
    ("acme/x.py", "from . import (\n    other,\n    tests,  # for users\n)"),
    ("acme/x.py", "from .tests.helper import (\n    one,\n)"),
    ("acme/x.py", "from . import \\\n    tests"),
    ("acme/x.py", "    from acme.tests.helper import one"),
    ("acme/x.py", "import acme.tests.helper"),
    ("acme/x.py", "import sys, acme.tests.helper as helper"),
    ("acme/x.py", "from acme import tests"),
    ("acme/x.py", "from acme import other, tests as checks"),
    ("acme/sub/x.py", "from ..tests import helper"),
    ("acme/sub/x.py", "from .. import tests"),
    ("acme/sub/deep/x.py", "from ...tests.helper import one"),
    ("acme/sub/__init__.py", "import acme.tests"),
    ("other/x.py", "from acme.tests import helper"),
    ("other/x.py", "from acme import tests"),
    ("single.py", "import acme.tests.helper"),
]


@pytest.mark.parametrize(("module", "line"), IMPORTS)
def test_tests_that_others_import_from_stay(packages, module, line):
    files = {"acme/tests/helper.py": "one = 1", "acme/sub/tests/x.py": "", module: f"{line}\n"}
    fill(packages, files)
    trim(packages)
    assert left(packages) == {"acme/tests/helper.py", module}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("acme/x.py", "from .core.tests import helper"),
        ("acme/other/x.py", "from ..core.tests.helper import one"),
        ("acme/core/x.py", "from . import tests"),
        ("acme/x.py", "from .core import tests"),
    ],
)
def test_of_two_folders_the_one_that_is_meant_stays(packages, module, line):
    tests = {"acme/tests/x.py": "", "acme/core/tests/helper.py": "one = 1"}
    fill(packages, {**tests, module: f"{line}\n"})
    trim(packages)
    assert left(packages) == {"acme/core/tests/helper.py", module}


@pytest.mark.parametrize(
    "text",
    [
        "# from .tests import helper\n",
        "import acme  # not its tests\n",
        "tests = 1\n",
        "from .latests import x\n",
        "from .testing import tests_of\n",
        f"from {64 * chr(46)} import tests\n",
    ],
)
def test_other_lines_keep_no_tests(packages, text):
    fill(packages, {"acme/x.py": text, "acme/tests/x.py": ""})
    trim(packages)
    assert left(packages) == {"acme/x.py"}


def test_tests_that_only_tests_import_go(packages):
    fill(packages, {"acme/tests/x.py": "from . import tests\n", "acme/x.py": ""})
    fill(packages, {"acme/sub/tests/y.py": "from acme.tests import x\n"})
    trim(packages)
    assert left(packages) == {"acme/x.py"}


def test_a_package_that_is_called_tests_stays_with_all_of_it(packages):
    files = {"tests/__init__.py": "", "tests/x.py": "", "tests/sub/tests/y.py": ""}
    fill(packages, files)
    assert trim(packages) == 0
    assert left(packages) == set(files)


def test_the_list_of_installed_files_forgets_them(packages):
    record = "acme-1.0.dist-info/RECORD"
    fill(packages, {"acme/__init__.py": "", 'acme/a "b", c.txt': "", "acme/tests/__init__.py": ""})
    fill(packages, {"../../../bin/acme": ""})
    fill(
        packages,
        {
            record: "../../../bin/acme,sha256=a,1\n"
            "acme/__init__.py,sha256=b,0\n"
            '"acme/a ""b"", c.txt",sha256=c,0\n'
            "acme/tests/__init__.py,sha256=d,0\n"
            f"{record},,\n",
            "whole-1.0.dist-info/RECORD": "whole-1.0.dist-info/RECORD,,\r\n",
        },
    )
    trim(packages)
    assert (packages / record).read_text() == (
        "../../../bin/acme,sha256=a,1\n"
        "acme/__init__.py,sha256=b,0\n"
        '"acme/a ""b"", c.txt",sha256=c,0\n'
        f"{record},,\n"
    )
    untouched = (packages / "whole-1.0.dist-info/RECORD").read_bytes()
    assert untouched == b"whole-1.0.dist-info/RECORD,,\r\n"


def compiled(packages: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in packages.rglob("*.pyc")}


def test_byte_code_is_the_same_whenever_it_is_made(packages):
    fill(packages, {"acme/__init__.py": "x = {'a', 'b', 'c'}\n", "acme/y.py": "def f(): pass\n"})
    compile_all(packages)
    first = compiled(packages)
    assert len(first) == 2
    for content in first.values():
        assert content[:4] == importlib.util.MAGIC_NUMBER
        assert content[4:8] == b"\1\0\0\0"  # PEP 552: of a hash, which is not checked
    for path in packages.rglob("*.py"):
        os.utime(path, (1, 1))
    compile_all(packages)
    assert compiled(packages) == first


def test_byte_code_that_was_brought_along_with_a_time_is_made_anew(packages):
    fill(packages, {"acme/__init__.py": "x = 1\n"})
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(packages)], check=True)
    compile_all(packages)
    (content,) = compiled(packages).values()
    assert content[4:8] == b"\1\0\0\0"


def test_a_file_that_does_not_compile_keeps_nothing_back(packages):
    fill(packages, {"acme/__init__.py": "", "acme/template.py": "class {{name}}:\n"})
    compile_all(packages)
    assert len(compiled(packages)) == 1


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        (["--", "a", "-b", "c"], [["a", "-b", "c"]]),
        (["--", "a", "--", "b", "--c"], [["a"], ["b", "--c"]]),
        (["--", "--", "a", "--"], [["a"]]),
        ([], []),
    ],
)
def test_commands_are_told_apart_by_two_dashes(arguments, commands):
    assert list(install._commands(arguments)) == commands


PYTHON = [sys.executable, "-I", "-S"]
WRITE = (
    "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.parent.mkdir(parents=True); p.touch()"
)


def words(*commands: list[str]) -> list[str]:
    return [word for command in commands for word in ("--", *command)]


def test_it_runs_the_commands_and_cleans_up_after_them(packages, monkeypatch, capsys):
    folder = packages.parents[2]
    commands = words(
        [*PYTHON, "-c", WRITE, str(packages / "acme" / "x.py")],
        [*PYTHON, "-c", WRITE, str(packages / "other" / "tests" / "y.py")],
    )
    monkeypatch.setattr(sys, "argv", ["install.py", str(folder), *commands])
    install.main()
    assert capsys.readouterr().out == "removed 0 MB of tests\n"
    assert {path.name.partition(".")[0] for path in packages.rglob("*.py*")} == {"x"}
    assert len(compiled(packages)) == 1


def test_it_ends_with_the_status_of_the_first_command_that_fails(packages, tmp_path, monkeypatch):
    commands = words(
        [*PYTHON, "-c", "raise SystemExit(7)"],
        [*PYTHON, "-c", WRITE, str(tmp_path / "canary" / "x")],
    )
    monkeypatch.setattr(sys, "argv", ["install.py", str(packages.parents[2]), *commands])
    with pytest.raises(SystemExit, match=r"^7$"):
        install.main()
    assert not (tmp_path / "canary").exists()


def test_it_needs_nothing_but_the_standard_library(packages):
    """A build calls it as a file, before anything is installed."""
    fill(packages, {"acme/x.py": "", "acme/tests/y.py": ""})
    command = [*PYTHON, install.__file__, str(packages.parents[2])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (packages / "acme" / "tests").exists()
