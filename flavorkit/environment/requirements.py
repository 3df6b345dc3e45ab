"""Lists of pip requirements: read, check, merge.

A requirements file can do more than name packages: install from elsewhere, run a setup script, read
other files. Unless the caller asks for that, only names, versions, markers and hashes pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from flavorkit.errors import RequirementError

MAX_LINES = 10_000

_HASH = re.compile(r"\s--hash=\w+:[0-9a-fA-F]+")
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True)
class Requirements:
    """What a model needs: one line each, and what limits the versions of the rest."""

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()

    def names(self) -> set[str]:
        """The canonical names of the packages in :attr:`lines`."""
        return {name for line in self.lines if (name := name_of(line)) is not None}

    def extended(self, other: Requirements) -> Requirements:
        """These and the others; where both name a package, the other's line stands.

        Hashes stay if every line has some, since pip takes them for all lines or for none.
        """
        given = other.names()
        lines = {*(line for line in self.lines if name_of(line) not in given), *other.lines}
        if not all(_HASH.search(line) for line in lines):
            lines = {without_hashes(line) for line in lines}
        return Requirements(
            tuple(sorted(lines, key=str.lower)),
            tuple(dict.fromkeys((*self.constraints, *other.constraints))),
        )


def parse(source: str | Path | Iterable[str], *, allow_options: bool = False) -> Requirements:
    """Check a list of requirements, or the file at a path.

    Args:
        source: lines, or the path of a file of lines. A line ``-c FILE`` names a file of
            constraints, which is read.
        allow_options: let through what can install from elsewhere: ``-e``, ``-r``, ``--index-url``
            and other options, URLs and paths.

    Raises:
        RequirementError: a line is malformed or smuggles something; the message names it.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        return _parse_lines(_lines_of(path), path.parent, allow_options)
    return _parse_lines(list(source), Path(), allow_options)


def name_of(line: str) -> str | None:
    """The canonical name of the package that a line asks for; None for an option."""
    try:
        return canonicalize_name(Requirement(without_hashes(line)).name)
    except InvalidRequirement:
        return None


def without_hashes(line: str) -> str:
    """The requirement alone, where hashes of its files follow it."""
    return _HASH.sub("", line).strip()


def have_hashes(lines: Iterable[str]) -> bool:
    """Whether hashes of its files follow one of them; an installer then wants some for each."""
    return any("--hash=" in line for line in lines)


def normalised(line: str) -> str:
    """One spelling for lines that mean the same; an option stays as it is."""
    try:
        requirement = Requirement(without_hashes(line))
    except InvalidRequirement:
        return " ".join(line.split())
    requirement.name = canonicalize_name(requirement.name)
    hashes = sorted(found.strip() for found in _HASH.findall(line))
    return " ".join([str(requirement), *hashes])


def check(line: str, *, allow_options: bool = False) -> str:
    """One line without its comment, if it is a plain requirement.

    Raises:
        RequirementError: it is not.
    """
    if not line.isprintable():
        raise RequirementError(f"{line!r} has characters that no requirement has")
    if line.startswith("-"):
        if allow_options:
            return line
        raise _smuggled(line, "an option, which can change where packages come from")
    try:
        requirement = Requirement(without_hashes(line))
    except InvalidRequirement as exc:
        if allow_options and not re.search(r"[;&|`$<>]", line):
            return line  # a path or a URL, which pip takes as it is
        if "://" in line or line.startswith((".", "/", "~")):
            raise _smuggled(line, "a URL or a path, which can hold anything") from None
        raise RequirementError(f"{line!r} is not a requirement: {exc}") from None
    if requirement.url and not allow_options:
        raise _smuggled(line, "a URL, which can hold anything")
    return line


def _parse_lines(lines: list[str], base: Path, allow_options: bool) -> Requirements:
    if len(lines) > MAX_LINES:
        raise RequirementError(f"more than {MAX_LINES} requirements")
    found: list[str] = []
    constraints: list[str] = []
    for raw in lines:
        line = _COMMENT.sub("", str(raw)).strip()
        if not line:
            continue
        option, _, value = line.partition(" ")
        if option in {"-c", "--constraint"}:
            limits = _parse_lines(_lines_of(base / value.strip()), base, allow_options)
            constraints += limits.lines
        elif option in {"-r", "--requirement"} and allow_options:
            included = base / value.strip()
            nested = _parse_lines(_lines_of(included), included.parent, allow_options)
            found += nested.lines
            constraints += nested.constraints
        else:
            found.append(check(line, allow_options=allow_options))
    return Requirements(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(constraints)))


def _lines_of(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise RequirementError(f"the requirements file {path} cannot be read: {exc}") from None
    return text.replace("\\\n", " ").splitlines()


def _smuggled(line: str, what: str) -> RequirementError:
    return RequirementError(
        f"{line!r} is {what}; if that is meant, pass allow_requirement_options=True,"
        " or --allow-requirement-options to a command"
    )
