"""Run while an image is built: install packages, remove what no model needs, compile the rest.

``python install.py FOLDER -- COMMAND [-- COMMAND ...]`` runs the commands that fill the environment
in ``FOLDER``. All of it is one step, since an engine keeps what each step leaves, and what a later
one removes is kept all the same. The file is copied into the build as it stands, before flavorkit
is there, so it imports nothing but the standard library.

Installed packages bring their own tests along, a quarter of what scikit-learn, SciPy, NumPy and
pandas take. A folder named ``tests`` goes unless something outside of such folders imports from it.
"""

from __future__ import annotations

import compileall
import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

_TESTS = "tests"
# A statement that imports and names tests, over several lines where it has a bracket.
_IMPORT = re.compile(
    rb"^[ \t]*((?:from|import)\s(?:[^#\n(\\]|\\\n?)*(?:\([^)]*)?\b"
    + _TESTS.encode()
    + rb"\b[^#\n]*)",
    re.MULTILINE,
)
_FROM = re.compile(r"from\s+(\.*)\s*([\w.]*)\s*\bimport\b(.*)", re.DOTALL)


def trim(packages: Path) -> int:
    """Remove the tests of the distributions in ``packages``; the number of bytes is returned."""
    imported = set(_imported(packages))
    unused = [folder for folder in _folders_of_tests(packages) if folder not in imported]
    removed = 0
    for folder in unused:
        removed += sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
        shutil.rmtree(folder)
    if unused:
        for record in packages.glob("*.dist-info/RECORD"):
            _forget_missing(record)
    return removed


def compile_all(packages: Path) -> None:
    """Compile the byte code, so that equal files make equal ones: it names no time."""
    compileall.compile_dir(
        packages,
        force=True,  # what a package brought along may name one
        quiet=2,
        workers=0,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )


def _folders_of_tests(packages: Path) -> list[Path]:
    """The outermost ones of each package; a package of that name is left with all of it."""
    return [
        path
        for path in sorted(packages.rglob(_TESTS))
        if path.is_dir()
        and path.parent != packages
        and _TESTS not in path.relative_to(packages).parts[:-1]
    ]


def _imported(packages: Path) -> Iterator[Path]:
    """The folders of tests that modules outside of such folders import from."""
    for module in packages.rglob("*.py"):
        if _TESTS not in module.relative_to(packages).parts[1:]:
            for found in _IMPORT.finditer(module.read_bytes()):
                yield from _meant(found[1].decode("utf-8", "replace"), module, packages)


def _meant(statement: str, module: Path, packages: Path) -> Iterator[Path]:
    """The folders of tests that an import in ``module`` names, as Python would look for them."""
    base = packages
    if found := _FROM.match(statement):
        dots, origin, listed = found.groups()
        names = [f"{origin}.{name}" for name in re.findall(r"\w+", listed)] or [origin]
        if dots:
            base = module.parents[min(len(dots), len(module.parents)) - 1]
    else:
        names = re.findall(r"[\w.]+", statement)
    for name in names:
        parts = list(filter(None, name.split(".")))
        if _TESTS in parts:
            yield base.joinpath(*parts[: parts.index(_TESTS) + 1])


def _forget_missing(record: Path) -> None:
    """Take what is no more out of the list of a distribution's files."""
    with record.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    kept = [row for row in rows if row and (record.parents[1] / row[0]).exists()]
    if len(kept) < len(rows):
        with record.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(kept)


def main() -> None:
    """Do all of it; the status is that of the first command that fails."""
    folder, *rest = sys.argv[1:]
    for command in _commands(rest):
        status = subprocess.run(command, check=False).returncode
        if status != 0:
            sys.exit(status)
    (packages,) = Path(folder).glob("lib/python3.*/site-packages")
    sys.stdout.write(f"removed {trim(packages) / 1e6:.0f} MB of tests\n")
    compile_all(packages)


def _commands(arguments: list[str]) -> Iterator[list[str]]:
    """Those that ``--`` begins."""
    command: list[str] = []
    for argument in [*arguments, "--"]:
        if argument != "--":
            command.append(argument)
        elif command:
            yield command
            command = []


if __name__ == "__main__":
    main()
